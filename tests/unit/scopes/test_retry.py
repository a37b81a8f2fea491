"""An answer is retried with another model that its asker chooses, also by the next process."""

from __future__ import annotations

from uuid import UUID

import pytest

from bot.intake import IntakeOptions
from bot.runs import Maker
from bot.scopes import Offered, Scopes, made_lines
from bot.store import InboxId, Store, memory_store
from connectors.base import Commanded, MessageRef, Person, Place
from connectors.memory import ALICE
from connectors.slack.commands import _AGAIN
from connectors.web.messages import order_in
from tests.doubles.way import Way, a_way, clock_us
from tests.unit.scopes.test_admission import BOB, LEGAL, THERE
from tests.unit.scopes.test_making import Shelf


def maker_of(store: Store) -> Maker:
    return Maker(Scopes(store.scopes, Offered(("fast", "deep"))), Shelf("fast", "deep"), clock_us)


async def retry(way: Way, model: str, place: Place, person: Person = ALICE) -> None:
    wants = Commanded(MessageRef(place, "command"), person, "retry", model)
    assert await way.connector.deliver(wants).accepted()
    await way.intake.settled()


@pytest.mark.parametrize("thread", ["7", ""])
async def test_the_last_question_is_asked_of_the_model_that_was_chosen(thread: str) -> None:
    store = memory_store()
    intake = IntakeOptions(scopes=Scopes(store.scopes, Offered(("fast", "deep"))))
    asked = Place("memory", "home", "legal", "7")
    async with a_way(["Usual."], store=store, intake=intake, maker=maker_of) as way:
        for question in ("First?", "Second?"):
            assert await way.connector.ask(question, ALICE, asked).accepted()
            await way.intake.settled()
        await retry(way, "deep", Place("memory", "home", "legal", thread))
        rows = (await store.runs.recent(9))[::-1]
        assert [row.start.question for row in rows] == ["First?", "Second?", "Second?"]
        last = rows[-1]
        assert (last.start.kind, last.start.parent_run_id) == ("retry", rows[1].run_id)
        assert last.start.place == asked
        made = {name: (value, source) for name, value, source in made_lines(last.start.made_with)}
        assert made["model"] == ("deep", "chosen")
        assert last.end is not None
        assert last.end.generated_text == "I am deep."
        assert "is asked again, of deep" in " ".join(way.shown)


async def test_what_is_not_offered_and_what_was_never_asked_is_said() -> None:
    store = memory_store()
    intake = IntakeOptions(scopes=Scopes(store.scopes, Offered(("fast", "deep"))))
    async with a_way(["Usual."], store=store, intake=intake, maker=maker_of) as way:
        assert await way.connector.ask("Why?", ALICE, LEGAL).accepted()
        await way.intake.settled()
        await retry(way, "dep", LEGAL)
        assert "Did you mean deep?" in way.shown[-1]
        await retry(way, "deep", LEGAL, BOB)  # who asked nothing
        await retry(way, "deep", Place("memory", "home", THERE.channel))
        assert len(await store.runs.recent(9)) == 1


def test_the_inbox_says_which_model_was_chosen() -> None:
    run = UUID(int=7)
    for model in ("", "deep", "a:b"):
        key = InboxId("retry", str(run), model)
        assert InboxId.read(key.written) == key
    assert InboxId("retry", str(run)).written == f"retry:{run}"  # as earlier versions wrote it


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("/retry deep", ("retry", "deep")), ("/stop", ("stop", "")), ("/retry", None),
        ("/retry the deploy", None), ("retry deep", None),
    ],
)  # fmt: skip
def test_what_is_no_command_on_the_page_is_a_question(
    text: str, order: tuple[str, str] | None
) -> None:
    assert order_in(text) == order
    assert (
        bool(_AGAIN.fullmatch(text.removeprefix("/")))
        == (order is not None and order[0] == "retry")
        or text == "retry deep"
    )
