"""The inspector's pages over ASGI: what they say, whom they let in, what hostile text does."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from html import unescape
from html.parser import HTMLParser
from urllib.parse import urlencode
from uuid import UUID, uuid4

import pytest
from httpx import ASGITransport, AsyncClient
from starlette.applications import Starlette
from starlette.requests import Request
from structlog.testing import capture_logs

from bot.app.monitoring import PageDoor
from bot.identity import Account
from bot.inspector import Inspector, Options, Sight, one_file, tell
from bot.store import HOUR_US, Store, memory_store
from connectors.base import File, Person
from connectors.web.access import AccessRules
from connectors.web.login import InspectorGate
from tests.doubles.inspector.stories import BEGAN_US, LOST, PLACE, RUN, add_run, words

pytestmark = pytest.mark.real_time  # pages are made in threads

HERE = "http://127.0.0.1"
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</script><svg onload=alert(1)>",
    "'-->]]></title></style></textarea><iframe src=javascript:alert(1)>",
    "``` \n# heading\n[link](javascript:alert(1)) ![](http://evil.example/x.png)",
    "safe\u202egnp.exe \u2066\u2069 \u200e\u061c end",
    "{{ 7 * 7 }} {% raw %} ${7*7} \x00 \ud800",
    'a | b\r\nContent-Disposition: x; filename="y"',
)
UNSEEN = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u061c\x00]")


def app(store: Store, access: AccessRules | None = None, *, questions: bool = True) -> AsyncClient:
    """A client of an inspector over this store."""
    options = Options(
        lambda: BEGAN_US + 4 * HOUR_US, lambda ref: f"https://chat.example/{ref.id}", questions
    )
    routes = Inspector(store, PageDoor(InspectorGate(access or AccessRules())), options).routes()
    return AsyncClient(transport=ASGITransport(Starlette(routes=routes)), base_url=HERE)


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    """A store with one whole run."""
    store = memory_store()
    await add_run(store)
    yield store
    await store.aclose()


class Elements(HTMLParser):
    """The elements of a page, and the attributes that could do something."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.dangers: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        for name, value in attrs:
            if name.startswith("on") or "javascript:" in (value or "") or name == "style":
                self.dangers.append(f"{tag} {name}={value}")


async def text_of(client: AsyncClient, path: str) -> str:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_a_run_has_its_chain_its_witnesses_and_its_picture(store: Store) -> None:
    page = await text_of(app(store), f"/runs/{RUN}")
    steps = ("Received", "Stored", "Admitted and started", "First token", "First text", "Ended")
    at = [page.index(f"<b>{step}") for step in steps]
    assert at == sorted(at)
    assert "<b>1 post</b>" in page
    each = re.findall(r"edit of part 1, took 0\.28 s, (\d+) characters", page)
    assert each, "each edit is in the chain"
    assert [int(chars) for chars in each] == sorted(int(chars) for chars in each)
    assert page.count("= generated") == 2
    assert "silent 2.63 s" in page
    assert ">429</text>" in page
    assert 'href="https://chat.example/1712.5"' in page


async def test_a_mended_run_says_when_the_screen_was_whole(store: Store) -> None:
    await add_run(store, LOST, verdict="mended")
    page = await text_of(app(store), f"/runs/{LOST}")
    assert re.search(r'class="at">1\d\.\d s</span><span><b>Mended</b>', page)


async def test_the_services_own_word_is_a_step_of_the_chain(store: Store) -> None:
    await add_run(store, LOST, outcome="failed", finish_reason="unknown", finish_word="wound_down")
    page = await text_of(app(store), f"/runs/{LOST}")
    assert re.search(r'class="bad-step".*The service.*s last word</b> .*wound_down', page)


