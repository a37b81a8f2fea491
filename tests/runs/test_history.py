"""What the model is given: the newest of the conversation, within its room."""

from __future__ import annotations

from uuid import UUID

import pytest

from bot.runs.tokens import estimated_tokens
from bot.store import RunRow, StoreUnavailable
from connectors.base import Control, Unavailable
from providers.base import Turn
from providers.scripted import Finish, ScriptedProvider
from tests.way import Way, a_way


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


async def test_without_history_the_question_is_answered_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with a_way(["One."], ["Two."]) as way:
        await converse(way, "1")
        way.connector.fault = lambda call, _n: Unavailable("503") if call == "history" else None
        turns = await converse(way, "2")
    assert [turn.text for turn in turns] == ["Be brief.", "2"]
    assert way.shown == ["One.", "Two."]
    assert "history.unavailable" in capsys.readouterr().out


async def test_half_an_emoji_in_a_question_is_no_reason_to_fail() -> None:
    async with a_way(["One."], ["Two."]) as way:
        turns = await converse(way, "Why \ud83d?", "And \x00?")
    assert way.shown == ["One.", "Two."]
    assert [turn.text for turn in turns] == ["Be brief.", "Why \ufffd?", "One.", "And \ufffd?"]
