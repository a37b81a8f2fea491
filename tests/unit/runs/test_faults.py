"""Faults that nobody provides for: they cost neither the answer nor the run's end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID

import pytest
from sqlalchemy import Connection

from bot.runs import Outcome
from bot.runs.receipts import Verdict
from bot.store import InlineDatabase, Store
from connectors.base import Limits, MessageRef, Part, Shown
from connectors.memory import MemoryConnector
from providers.base import Generation, Request
from providers.scripted import Hang, Pause, ScriptedProvider
from tests.doubles.way import a_way

T = TypeVar("T")


async def _bug(*_args: Any) -> Any:
    raise ValueError("a bug in the connector")


@pytest.mark.parametrize("call", ["signal", "history"])
async def test_a_bug_in_a_courtesy_of_the_connector_costs_no_answer(
    call: str, capsys: pytest.CaptureFixture[str]
) -> None:
    connector = MemoryConnector()
    setattr(connector, call, _bug)
    async with a_way(["One."], connector=connector) as way:
        result = await way.answer()
    assert result.outcome is Outcome.COMPLETE
    assert [shown.split("\n\n_Not read: ")[0] for shown in way.shown] == ["One."]
    assert f"{call}.broke" in capsys.readouterr().out


async def test_a_bug_in_the_small_print_costs_no_end() -> None:
    connector = MemoryConnector(limits=Limits(4000, receipts=True))
    whole = connector.edit

    async def edit(ref: MessageRef, part: Part) -> Shown:
        return await (_bug() if part.footer else whole(ref, part))

    connector.edit = edit  # type: ignore[method-assign]
    async with a_way(["One."], connector=connector) as way:
        result = await way.answer()
        row = await way.store.runs.get(result.run_id)
    assert row is not None
    assert row.end is not None
    assert row.end.verdict == "verified"


class Strange(InlineDatabase):
    """A database that can't be read, in a way that nobody expects."""

    strange = False

    async def read(self, work: Callable[[Connection], T]) -> T:
        if self.strange:
            raise ValueError("a bug in the driver")
        return await super().read(work)


async def test_a_run_whose_log_cannot_be_read_ends_all_the_same() -> None:
    database = Strange()
    async with a_way(["One.", Pause(5), " Two."], store=Store(database)) as way:
        running = asyncio.create_task(way.answer())
        await way.until(lambda: way.shown)
        database.strange = True
        result = await running
        database.strange = False
        row = await way.store.runs.get(result.run_id)
    assert way.shown == ["One. Two."]
    assert result.receipt.verdict is Verdict.BROKEN
    assert row is not None
    assert row.end is not None


async def test_a_run_that_is_cancelled_while_it_compares_is_ended_as_interrupted() -> None:
    async with a_way(["One."]) as way:
        running = asyncio.create_task(way.answer())
        await way.until(lambda: way.messages and not way.writing())
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await asyncio.sleep(1)
        row = (await way.store.runs.recent(1))[0]
    assert row.end is not None
    assert row.end.outcome == "interrupted"


class Deaf(ScriptedProvider):
    """Goes on for a minute, whoever cancels it."""

    async def generate(
        self,
        request: Request,  # noqa: ARG002 - the seam's signature
        *,
        run_id: UUID,
        callbacks: Sequence[Any],
        generation: Generation,
    ) -> None:
        """Says a number every hundredth of a second."""
        until = asyncio.get_running_loop().time() + 60
        while asyncio.get_running_loop().time() < until:
            generation.add("ha ")
            for callback in callbacks:
                await callback.on_llm_new_token("ha ", run_id=run_id)
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                continue


async def test_what_a_model_says_that_will_not_stop_changes_no_answer_that_has_ended() -> None:
    async with a_way(provider=Deaf()) as way:
        running = asyncio.create_task(way.answer())
        await way.until(lambda: way.shown)
        way.runs.active[0].stop()
        result = await running
        row = await way.store.runs.get(result.run_id)
        await asyncio.sleep(60)
    assert (result.outcome, result.receipt.verdict) == (Outcome.STOPPED, Verdict.VERIFIED)
    assert row is not None
    assert row.end is not None
    assert row.end.generated_text == result.text
    assert way.shown == [f"{result.text.strip()}\n\n_Stopped._"]


async def test_a_stop_does_not_wait_for_the_history() -> None:
    connector = MemoryConnector()

    async def history(*_args: Any) -> Any:
        await asyncio.Event().wait()

    connector.history = history  # type: ignore[assignment, method-assign]
    async with a_way(["One.", Hang()], connector=connector) as way:
        running = asyncio.create_task(way.answer())
        await way.until(lambda: way.runs.active)
        way.runs.active[0].stop()
        result = await running
        assert asyncio.get_running_loop().time() < 3
    assert (result.outcome, way.shown) == (Outcome.STOPPED, ["_Stopped._"])
    assert way.provider.requests == []


async def test_half_an_emoji_on_the_screen_is_a_difference_and_no_crash() -> None:
    connector = MemoryConnector()
    whole = connector.post

    async def post(place: Any, part: Part, key: str) -> Shown:
        shown = await whole(place, part, key)
        return Shown(shown.ref, shown.text + "\ud83d")

    connector.post = post  # type: ignore[method-assign]
    connector.edit = _bug  # type: ignore[assignment, method-assign]
    async with a_way(["One."], connector=connector) as way:
        result = await way.answer()
    assert result.receipt.verdict is Verdict.BROKEN
