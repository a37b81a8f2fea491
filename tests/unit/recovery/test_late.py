"""The database is away for half a minute under twenty answers."""

from __future__ import annotations

import asyncio

from providers.scripted import Pause
from tests.doubles.way import words
from tests.unit.recovery.world import a_world

ANSWER = "One two three four five six seven eight nine ten."
SLOW = [step for word in words(ANSWER) for step in (word, Pause(1.0))]


async def test_answers_are_all_shown_meanwhile_and_verified_afterwards_flagged_as_late() -> None:
    async with a_world() as world:
        first, other = await world.start(SLOW), await world.start()
        for number in range(20):
            await first.ask(thread=str(number))
        await asyncio.sleep(2)
        first.line.cut = other.line.cut = True
        await asyncio.sleep(28)
        assert first.store.journal.pending > 200
        assert first.store.journal.waits_s > 20
        await world.until(lambda: world.shown == [ANSWER] * 20, seconds=60)
        first.line.cut = other.line.cut = False
        await asyncio.sleep(30)
        ends = [row.end for row in await world.rows() if row.end]
        assert [end.outcome for end in ends] == ["complete"] * 20
        assert {end.verdict for end in ends} == {"verified"}
        assert any(end.receipt and end.receipt["late"] for end in ends)
        assert other.provider.requests == []
        assert first.store.journal.pending == 0


async def test_a_run_that_ends_with_the_log_at_hand_is_not_late() -> None:
    async with a_world() as world:
        first = await world.start(["One."])
        await first.ask()
        await world.recovered()
        row = await world.row()
        assert row.end is not None
        assert row.end.receipt is not None
        assert row.end.receipt["late"] is False


async def test_a_question_that_comes_while_it_is_away_is_not_acknowledged() -> None:
    async with a_world() as world:
        first = await world.start(["One."])
        first.line.cut = True
        incoming = first.connector.ask("Why?")
        assert not await incoming.accepted()
        first.line.cut = False
        assert await first.store.inbox.unanswered() == []
