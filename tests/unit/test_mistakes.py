"""Mistakes that bots of this kind have made, one test each.

Two more stand elsewhere: the log line that survived the line that delivers
(`runs/test_seed_bug.py`), and the token in the finishing chunk (`contracts/provider.py`).
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Sequence
from uuid import UUID

import pytest
from langchain_core.callbacks import AsyncCallbackHandler

from bot.runs import Outcome
from bot.runs.receipts import Verdict
from connectors.base import RateLimited, Refused
from connectors.memory import MemoryConnector
from providers.base import Generation, Malformed, Request
from providers.scripted import Fail, Finish, Hang, Pause, ScriptedProvider
from tests.doubles.way import a_way, words

LONG = [token for n in range(60) for token in (f"Sentence {n} of a long answer. ", Pause(0.3))]


async def test_edits_arrive_in_order_and_the_message_never_shrinks() -> None:
    connector = MemoryConnector(latency=2.5)
    async with a_way(LONG, connector=connector) as way:
        await way.answer()
    versions = [version.text for version in way.messages[0].versions]
    assert len(versions) > 3
    assert versions == sorted(versions, key=len)
    assert connector.platform.overlaps == []


async def test_a_429_on_the_last_edit_loses_nothing() -> None:
    connector = MemoryConnector(
        fault=lambda call, n: RateLimited("429", 30.0) if (call, n) == ("edit", 1) else None
    )
    async with a_way(["One. ", Pause(5), "Two."], connector=connector) as way:
        result = await way.answer()
    assert way.shown == ["One. Two."]
    assert (result.outcome, result.receipt.verdict) == (Outcome.COMPLETE, Verdict.VERIFIED)


async def test_an_error_in_mid_stream_never_looks_like_the_end() -> None:
    async with a_way([*words("half an answer"), Fail(Malformed("error part"))]) as way:
        result = await way.answer()
    assert result.outcome is Outcome.FAILED
    assert way.shown[0].startswith("half an answer\n\n_")


class Raising(ScriptedProvider):
    """A provider with a bug: it raises what no provider may raise."""

    error: BaseException = KeyError("a bug")

    async def generate(
        self,
        request: Request,
        *,
        run_id: UUID,
        callbacks: Sequence[AsyncCallbackHandler],
        generation: Generation,
    ) -> None:
        await super().generate(request, run_id=run_id, callbacks=callbacks, generation=generation)
        raise self.error


@pytest.mark.parametrize("error", [KeyError("a bug"), asyncio.CancelledError()])
async def test_a_model_that_raises_anything_at_all_leaves_nobody_waiting(
    error: BaseException,
) -> None:
    provider = Raising(words("some text"))
    provider.error = error
    async with a_way(provider=provider) as way:
        result = await way.answer()
    assert result.outcome is Outcome.FAILED
    assert way.shown[0].startswith("some text\n\n_Something went wrong in the bot")
    assert way.writing() == []


async def test_no_second_answer_starts_in_a_conversation_however_long_the_first_takes() -> None:
    async with a_way(["slow", Pause(50), ".", Pause(50), Finish()], ["second"]) as way:
        await way.ask("1")
        await way.ask("2")
        await way.until(lambda: way.shown)
        await asyncio.sleep(90)
        assert len(way.provider.requests) == 1
        await way.intake.settled()
    assert way.shown == ["slow.", "second"]


async def test_a_call_that_the_platform_refused_is_not_taken_for_delivered() -> None:
    connector = MemoryConnector(
        fault=lambda call, _n: Refused("ok: false") if call == "post" else None
    )
    async with a_way(["One."], connector=connector) as way:
        result = await way.answer()
    assert result.outcome is Outcome.UNDELIVERABLE
    assert result.receipt.verdict is Verdict.BROKEN


async def test_the_bots_own_posts_and_edits_are_no_questions() -> None:
    async with a_way(["One. ", Pause(5), "Two."]) as way:
        await way.ask()
        await way.intake.settled()
        await asyncio.sleep(60)
        assert len(way.provider.requests) == 1


class Sulking(ScriptedProvider):
    """A provider that fails in its own way when it is cancelled."""

    async def generate(
        self,
        request: Request,
        *,
        run_id: UUID,
        callbacks: Sequence[AsyncCallbackHandler],
        generation: Generation,
    ) -> None:
        try:
            await super().generate(
                request, run_id=run_id, callbacks=callbacks, generation=generation
            )
        except asyncio.CancelledError as error:
            raise Malformed("closed") from error


async def test_a_stream_that_fails_while_it_is_closed_leaves_no_error_that_nobody_saw() -> None:
    unseen: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: unseen.append(context))
    async with a_way(provider=Sulking(["one", Hang()])) as way:
        running = asyncio.create_task(way.answer())
        await way.until(lambda: way.shown)
        way.runs.active[0].stop()
        result = await running
    gc.collect()
    assert result.outcome is Outcome.STOPPED
    assert unseen == []