async def test_a_planted_loss_shows_the_link_and_the_place(store: Store) -> None:
    await add_run(store, LOST, lost=70)
    page = await text_of(app(store), f"/runs/{LOST}")
    position = len("".join(words(70)))
    assert f"generated ≠ recorded <span>at character {position}</span>" in page
    assert f"recorded differs at character {position}" in page
    whole = await text_of(app(store), f"/runs/{RUN}")
    assert "generated ≠" not in whole


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_hostile_text_changes_nothing_on_any_page(store: Store, text: str) -> None:
    run_id = uuid4()
    await add_run(
        store, run_id, tokens=[text, " and on"], question=text, person=Person(text, text),
        model=text, files=(File("f", text, text, 3),), error=text, lost=0, finish_word=text[:64],
    )  # fmt: skip
    client = app(store)
    usual = await text_of(client, f"/runs/{RUN}")
    row = await store.runs.get(run_id)
    assert row is not None
    pages = [await text_of(client, path) for path in (f"/runs/{run_id}", "/runs", "/overview")]
    for page in [*pages, one_file(await tell(row, store))]:
        found = Elements(page)
        assert found.dangers == []
        assert set(found.names) - set(Elements(usual).names) <= {
            "form", "label", "select", "option", "input", "tbody", "style", "rect", "br", "circle",
            "dl", "dt", "dd", "section", "mark",
        }  # fmt: skip
        assert not UNSEEN.search(page)
        assert found.names.count("script") <= 2


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_files_of_hostile_text_are_only_text(store: Store, text: str) -> None:
    run_id = uuid4()
    await add_run(store, run_id, tokens=[text], question=text, person=Person("U", text))
    client = app(store)
    as_json = await client.get(f"/runs/{run_id}.json")
    name = f'attachment; filename="run-{run_id}.json"'
    assert as_json.headers["content-disposition"] == name
    assert as_json.text.isascii()
    stored = text.replace("\x00", "\ufffd").replace("\ud800", "\ufffd")
    assert json.loads(as_json.text)["question"] == stored
    markdown = await text_of(client, f"/runs/{run_id}.md")
    assert not UNSEEN.search(markdown)
    outside = re.sub(r"(?ms)^(`{3,})text\n.*?^\1$|(`+) .*? \2(?!`)", "", markdown)
    assert "<" not in outside
    assert "javascript" not in outside
    assert "# heading" not in outside


