"""Where another model goes on with an answer, the reader sees it, and the receipt does not mind."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.callbacks import SEAM as THE_SEAM
from bot.callbacks import DeliveryHandler
from bot.runs import Outcome, outcomes, verify
from bot.runs.receipts import Verdict
from bot.words import small
from connectors.base import Control, Limits
from connectors.memory import MemoryConnector
from providers.base import TooLong
from providers.failover import ChainProvider
from providers.scripted import Cut, Fail, Finish, Pause, ScriptedProvider
from tests.doubles.way import Way, a_way, clock_us, words
from tests.unit.recovery.world import a_world

SEAM = small(THE_SEAM)

FIRST, SECOND = "One two", " three four."
SEAMED = [FIRST, f"{SEAM}\n\nthree four."]


def broken_off(*others: Any) -> ChainProvider:
    """A model that dies in mid-answer, and one that goes on."""
    first = ScriptedProvider([*words(FIRST), Cut()], *others, name="s:a")
    return ChainProvider([first, ScriptedProvider([*words(SECOND)], name="s:b")])


async def verified(way: Way, run_id: Any) -> Verdict:
    """The verdict of the comparison made once more, with the message read back."""
    row = await way.store.runs.get(run_id)
    assert row is not None
    return (await verify(row, way.store, way.connector)).verdict


async def test_the_reader_sees_where_another_model_goes_on() -> None:
    """The answer is whole, the receipt verified, and both models are in the run's row."""
    async with a_way(provider=broken_off()) as way:
        result = await way.answer()
        row = await way.store.runs.get(result.run_id)
        assert await verified(way, result.run_id) is Verdict.VERIFIED
    assert (result.outcome, result.text) == (Outcome.COMPLETE, FIRST + SECOND)
    assert result.receipt.verdict is Verdict.VERIFIED
    assert way.shown == SEAMED
    assert row is not None
    assert row.end is not None
    tries = [(each["model"], each["kind"], each["chars"]) for each in row.end.attempts or ()]
    assert tries == [("s:a", "first", 0), ("s:b", "failover", len(FIRST))]
    assert row.start.model == "s:a,s:b"


async def test_the_seam_is_right_where_the_delivery_lost_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The provider's own count says where it stands."""

    async def deaf(*_token: Any, **_kwargs: Any) -> None:
        """Loses everything, the seam too."""

    monkeypatch.setattr(DeliveryHandler, "on_llm_new_token", deaf)
    async with a_way(provider=broken_off()) as way:
        result = await way.answer()
    assert result.receipt.verdict is Verdict.MENDED
    assert way.shown == SEAMED


