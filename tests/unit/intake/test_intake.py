"""What comes in: kept before it is acknowledged, answered once, in turn, by those who may."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import pytest
from sqlalchemy import Connection

from bot.identity import Named
from bot.intake import Access, IntakeOptions, Policy
from bot.runs import Outcome
from bot.store import InlineDatabase, Store, StoreUnavailable
from connectors.base import Asked, Control, MessageRef, Person, Place, Pressed
from connectors.memory import ALICE
from providers.base import Disconnected
from providers.scripted import Fail, Finish, Hang, Pause
from tests.doubles.said import EMPTY, FORGOTTEN, NOT_ALLOWED, NOT_THEIRS, REPLACED
from tests.doubles.way import Way, a_way, words

HER = frozenset({Named("alice")})
T = TypeVar("T")
BOB = Person("bob", "Bob")


async def settled(way: Way) -> list[str]:
    """Waits until everything had its effect; the texts that the bot shows then."""
    await way.intake.settled()
    return way.shown


async def test_a_question_is_kept_before_it_is_acknowledged_and_then_answered() -> None:
    async with a_way(["Because."]) as way:
        incoming = way.connector.ask("Why?")
        assert await incoming.accepted()
        kept = await way.store.inbox.unanswered()
        assert [question.asked for question in kept] == [incoming.event]
        assert await settled(way) == ["Because."]
        assert await way.store.inbox.unanswered() == []


async def test_a_question_delivered_three_times_is_answered_once() -> None:
    async with a_way(["Because."]) as way:
        first = way.connector.ask("Why?")
        again = [way.connector.deliver(first.event) for _ in range(2)]
        assert all([await each.accepted() for each in (first, *again)])
        assert await settled(way) == ["Because."]
        assert len(way.provider.requests) == 1


class Away(InlineDatabase):
    """A database that goes away at will."""

    away = False

    async def run(self, work: Callable[[Connection], T]) -> T:
        if self.away:
            raise StoreUnavailable("away")
        return await super().run(work)


async def test_a_question_that_cannot_be_kept_is_not_acknowledged() -> None:
    database = Away()
    from bot.store.schema import metadata

    await database.run(metadata.create_all)
    database.away = True
    async with a_way(["Because."], store=Store(database)) as way:
        assert not await way.connector.ask("Why?").accepted()
        database.away = False
        assert await settled(way) == []


async def test_the_answer_goes_on_while_the_database_is_away_and_the_operator_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    database = Away()
    from bot.store.schema import metadata

    await database.run(metadata.create_all)
    async with a_way([*words("one two three"), Pause(5), " four"], store=Store(database)) as way:
        await way.ask()
        await way.until(lambda: way.shown)
        database.away = True
        await way.until(lambda: not way.runs.active)
        assert way.shown == ["one two three four"]
        assert way.writing() == []
        assert "the token log is away" in capsys.readouterr().out
        database.away = False
        await way.intake.settled()
        await asyncio.sleep(5)
        row = (await way.store.runs.recent(1))[0]
        recorded = await way.store.tokens.recorded(row.start.run_id)
    assert row.end is not None
    assert row.end.verdict == "verified"
    assert row.end.receipt is not None
    assert row.end.receipt["late"]
    assert recorded.text == row.end.generated_text == "one two three four"


@pytest.mark.parametrize(
    ("access", "shown"),
    [
        (Access(), ["Because."]),
        (Access(allow_people=HER), ["Because."]),
        (Access(allow_people=frozenset({Named("bob")})), [NOT_ALLOWED]),
        (Access(block_people=HER), []),
        (
            Access(block_people=HER, allow_people=HER),
            [],
        ),
        (Access(allow_channels=frozenset({"other"})), [NOT_ALLOWED]),
        (Access(block_channels=frozenset({"general"})), []),
        (Access(allow_workspaces=frozenset({"home"})), ["Because."]),
        (Access(block_workspaces=frozenset({"home"})), []),
    ],
)
async def test_the_lists_decide_who_is_answered_and_where(access: Access, shown: list[str]) -> None:
    async with a_way(["Because."], intake=IntakeOptions(access=access)) as way:
        await way.ask()
        assert await settled(way) == shown


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("   \n", EMPTY),
        ("x" * 101, "Your message has 101 characters; I take at most 100."),
    ],
)
async def test_an_empty_or_over_long_message_gets_a_plain_line(text: str, told: str) -> None:
    async with a_way(["Because."], intake=IntakeOptions(max_question_chars=100)) as way:
        await way.ask(text)
        assert await settled(way) == [told]
        assert way.provider.requests == []


async def test_messages_of_two_channels_that_have_one_id_are_each_told() -> None:
    async with a_way(["Because."]) as way:
        for channel in ("general", "random"):
            place = replace(way.connector.place, channel=channel)
            asked = Asked(MessageRef(place, "1"), Person("alice"), " ")
            assert await way.connector.deliver(asked).accepted()
        assert await settled(way) == [EMPTY, EMPTY]


def slow(text: str) -> list[object]:
    return [text, Pause(10), ".", Finish()]


def policy(name: Policy) -> IntakeOptions:
    return IntakeOptions(policy=name)


async def test_questions_of_one_conversation_wait_for_each_other_by_default() -> None:
    async with a_way(slow("one"), slow("two"), slow("three"), intake=policy("queue")) as way:
        for question in ("1", "2", "3"):
            await way.ask(question)
        await way.until(lambda: way.shown)
        assert len(way.runs.active) == 1
        assert way.intake.waiting == 2
        assert await settled(way) == ["one.", "two.", "three."]


async def test_another_conversation_does_not_wait() -> None:
    async with a_way(slow("one"), slow("two")) as way:
        await way.ask()
        elsewhere = Place("memory", "home", "random")
        assert await way.connector.ask("2", place=elsewhere).accepted()
        await way.until(lambda: len(way.shown) == 2)
        assert len(way.runs.active) == 2
        await settled(way)


async def test_a_newer_question_replaces_the_older_ones_where_that_is_the_policy() -> None:
    async with a_way(slow("one"), slow("three"), intake=policy("replace")) as way:
        await way.ask("1")
        await way.until(lambda: way.shown)
        await way.ask("2")
        await way.ask("3")
        shown = await settled(way)
    assert shown[0] == "one\n\n_Stopped._"
    assert sorted(shown[1:]) == sorted(["three.", REPLACED])


async def test_questions_are_answered_at_once_where_that_is_the_policy() -> None:
    async with a_way(slow("one"), slow("two"), intake=policy("parallel")) as way:
        await way.ask("1")
        await way.ask("2")
        await way.until(lambda: len(way.runs.active) == 2)
        assert sorted(await settled(way)) == ["one.", "two."]


async def test_stop_ends_the_run_for_the_asker() -> None:
    async with a_way(["one", Hang()]) as way:
        await way.ask()
        await way.until(lambda: way.shown)
        assert await way.connector.press(way.messages[0].ref, Control.STOP).accepted()
        assert await settled(way) == ["one\n\n_Stopped._"]


async def test_stop_does_nothing_for_somebody_else() -> None:
    async with a_way(slow("one")) as way:
        await way.ask()
        await way.until(lambda: way.shown)
        assert await way.connector.press(way.messages[0].ref, Control.STOP, BOB).accepted()
        assert await settled(way) == ["one.", NOT_THEIRS]


async def test_an_admin_may_stop_anybodys_answer() -> None:
    admins = IntakeOptions(admins=frozenset({Named("bob")}))
    async with a_way(slow("one"), intake=admins) as way:
        await way.ask()
        await way.until(lambda: way.shown)
        assert await way.connector.press(way.messages[0].ref, Control.STOP, BOB).accepted()
        assert await settled(way) == ["one\n\n_Stopped._"]


async def test_the_stop_command_ends_the_askers_runs_in_the_channel_only() -> None:
    async with a_way(slow("one"), slow("two"), slow("three")) as way:
        thread = Place("memory", "home", "general", "thread")
        await way.ask("1")
        await way.connector.ask("2", place=thread).accepted()
        await way.connector.ask("3", BOB, Place("memory", "home", "general", "bob")).accepted()
        await way.until(lambda: len(way.shown) == 3)
        assert await way.connector.command("stop").accepted()
        assert sorted(await settled(way)) == [
            "one\n\n_Stopped._",
            "three.",
            "two\n\n_Stopped._",
        ]


async def test_the_stop_command_of_a_thread_ends_the_askers_runs_in_that_thread_only() -> None:
    thread = Place("memory", "home", "general", "thread")
    async with a_way(slow("one"), slow("two")) as way:
        await way.ask("1")
        await way.connector.ask("2", place=thread).accepted()
        await way.until(lambda: len(way.shown) == 2)
        assert await way.connector.command("stop", place=thread).accepted()
        assert sorted(await settled(way)) == ["one.", "two\n\n_Stopped._"]


async def test_deleting_the_question_stops_its_run() -> None:
    async with a_way(["one", Hang()]) as way:
        question = await way.ask()
        await way.until(lambda: way.shown)
        await way.connector.delete(question).accepted()
        assert await settled(way) == ["one\n\n_Stopped._"]


async def test_deleting_a_question_that_waits_takes_it_out() -> None:
    async with a_way(slow("one"), slow("two")) as way:
        await way.ask("1")
        waiting = await way.ask("2")
        await way.connector.delete(waiting).accepted()
        assert await settled(way) == ["one."]
        assert await way.store.inbox.unanswered() == []


async def test_retry_asks_again_in_a_new_message_linked_to_the_old_run() -> None:
    async with a_way([Fail(Disconnected("gone"))], ["Because."]) as way:
        await way.ask("Why?")
        await settled(way)
        failed = way.messages[0]
        assert await way.connector.press(failed.ref, Control.RETRY).accepted()
        shown = await settled(way)
        newest, oldest = await way.store.runs.recent(2)
    assert shown[1] == "Because."
    assert newest.start.kind == "retry"
    assert newest.start.parent_run_id == oldest.start.run_id
    assert [request.turns[-1].text for request in way.provider.requests] == ["Why?", "Why?"]


async def test_a_second_press_of_retry_is_not_answered_twice() -> None:
    async with a_way([Fail(Disconnected("gone"))], ["Because."]) as way:
        await way.ask("Why?")
        await settled(way)
        for _ in range(2):
            assert await way.connector.press(way.messages[0].ref, Control.RETRY).accepted()
        await settled(way)
        assert len(way.messages) == 2


async def test_continue_goes_on_where_the_answer_stopped() -> None:
    async with a_way(["one two", Finish("length")], [" three", Finish("length")], [" four"]) as way:
        await way.ask("Count.")
        await settled(way)
        for _ in range(2):
            await way.connector.press(way.messages[-1].ref, Control.CONTINUE).accepted()
            await settled(way)
    turns = way.provider.requests[-1].turns
    assert [turn.role for turn in turns] == ["system", "user", "assistant", "user"]
    assert (turns[1].text, turns[2].text) == ("Count.", "one two three")
    assert way.shown[-1] == "four"


async def test_only_the_asker_may_retry() -> None:
    async with a_way([Fail(Disconnected("gone"))], ["Because."]) as way:
        await way.ask()
        await settled(way)
        await way.connector.press(way.messages[0].ref, Control.RETRY, BOB).accepted()
        assert (await settled(way))[1:] == [NOT_THEIRS]


async def test_an_admin_tries_again_in_the_askers_name() -> None:
    admins = IntakeOptions(admins=frozenset({Named("bob")}))
    async with a_way([Fail(Disconnected("gone"))], ["Because."], intake=admins) as way:
        await way.ask()
        await settled(way)
        await way.connector.press(way.messages[0].ref, Control.RETRY, BOB).accepted()
        assert (await settled(way))[1:] == ["Because."]
        assert (await way.store.runs.recent(1))[0].start.person == ALICE


async def test_new_forgets_what_was_said_before() -> None:
    async with a_way(["One."], ["Two."]) as way:
        await way.ask("1")
        await settled(way)
        assert await way.connector.command("new").accepted()
        assert (await settled(way))[-1] == FORGOTTEN
        await asyncio.sleep(1)
        await way.ask("2")
        await settled(way)
    assert [turn.text for turn in way.provider.requests[1].turns] == ["Be brief.", "2"]


async def test_thumbs_are_stored_on_the_run() -> None:
    async with a_way(["One."]) as way:
        await way.ask()
        await settled(way)
        await way.connector.press(way.messages[0].ref, Control.DOWN, BOB).accepted()
        await settled(way)
        row = (await way.store.runs.recent(1))[0]
        assert await way.store.feedback.read(row.start.run_id) == {"bob": -1}


async def test_nothing_is_taken_once_the_intake_is_closed() -> None:
    async with a_way(["One."]) as way:
        way.intake.close()
        assert not await way.connector.ask("1").accepted()
        assert await settled(way) == []


async def test_what_waits_when_the_intake_closes_stays_in_the_inbox() -> None:
    async with a_way(slow("one"), slow("two")) as way:
        await way.ask("1")
        await way.ask("2")
        way.intake.close()
        assert await settled(way) == ["one."]
        left = await way.store.inbox.unanswered()
        assert [question.asked.text for question in left] == ["2"]


async def test_running_answers_get_the_grace_and_the_rest_end_as_interrupted() -> None:
    async with a_way(["one", Pause(5), "."], ["two", Hang()]) as way:
        await way.ask("1")
        await way.connector.ask("2", place=Place("memory", "home", "random")).accepted()
        await way.until(lambda: len(way.shown) == 2)
        way.intake.close()
        await way.runs.drain(10.0)
        assert await way.runs.idle(5.0)
        await settled(way)
        await asyncio.sleep(1)
        outcomes = [row.end.outcome for row in await way.store.runs.recent(2) if row.end]
    assert sorted(outcomes) == [Outcome.COMPLETE, Outcome.INTERRUPTED]
    assert sorted(way.shown) == [
        "one.",
        "two\n\n_The bot was stopped before the answer was whole._",
    ]


async def test_the_asker_is_alice_where_nobody_is_named() -> None:
    async with a_way(["One."]) as way:
        await way.ask()
        await settled(way)
        assert (await way.store.runs.recent(1))[0].start.person == ALICE


NAMESAKES = [
    Person("alice", "Alice", external=True, realm="elsewhere"),
    Person("alice", "Alice", realm="elsewhere"),
]


@pytest.mark.parametrize("namesake", NAMESAKES)
async def test_a_namesake_of_another_realm_can_stop_rate_and_retry_nothing_as_the_asker(
    namesake: Person,
) -> None:
    open_to_all = IntakeOptions(access=Access(allow_external=True))
    async with a_way([Pause(1), "One."], intake=open_to_all) as way:
        await way.ask("Why?")
        await way.until(lambda: way.runs.active)
        await way.connector.command("stop", namesake).accepted()
        assert len(way.runs.active) == 1
        assert await settled(way) == ["One."]
        answer = way.messages[-1].ref
        run_id = (await way.store.runs.recent(1))[0].run_id
        retry = Pressed(answer, namesake, Control.RETRY, run_id)
        assert await way.connector.deliver(retry).accepted()
        assert await settled(way) == ["One.", NOT_THEIRS]
        await way.connector.press(answer, Control.UP, namesake).accepted()
        await way.connector.press(answer, Control.DOWN).accepted()
        await settled(way)
        assert await way.store.feedback.read(run_id) == {"elsewhere/alice": 1, "alice": -1}