async def test_the_list_goes_back_and_forth_without_losing_a_run(store: Store) -> None:
    for n in range(230):
        same = BEGAN_US + (n // 3)  # some begin in the same microsecond
        await add_run(store, UUID(int=n + 1), tokens=["a"], started_us=same)
    client = app(store)
    seen: list[str] = []
    path: str | None = "/runs"
    while path:
        page = await text_of(client, path)
        seen += re.findall(r'class="time"><a href="/runs/([^"]+)"', page)
        older = re.search(r'href="([^"]+)" rel="next"', page)
        newer, path = path, older and older[1].replace("&amp;", "&")
    assert len(seen) == len(set(seen)) == 231
    back = re.search(r'href="([^"]+)" rel="prev"', await text_of(client, newer))
    assert back is not None
    again = await text_of(client, back[1].replace("&amp;", "&"))
    found = re.findall(r'class="time"><a href="/runs/([^"]+)"', again)
    assert found == seen[100:200]


async def test_filters_leave_what_they_name(store: Store) -> None:
    await add_run(store, LOST, lost=3, person=Person("U9", "Grace"), outcome="stopped")
    client = app(store)
    for query in ("verdict=broken", "outcome=stopped", "person=U9", "verdict=broken&person=U9"):
        page = await text_of(client, f"/runs?{query}")
        assert str(LOST) in page
        assert str(RUN) not in page
    assert "No run is so" in await text_of(client, "/runs?model=other")
    assert "No run is so" in await text_of(client, "/runs?until=2001-01-01T00:00")
    assert (await client.get("/runs?since=yesterday")).status_code == 400
    assert (await client.get("/runs?older=x")).status_code == 400


async def test_questions_are_listed_only_where_texts_may_be_logged(store: Store) -> None:
    assert "sky blue" in await text_of(app(store), "/runs")
    unlisted = await text_of(app(store, questions=False), "/runs")
    assert "sky blue" not in unlisted
    assert re.search(rf'class="where">\w+ <span class="soft">.*{PLACE.channel}', unlisted)


async def test_what_retention_took_is_on_no_page(store: Store) -> None:
    await store.retention.delete_before(BEGAN_US + 1, now_us=BEGAN_US + 2)
    client = app(store)
    for path in ("/runs", f"/runs/{RUN}", f"/runs/{RUN}.json", f"/runs/{RUN}.md"):
        assert "sky" not in await text_of(client, path)
    assert "were deleted" in await text_of(client, f"/runs/{RUN}")


async def test_nobody_sees_runs_on_a_public_address_without_a_password(store: Store) -> None:
    closed = app(store, AccessRules(public=True))
    guarded = app(store, AccessRules(public=True, asks=True))
    for path in ("/runs", f"/runs/{RUN}", f"/runs/{RUN}.json", f"/runs/{RUN}.md", "/overview"):
        assert (await closed.get(path)).status_code == 403
        answer = await guarded.get(path)
        assert answer.status_code == 303
        assert answer.headers["location"] == "/login?" + urlencode({"next": path})


async def test_every_page_has_the_strict_policy_and_asks_nobody_outside(store: Store) -> None:
    client = app(store)
    for path in ("/runs", f"/runs/{RUN}", "/overview", "/runs/none"):
        answer = await client.get(path)
        assert "script-src 'self'; style-src 'self'" in answer.headers["content-security-policy"]
        assert not re.search(r'(src|href)="(https?:)?//(?!chat\.example)', answer.text)


async def test_the_overview_counts_what_was_and_keeps_it(store: Store) -> None:
    await add_run(store, LOST, lost=3, started_us=BEGAN_US + 1000)
    now_us = BEGAN_US + 4 * HOUR_US
    before = await text_of(app(store), "/overview?span=7d")
    assert "still being counted" in before
    assert await store.hours.count(now_us) > 0
    assert await store.hours.count(now_us) == 0
    page = await text_of(app(store), "/overview?span=7d")
    assert "still being counted" not in page
    assert re.search(r"<dt>Answers</dt><dd>2<", page)
    assert "broken <b>1</b>" in page
    assert "429 <b>2</b>" in page
    assert "$0.0086" in page


async def test_what_the_overview_calls_not_answered_is_named_by_outcome(store: Store) -> None:
    """The figure is the sum of what the legend has beside it."""
    for number, outcome in enumerate(["failed", "failed", "interrupted"], 1):
        await add_run(store, UUID(int=number), started_us=BEGAN_US + number, outcome=outcome)
    now_us = BEGAN_US + 4 * HOUR_US
    await store.hours.count(now_us)
    page = " ".join((await text_of(app(store), "/overview?span=7d")).split())
    assert re.search(r"<dt>Not answered</dt><dd[^>]*>3</dd>", page)
    assert "2 failed, 1 interrupted" in page
    assert "failed <b>2</b>" in page
    assert "interrupted <b>1</b>" in page


async def test_a_run_as_one_file_asks_nobody_for_anything(store: Store) -> None:
    row = await store.runs.get(RUN)
    assert row is not None
    page = one_file(await tell(row, store))
    assert "default-src 'none'" in unescape(page)
    assert not re.search(r'(src|href)="', page)


class Own:
    """A door for somebody who may see their own runs only."""

    def __init__(self, own: Account) -> None:
        self.middleware = PageDoor(InspectorGate(AccessRules())).middleware
        self.asks = True
        self._own = own

    async def sight(self, _request: Request) -> Sight:
        """Theirs."""
        return Sight("ann", self._own)

    def way_in(self, path: str) -> str:
        """Not needed."""
        return path


async def test_who_may_see_their_own_runs_sees_no_other(store: Store) -> None:
    """Neither in the list, whatever it is filtered by, nor as a page or file, nor counted."""
    ann = Account(PLACE.connector, "playground", "ann@corp.example")
    await add_run(store, LOST, person=Person(ann.id, "Ann", realm=ann.realm))
    options = Options(lambda: BEGAN_US + 4 * HOUR_US, lambda _: None, True)
    routes = Inspector(store, Own(ann), options).routes()
    client = AsyncClient(transport=ASGITransport(Starlette(routes=routes)), base_url=HERE)
    for query in ("", "?person=U1", "?connector=slack", "?person=*", "?verdict=verified"):
        page = await text_of(client, f"/runs{query}")
        assert str(RUN) not in page
    assert str(LOST) in await text_of(client, "/runs")
    with capture_logs() as logs:
        assert (await client.get(f"/runs/{LOST}")).status_code == 200
        for kind in ("", ".json", ".md"):
            assert (await client.get(f"/runs/{RUN}{kind}")).status_code == 404
    opened = [line for line in logs if line["event"] == "inspector.opened"]
    assert [(line["by"], line["run_id"], line["person"]) for line in opened] == [
        ("ann", str(LOST), str(ann))
    ]
    assert (await client.get("/overview")).status_code == 403
