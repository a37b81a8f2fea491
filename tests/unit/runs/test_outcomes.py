"""Every run ends once, visibly, with all of its text: each way in which it can end."""

from __future__ import annotations

import asyncio

import pytest

from bot.runs import Outcome, Result
from bot.runs.receipts import Verdict
from connectors.base import Control, Refused, Unavailable
from connectors.memory import MemoryConnector
from providers.base import (
    AuthFailed,
    BadRequest,
    Disconnected,
    Filtered,
    Malformed,
    Overloaded,
    ProviderError,
    Usage,
)
from providers.scripted import Cut, Fail, Finish, Hang, Pause
from tests.doubles.way import Way, a_way, words

TEXT = "one two three four five six seven eight nine ten"


def assert_told(way: Way, result: Result, note: str) -> None:
    """The text and, under it, the note are on the screen; nothing looks unfinished."""
    assert way.shown == [f"{result.text}\n\n{note}" if result.text else note]
    assert way.writing() == []


def controls(way: Way) -> tuple[Control, ...]:
    part = way.messages[-1].part
    assert part is not None
    assert part.last
    return part.controls


async def test_a_complete_answer_shows_its_text_and_nothing_else() -> None:
    async with a_way([*words(TEXT), Finish("stop", Usage(5, 10))]) as way:
        result = await way.answer()
        await way.store.settled(result.run_id, 1.0)
        row = await way.store.runs.get(result.run_id)
    assert (result.outcome, result.receipt.verdict) == (Outcome.COMPLETE, Verdict.VERIFIED)
    assert way.shown == [TEXT]
    assert controls(way) == (Control.UP, Control.DOWN)
    assert row is not None
    assert row.end is not None
    assert (row.end.generated_text, row.end.tokens) == (TEXT, 10)
    assert (row.end.input_tokens, row.end.output_tokens) == (5, 10)


async def test_an_answer_at_its_token_limit_says_so_and_offers_to_continue() -> None:
    async with a_way([*words(TEXT), Finish("length")]) as way:
        result = await way.answer()
    assert (result.outcome, result.receipt.verdict) == (Outcome.LENGTH, Verdict.VERIFIED)
    assert_told(way, result, "_The answer reached its length limit here._")
    assert Control.CONTINUE in controls(way)


async def test_an_answer_that_the_filter_ends_says_so() -> None:
    async with a_way([*words(TEXT), Finish("filter")]) as way:
        result = await way.answer()
    assert (result.outcome, result.receipt.verdict) == (Outcome.FILTERED, Verdict.VERIFIED)
    assert_told(way, result, "_The model's content filter ended the answer here._")


async def test_an_answer_that_ends_for_an_unknown_reason_says_so_and_keeps_the_word() -> None:
    """It may be cut anywhere, so it never looks whole; no other word of ours stands for it."""
    async with a_way([*words(TEXT), Finish("unknown", word="wound_down")]) as way:
        result = await way.answer()
        await way.store.settled(result.run_id, 1.0)
        row = await way.store.runs.get(result.run_id)
    assert (result.outcome, result.receipt.verdict) == (Outcome.FAILED, Verdict.VERIFIED)
    assert result.error == "UnknownEnd: the service ended the answer with 'wound_down'"
    assert_told(
        way, result, "_The service ended the answer for a reason that the bot doesn't know._"
    )
    assert controls(way) == (Control.RETRY, Control.CONTINUE)
    assert row is not None
    assert row.end is not None
    assert (row.end.finish_reason, row.end.finish_word) == ("unknown", "wound_down")


async def test_a_question_that_the_filter_refuses_says_so() -> None:
    async with a_way([Fail(Filtered("no"))]) as way:
        result = await way.answer()
    assert result.outcome is Outcome.FILTERED
    assert_told(way, result, "_The model's content filter refused the question._")


