"""The page's panel for settings: read and changed by admins, never over somebody's newer change."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bot.cluster import Cluster
from bot.identity import Named
from bot.intake import Intake, IntakeOptions
from bot.pacing import Pacing
from bot.runs import RequestOptions, RunOptions, Runs
from bot.scopes import Offered, Scopes
from bot.store import ScopeStore, memory_store
from connectors.base import Scope
from connectors.web import WebConnector
from connectors.web.access import PURPOSE, VISITOR_COOKIE
from connectors.web.signing import signed
from providers.scripted import ScriptedProvider
from tests.doubles.page import SECRET_KEY, serving
from tests.doubles.way import clock_us
from tests.wire.web.test_access import Answer, call
from tests.wire.web.test_connector import HERE

pytestmark = pytest.mark.real_time

OFFERED = Offered(("fast", "deep"), ("files", "web"))
ADMIN = "person-ann"


@asynccontextmanager
async def answering(connector: WebConnector, *admins: str) -> AsyncIterator[ScopeStore]:
    """A bot that answers the page, whose settings can be changed by these."""
    store, pacing = memory_store(), Pacing()
    runs = Runs(
        provider=ScriptedProvider(["Yes."]),
        store=store,
        pacing=pacing,
        options=RunOptions(RequestOptions("Be brief.", 20, None)),
        now_us=clock_us,
    )
    scopes, named = Scopes(store.scopes, OFFERED), frozenset(map(Named, admins))
    options = IntakeOptions(scopes=scopes, admins=named)
    door = Intake(Cluster(store, clock_us), runs, pacing, options, clock_us)
    task = asyncio.create_task(door.serve(connector))
    try:
        yield store.scopes
    finally:
        await door.settled()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await store.aclose()


@pytest.fixture
async def scopes(connector: WebConnector) -> AsyncIterator[ScopeStore]:
    async with answering(connector, ADMIN) as store:
        yield store


@pytest.fixture
async def address(connector: WebConnector, scopes: ScopeStore) -> AsyncIterator[str]:
    assert scopes is not None
    async with serving(connector) as address:
        yield address


async def request(
    address: str, method: str, body: str = "", person: str = ADMIN, **more: str
) -> Answer:
    cookie = f"{VISITOR_COOKIE}={signed(SECRET_KEY, PURPOSE, person)}"
    headers = {"Origin": f"http://{address}", "Cookie": cookie, **more}
    return await call(address, method, f"/settings/{HERE.channel}?where=channel", headers, body)


async def form(address: str, **more: str) -> dict[str, Any]:
    answer = await request(address, "GET", **more)
    assert answer.status == 200
    found: dict[str, Any] = json.loads(answer.body)
    return found


def filled(form: dict[str, Any], **changed: str) -> str:
    written = {field["name"]: field["value"] for field in form["fields"]} | changed
    return json.dumps({"where": form["where"], "seen": form["seen"], "written": written})


async def stored(scopes: ScopeStore) -> dict[str, Any]:
    return {one.name: one.value for one in await scopes.everything()}


async def test_an_admin_sees_what_can_be_set_and_changes_it(
    address: str, scopes: ScopeStore
) -> None:
    shown = await form(address)
    assert {"model", "prompt", "tools", "language"} <= {each["name"] for each in shown["fields"]}
    sent = filled(shown, model="deep", prompt="Be exact.\nSay why.", persona="Lawyer")
    assert (await request(address, "POST", sent)).status == 200
    assert await stored(scopes) == {
        "model": ["deep"],
        "persona": {"name": "Lawyer", "prompt": "Be exact.\nSay why."},
    }
    again = await form(address)
    assert (await request(address, "POST", filled(again))).status == 200
    assert len(await scopes.log()) == 2


async def test_what_cannot_be_set_is_said_with_its_field(address: str) -> None:
    sent = filled(await form(address), run_seconds="soon")
    refused = await request(address, "POST", sent)
    assert refused.status == 409
    assert json.loads(refused.body)["at"] == "run_seconds"


async def test_the_later_of_two_is_told_what_changed(address: str, scopes: ScopeStore) -> None:
    shown = await form(address)
    here = Scope("web", HERE.workspace, HERE.channel)
    await scopes.change(here, {"model": ["fast"]}, "operator")
    refused = await request(address, "POST", filled(shown, model="deep"))
    assert refused.status == 409
    assert "by operator, to fast" in json.loads(refused.body)["problem"]
    assert await stored(scopes) == {"model": ["fast"]}


async def test_it_speaks_the_browser_s_language(address: str) -> None:
    shown = await form(address, **{"Accept-Language": "zh-CN"})
    labels = {each["name"]: each["label"] for each in shown["fields"]}
    assert labels["model"] == "模型"
    assert "留空" in shown["told"]


async def test_who_may_not_change_it_sees_and_changes_nothing(
    address: str, scopes: ScopeStore
) -> None:
    sent = filled(await form(address), model="deep")
    for method, body in (("GET", ""), ("POST", sent)):
        answer = await request(address, method, body, "person-ben")
        assert answer.status == 409
        assert "dmin" in json.loads(answer.body)["problem"]
    other_site = await request(address, "POST", sent, Origin="http://elsewhere.test")
    assert other_site.status == 403
    assert await stored(scopes) == {}


@pytest.mark.parametrize(
    "body", ["", "[]", "{}", '{"where":"moon","seen":{},"written":{}}', "x" * 300_000]
)
async def test_what_no_page_of_ours_sends_is_refused(address: str, body: str) -> None:
    assert (await request(address, "POST", body)).status == 400