async def test_a_lost_seam_alone_is_put_in_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no text, so the receipt does not speak of it."""
    deliver = DeliveryHandler.on_llm_new_token

    async def deaf(self: Any, token: Any, *, kind: Any = "text", **kwargs: Any) -> None:
        if kind != "seam":
            await deliver(self, token, kind=kind, **kwargs)

    monkeypatch.setattr(DeliveryHandler, "on_llm_new_token", deaf)
    async with a_way(provider=broken_off()) as way:
        result = await way.answer()
    assert result.receipt.verdict is Verdict.VERIFIED
    assert way.shown == SEAMED


async def test_a_seam_that_nothing_follows_is_not_seen() -> None:
    """The note says how it ended."""
    second = ScriptedProvider([Fail(TooLong("too long"))], name="s:b")
    first = ScriptedProvider([FIRST, Cut()], name="s:a")
    async with a_way(provider=ChainProvider([first, second])) as way:
        result = await way.answer()
    assert (result.outcome, result.receipt.verdict) == (Outcome.FAILED, Verdict.VERIFIED)
    assert len(way.shown) == 1
    assert way.shown[0].startswith(f"{FIRST}\n\n_")


async def test_an_answer_that_is_continued_goes_on_without_the_seam() -> None:
    """The model is given what was generated, and nothing of ours."""
    first = ScriptedProvider([FIRST, Cut()], ["!"], name="s:a")
    second = ScriptedProvider([SECOND, Finish("length")], name="s:b")
    async with a_way(provider=ChainProvider([first, second])) as way:
        await way.ask()
        await way.intake.settled()
        last = way.messages[-1]
        assert last.part is not None
        assert Control.CONTINUE in last.part.controls
        incoming = way.connector.press(last.ref, Control.CONTINUE)
        assert await incoming.accepted()
        await way.intake.settled()
        await way.ask("And then?")
        await way.intake.settled()
    given = [[turn.text for turn in request.turns] for request in first.requests]
    assert FIRST + SECOND in given[1]
    assert not any(SEAM in text for texts in given for text in texts)
    assert any(FIRST + SECOND in text for text in given[2])


@pytest.mark.parametrize("length", [120, 2000])
async def test_a_process_that_dies_after_the_seam_leaves_it_where_it_is(length: int) -> None:
    """The log knows it, so another process shows it again, and once."""
    slow = [step for word in words("three four five six") for step in (word, Pause(1.0))]
    async with a_world(Limits(length)) as world:
        process = await world.start(["One two ", Pause(1.0), ("seam", "s:b"), *slow, Pause(99)])
        await process.ask()
        await world.until(lambda: any("five" in text for text in world.shown))
        await asyncio.sleep(0.2)  # the log has it as well
        world.kill(process)
        await world.start(["Anew."])
        await world.recovered()
        note = small(outcomes.INTERRUPTED.note)
        first, second = world.shown
        assert first == "One two"
        assert second.startswith(f"{SEAM}\n\nthree four five")
        assert second.endswith(note)


# What a model thinks.

THINKING = [("reasoning", "Hm,\n"), Pause(3.0), ("reasoning", "yes."), Pause(1.0), "Because."]


@pytest.mark.parametrize(
    ("reasoning", "shown"),
    [
        ("hidden", ["Because."]),
        ("summary", ["_Thought for 4 s_\n\nBecause."]),
        ("shown", ["> _Thoughts_\n>\n> Hm,\n> yes.", "Because."]),
    ],
)
async def test_reasoning_is_shown_as_the_operator_wants_it(
    reasoning: Any, shown: list[str]
) -> None:
    """It is no part of the answer: the receipt and the comparison made later know it apart."""
    async with a_way(THINKING, reasoning=reasoning) as way:
        result = await way.answer()
        assert await verified(way, result.run_id) is Verdict.VERIFIED
        recorded = await way.store.tokens.read(result.run_id)
    assert way.shown == shown
    assert (result.text, result.receipt.verdict) == ("Because.", Verdict.VERIFIED)
    assert [row.kind for row in recorded] == ["reasoning", "reasoning", "text"]


async def test_thoughts_are_seen_while_the_model_still_has_them() -> None:
    """They would be of little use later."""
    async with a_way([("reasoning", "Hm."), Pause(30), "Yes."], reasoning="shown") as way:
        running = asyncio.create_task(way.answer())
        await asyncio.sleep(5)
        assert way.shown == ["> _Thoughts_\n>\n> Hm."]
        assert (await running).receipt.verdict is Verdict.VERIFIED


async def test_long_thoughts_have_several_messages() -> None:
    """Each is a quote by itself."""
    said = [("reasoning", f"thought {n}. ") for n in range(60)]
    platform = MemoryConnector(limits=Limits(200), clock=lambda: clock_us() / 1e6)
    async with a_way([*said, "Yes."], connector=platform, reasoning="shown") as way:
        result = await way.answer()
    assert result.receipt.verdict is Verdict.VERIFIED
    assert len(way.shown) > 3
    assert all(text.startswith("> ") for text in way.shown[:-1])
    assert way.shown[-1] == "Yes."


async def test_thoughts_after_the_answer_began_are_recorded_and_not_shown() -> None:
    """A quote in its middle would be taken for a part of it."""
    script = [("reasoning", "Hm."), "One", ("reasoning", "No."), " two."]
    async with a_way(script, reasoning="shown") as way:
        result = await way.answer()
    assert way.shown == ["> _Thoughts_\n>\n> Hm.", "One two."]
    assert result.receipt.verdict is Verdict.VERIFIED


async def test_thoughts_without_an_answer_end_with_the_note() -> None:
    """That the model gave no text."""
    async with a_way([("reasoning", "Hm."), " \n"], reasoning="shown") as way:
        result = await way.answer()
    assert way.shown == [f"> _Thoughts_\n>\n> Hm.\n\n{small(outcomes.NO_TEXT)}"]
    assert result.receipt.verdict is Verdict.VERIFIED


# What the reader is told besides.


async def test_the_reader_is_told_that_earlier_messages_were_left_out() -> None:
    """In a line under the answer."""
    model = ScriptedProvider(["a" * 600], [Fail(TooLong("too long"))], ["Yes."], name="s:a")
    async with a_way(provider=ChainProvider([model])) as way:
        await way.answer("First?")
        result = await way.answer("Second?")
        row = await way.store.runs.get(result.run_id)
    assert way.shown[-1] == f"Yes.\n\n{small(outcomes.TRIMMED)}"
    assert result.receipt.verdict is Verdict.VERIFIED
    assert row is not None
    assert row.end is not None
    assert [each["kind"] for each in row.end.attempts or ()] == ["first", "trimmed"]
    assert len(model.requests[2].turns) < len(model.requests[1].turns)


CALL = [("tool", "weather"), ("tool", '{"city": "secret"}')]


@pytest.mark.parametrize(
    ("said", "outcome", "shown"),
    [
        ([], Outcome.FAILED, small(outcomes.NO_TOOLS)),
        (["Let me see."], Outcome.COMPLETE, f"Let me see.\n\n{small(outcomes.NO_TOOLS)}"),
    ],
)
async def test_a_tool_call_is_refused_politely(
    said: list[Any], outcome: Outcome, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Alone it is no answer; the log names the tool, and nothing that it was to be told."""
    async with a_way([*said, *CALL]) as way:
        result = await way.answer()
    assert (result.outcome, way.shown) == (outcome, [shown])
    assert result.receipt.verdict is Verdict.VERIFIED
    log = capsys.readouterr().out
    assert "weather" in log
    assert "secret" not in log
