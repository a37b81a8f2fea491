"""What a dead process used is counted, and its runs hold nobody's limits for ever."""

from __future__ import annotations

import asyncio

from bot.intake import IntakeOptions, Limit, Quotas
from providers.scripted import Hang, Pause
from tests.doubles.way import words
from tests.unit.recovery.world import a_world

SCRIPT = [*words("one two three"), Hang()]
GIVEN = 3 + 4 + 1 + 4
"""Tokens of "Be brief." and "Why?", about."""


async def test_an_answer_that_was_cut_by_its_process_s_death_is_estimated() -> None:
    async with a_world() as world:
        first = await world.start(SCRIPT)
        await first.ask()
        await world.until(lambda: world.shown)
        await asyncio.sleep(1)
        assert (await world.row()).asked_tokens == GIVEN
        world.kill(first)
        await world.start()
        await world.recovered()
        end = (await world.row()).end
    assert end is not None
    assert (end.outcome, end.usage_estimated, end.cost_microusd) == ("interrupted", True, None)
    assert (end.input_tokens, end.output_tokens) == (GIVEN, 3)


async def test_the_runs_of_a_dead_process_are_not_under_way() -> None:
    options = IntakeOptions(limits=Quotas(Limit(runs_at_once=1)))
    async with a_world() as world:
        first = await world.start(SCRIPT, intake=options)
        await first.ask()
        await world.until(lambda: world.shown)
        second = await world.start(["Two."], intake=options)
        await second.ask(thread="T2")
        await world.until(lambda: any("1 answer under way" in text for text in world.shown))
        world.kill(first)
        await world.recovered()
        await second.ask(thread="T3")
        await world.until(lambda: "Two." in world.shown)


async def test_a_question_that_a_dead_process_had_let_in_is_answered_by_the_next() -> None:
    """Its run stands in the log as begun; a limit that is reached since must not leave it so."""
    options = IntakeOptions(limits=Quotas(Limit(runs_per_day=1, runs_at_once=1)))
    stricter = IntakeOptions(limits=Quotas(Limit(runs_per_day=0)))
    async with a_world() as world:
        first = await world.start([Pause(30), "late"], intake=options)
        await first.ask()
        await asyncio.sleep(5)
        assert (await world.row()).end is None
        world.kill(first)
        await world.start(["Because."], intake=stricter)
        await world.recovered()
        assert world.shown == ["Because."]
        assert await world.outcomes() == ["complete"]
