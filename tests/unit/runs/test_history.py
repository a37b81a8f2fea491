"""What the model is given: the newest of the conversation, within its room."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

import pytest

from bot.runs.usage import estimated_tokens
from bot.store import RunRow, StoreUnavailable
from connectors.base import (
    Control,
    Incomplete,
    MessageRef,
    Person,
    Place,
    Said,
    Unavailable,
)
from providers.base import Turn
from providers.scripted import Finish, ScriptedProvider
from tests.doubles.way import Way, a_way, clock_us


async def converse(way: Way, *questions: str) -> list[Turn]:
    """Asks one after the other; the turns that the model was given last."""
    for question in questions:
        await way.ask(question)
        await way.intake.settled()
    return list(way.provider.requests[-1].turns)


async def test_the_conversation_so_far_stands_between_the_system_prompt_and_the_question() -> None:
    async with a_way(["One."], ["Two."], ["Three."]) as way:
        turns = await converse(way, "1", "2", "3")
    assert turns == [
        Turn("system", "Be brief."),
        Turn("user", "1"),
        Turn("assistant", "One."),
        Turn("user", "2"),
        Turn("assistant", "Two."),
        Turn("user", "3"),
    ]


async def test_the_newest_messages_are_kept_and_not_the_oldest() -> None:
    async with a_way(["a"], ["b"], ["c"], ["d"], history_messages=2) as way:
        turns = await converse(way, "1", "2", "3", "4")
    assert [turn.text for turn in turns] == ["Be brief.", "3", "c", "4"]


async def test_what_does_not_fit_the_models_room_is_left_out_oldest_first() -> None:
    long = "x" * 900
    provider = ScriptedProvider([long, Finish()], room=700)
    async with a_way(provider=provider) as way:
        turns = await converse(way, "first", "second", "third")
    assert [turn.text for turn in turns] == ["Be brief.", "second", long, "third"]
    assert sum(estimated_tokens(turn.text) for turn in turns) < 525


async def test_a_question_that_is_longer_than_the_models_room_is_told_so() -> None:
    async with a_way(provider=ScriptedProvider(["no"], room=1000)) as way:
        await way.ask("x" * 3000)
        await way.intake.settled()
        assert way.provider.requests == []
    assert way.shown[0].startswith("_The model can't answer this: the question is too long")


async def test_the_bots_own_answers_come_from_the_store_exactly() -> None:
    """Not from the screen, where the note stands and white space was stripped."""
    async with a_way([" One two ", Finish("length")], ["ok"]) as way:
        turns = await converse(way, "1", "2")
    assert way.shown[0] == "One two\n\n_The answer reached its length limit here._"
    assert turns[2] == Turn("assistant", " One two ")


async def test_an_answer_is_gone_on_with_also_while_the_store_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with a_way(["One two ", Finish("length")], ["three."]) as way:
        await converse(way, "1")
        first, known = way.provider.requests[0], way.store.runs.get
        calls: list[object] = []

        async def once(run_id: UUID) -> RunRow | None:
            calls.append(run_id)
            if len(calls) > 1:
                raise StoreUnavailable("away")
            return await known(run_id)

        monkeypatch.setattr(way.store.runs, "get", once)
        await way.connector.press(way.messages[-1].ref, Control.CONTINUE).accepted()
        await way.intake.settled()
        turns = list(way.provider.requests[-1].turns)
    assert len(calls) == 2
    assert turns[: len(first.turns)] == list(first.turns)
    assert turns[len(first.turns)] == Turn("assistant", "One two ")


async def test_an_answer_of_several_parts_is_one_turn() -> None:
    text = "\n\n".join(f"Paragraph {n}. " + "words " * 200 for n in range(10))
    async with a_way([text], ["ok"], provider=None) as way:
        way.provider.room = 100_000
        turns = await converse(way, "1", "2")
        assert len(way.messages) > 2
    assert [turn.role for turn in turns] == ["system", "user", "assistant", "user"]
    assert turns[2].text == text


async def test_where_the_platform_lets_nothing_be_read_the_bots_own_questions_and_answers_serve(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with a_way(["One."], ["Two."], ["Three."]) as way:
        await converse(way, "1", "2")
        way.connector.fault = lambda call, _n: Unavailable("503") if call == "history" else None
        turns = await converse(way, "3")
    assert [turn.text for turn in turns] == ["Be brief.", "1", "One.", "2", "Two.", "3"]
    assert way.shown[:2] == ["One.", "Two."]
    assert way.shown[2].startswith("Three.\n\n_Not read: earlier messages here")
    assert "history.unavailable" in capsys.readouterr().out


async def test_what_could_be_read_and_what_the_store_knows_is_given_once_and_in_order() -> None:
    async with a_way(["One."], ["Two."], ["Three."]) as way:
        await converse(way, "1", "2")
        known = way.connector.history

        async def some(place: Place, before: MessageRef, limit: int) -> Sequence[Said]:
            raise Incomplete("one page a minute", (await known(place, before, limit))[:3])

        way.connector.history = some  # type: ignore[method-assign]
        turns = await converse(way, "3")
    assert [turn.text for turn in turns] == ["Be brief.", "1", "One.", "2", "Two.", "3"]


async def test_what_was_forgotten_stays_so_where_only_the_store_can_be_read() -> None:
    async with a_way(["One."], ["Two."]) as way:
        await converse(way, "1")
        await way.store.conversations.forget(way.connector.place, clock_us())
        await asyncio.sleep(1)
        way.connector.fault = lambda call, _n: Unavailable("503") if call == "history" else None
        turns = await converse(way, "2")
    assert [turn.text for turn in turns] == ["Be brief.", "2"]


async def opened(way: Way, opening: str) -> None:
    """From now on the platform says that this opened the thread."""
    known = way.connector.history
    ref = MessageRef(way.connector.place, "opening")

    async def all_of_it(place: Place, before: MessageRef, limit: int) -> Sequence[Said]:
        first = Said(ref, Person("bob", "Bob"), opening, by_bot=False, at_us=1, opens=True)
        return [first, *await known(place, before, limit)]

    way.connector.history = all_of_it  # type: ignore[method-assign]


async def test_what_opened_a_thread_is_given_however_long_the_thread_is() -> None:
    long = "x" * 900
    provider = ScriptedProvider([long, Finish()], room=700)
    async with a_way(provider=provider) as way:
        await opened(way, "The plan is this.")
        turns = await converse(way, "first", "second", "third")
    texts = [turn.text for turn in turns]
    assert texts[1].startswith("Bob: The plan is this.")
    assert texts[-2:] == [long, "Alice: third"]
    assert sum(estimated_tokens(text) for text in texts) < 525


async def test_an_opening_that_is_longer_than_half_of_the_room_is_given_in_part() -> None:
    provider = ScriptedProvider(["ok", Finish()], room=700)
    async with a_way(provider=provider) as way:
        await opened(way, "The plan is this. " * 500)
        turns = await converse(way, "first")
    assert turns[1].text.startswith("Bob: The plan is this. ")
    assert sum(estimated_tokens(turn.text) for turn in turns) < 525


async def test_a_conversation_that_begins_with_an_answer_has_its_question() -> None:
    """A reply below the bot's own direct message has nothing before it but that."""
    async with a_way(["One."], ["Two."]) as way:
        await converse(way, "1")
        known = way.connector.history

        async def answer_alone(place: Place, before: MessageRef, limit: int) -> Sequence[Said]:
            return [said for said in await known(place, before, limit) if said.by_bot]

        way.connector.history = answer_alone  # type: ignore[method-assign]
        turns = await converse(way, "2")
    assert [turn.text for turn in turns] == ["Be brief.", "1", "One.", "2"]


async def test_half_an_emoji_in_a_question_is_no_reason_to_fail() -> None:
    async with a_way(["One."], ["Two."]) as way:
        turns = await converse(way, "Why \ud83d?", "And \x00?")
    assert way.shown == ["One.", "Two."]
    assert [turn.text for turn in turns] == ["Be brief.", "Why \ufffd?", "One.", "And \ufffd?"]


async def test_where_the_store_has_to_serve_the_question_itself_is_given_once() -> None:
    """An earlier run of the same question is in the store when its answer is gone on with."""
    async with a_way(["One."], ["Two", Finish("length")], ["!"]) as way:
        way.connector.fault = lambda call, _n: Unavailable("503") if call == "history" else None
        await converse(way, "1", "2")
        await way.connector.press(way.messages[-1].ref, Control.CONTINUE).accepted()
        await way.intake.settled()
        turns = way.provider.requests[-1].turns
    assert [turn.text for turn in turns][:-1] == ["Be brief.", "1", "One.", "2", "Two"]