@pytest.mark.parametrize(
    "error",
    [
        Overloaded("busy", 3.0),
        AuthFailed("no key"),
        BadRequest("no such model"),
        Disconnected("gone"),
        Malformed("what?"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("tokens", [0, 20])
async def test_a_provider_that_fails_costs_no_text_and_looks_unfinished_to_nobody(
    error: ProviderError, tokens: int
) -> None:
    text = " ".join(str(n) for n in range(tokens))
    script = [*words(text), Fail(error)] if tokens else [Fail(error)]
    async with a_way(script) as way:
        result = await way.answer()
    assert (result.outcome, result.receipt.verdict) == (Outcome.FAILED, Verdict.VERIFIED)
    assert result.text == text
    assert way.shown[0].startswith(text)
    assert way.shown[0] != text
    assert way.writing() == []
    assert controls(way) == ((Control.RETRY, Control.CONTINUE) if text else (Control.RETRY,))


async def test_a_stream_that_ends_without_a_finish_reason_is_a_failure_and_not_an_end() -> None:
    async with a_way([*words(TEXT), Cut()]) as way:
        result = await way.answer()
    assert result.outcome is Outcome.FAILED
    assert_told(way, result, "_The connection to the model was lost, so the answer ends here._")


async def test_a_model_that_stalls_fails_at_the_stall_time_out() -> None:
    async with a_way([*words(TEXT), Hang()]) as way:
        result = await way.answer()
        assert asyncio.get_running_loop().time() == pytest.approx(60, abs=5)
    assert result.outcome is Outcome.FAILED
    assert_told(way, result, "_The model stopped sending, so the answer ends here._")


async def test_a_model_that_never_ends_fails_at_the_total_time_out() -> None:
    async with a_way(["ha ", Pause(50)] * 100, run_seconds=600.0) as way:
        result = await way.answer()
        assert asyncio.get_running_loop().time() == pytest.approx(600, abs=5)
    assert (result.outcome, result.error) == (Outcome.FAILED, "total time-out")
    assert result.text == "ha " * 12
    assert way.shown == ["ha " * 11 + "ha\n\n_The answer took too long and ends here._"]


async def test_a_model_without_a_word_says_so() -> None:
    async with a_way([Finish()]) as way:
        result = await way.answer()
    assert result.outcome is Outcome.COMPLETE
    assert_told(way, result, "_The model gave no text._")


async def test_a_refusal_is_an_answer() -> None:
    async with a_way([("refusal", "I won't."), Finish()]) as way:
        result = await way.answer()
    assert way.shown == ["I won't."]
    assert result.receipt.verdict is Verdict.VERIFIED


async def test_reasoning_is_recorded_and_not_shown() -> None:
    async with a_way([("reasoning", "hm"), "Yes.", Finish()]) as way:
        result = await way.answer()
        tokens = await way.store.tokens.read(result.run_id)
    assert way.shown == ["Yes."]
    assert [(token.kind, token.text) for token in tokens] == [("reasoning", "hm"), ("text", "Yes.")]
    assert result.receipt.verdict is Verdict.VERIFIED


async def test_a_reader_who_stops_gets_what_there_is_within_a_second() -> None:
    async with a_way([*words(TEXT), Hang()]) as way:
        running = asyncio.create_task(way.answer())
        await way.until(lambda: way.shown)
        way.runs.active[0].stop()
        before = asyncio.get_running_loop().time()
        await way.until(lambda: way.provider.cancelled)
        assert asyncio.get_running_loop().time() - before < 1
        result = await running
    assert (result.outcome, result.receipt.verdict) == (Outcome.STOPPED, Verdict.VERIFIED)
    assert_told(way, result, "_Stopped._")


async def test_a_reader_who_deletes_the_answer_stops_the_run() -> None:
    async with a_way([*words(TEXT), Pause(5), *words(TEXT), Hang()]) as way:
        running = asyncio.create_task(way.answer())
        await way.until(lambda: way.shown)
        way.messages[0].deleted = True
        result = await running
    assert (result.outcome, result.receipt.verdict) == (Outcome.STOPPED, Verdict.UNPROVEN)
    assert result.receipt.unproven == "the reader deleted the answer"
    assert len(way.messages) == 1


async def test_a_platform_that_refuses_for_good_ends_the_run_as_undeliverable() -> None:
    connector = MemoryConnector(
        fault=lambda call, _n: Refused("archived") if call == "post" else None
    )
    async with a_way([*words(TEXT), Hang()], connector=connector) as way:
        result = await way.answer()
    assert (result.outcome, result.error) == (Outcome.UNDELIVERABLE, "archived")
    assert result.receipt.verdict is Verdict.BROKEN


async def test_a_message_that_can_be_edited_no_more_is_continued_in_a_new_one() -> None:
    connector = MemoryConnector(
        fault=lambda call, _n: Refused("too old") if call == "edit" else None
    )
    script = ["One. ", Pause(5), "Two. ", Pause(5), "Three.", Finish()]
    async with a_way(script, connector=connector) as way:
        result = await way.answer()
    assert way.shown == ["One.", "Two.", "Three.", "_End of the answer._"]
    assert way.messages[-1].part is not None
    assert way.messages[-1].part.last
    assert (result.outcome, result.receipt.verdict) == (Outcome.COMPLETE, Verdict.VERIFIED)


async def test_the_last_edit_is_tried_until_the_platform_is_back() -> None:
    def away(call: str, number: int) -> Unavailable | None:
        return Unavailable("503") if call == "edit" and number < 8 else None

    async with a_way(
        ["One. ", Pause(5), "Two.", Finish()], connector=MemoryConnector(fault=away)
    ) as way:
        result = await way.answer()
    assert way.shown == ["One. Two."]
    assert (result.outcome, result.receipt.verdict) == (Outcome.COMPLETE, Verdict.VERIFIED)


async def test_a_platform_that_stays_away_is_given_up_at_the_deadline() -> None:
    connector = MemoryConnector(
        fault=lambda call, _n: Unavailable("503") if call == "edit" else None
    )
    async with a_way(
        ["One. ", Pause(5), "Two."], connector=connector, delivery_seconds=60.0
    ) as way:
        result = await way.answer()
        # Five seconds of answer, the deadline, and a minute to say that the rest is missing.
        assert asyncio.get_running_loop().time() <= 5 + 60 + 60 + 1
    assert result.outcome is Outcome.UNDELIVERABLE
    assert str(result.receipt.faults[0]).startswith("shown at character 5")
