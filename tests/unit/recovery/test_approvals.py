"""Two processes, presses that reach both and twice, and a kill anywhere: a call is made at most
once, and an answer that somebody allowed goes on in whichever process is left.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from typing import Any

import pytest

from bot.identity import Account
from connectors.base import Control, MessageRef, Pressed
from connectors.memory import ALICE
from providers.scripted import CallTool
from tests.doubles.slow_clock import CONFIG, SlowClock, a_toolbox
from tests.unit.recovery.world import Process, World, a_world

FIRST, SECOND = ["Wait.", CallTool("clock__set", {"to": "noon"})], ["It is set."]


def _press(process: Process, ref: MessageRef, run_id: Any, control: Control) -> None:
    if not process.connector._closed:
        process.connector.deliver(Pressed(ref, ALICE, control, run_id))


async def _waiting(world: World) -> tuple[MessageRef, Any]:
    await world.until(lambda: any("May I use" in text for text in world.shown), 60)
    [message] = world.messages
    assert message.part is not None
    return message.ref, message.part.run_id


async def _states(world: World) -> list[str]:
    def work(connection: Any) -> list[str]:
        return [row[0] for row in connection.exec_driver_sql("SELECT state FROM tool_calls")]

    return await world.database.read(work)


@pytest.mark.parametrize("window", ["asked", "pressed", "sending", "counted", "nowhere"])
@pytest.mark.parametrize("seed", range(10))
async def test_a_kill_anywhere_makes_no_call_twice(window: str, seed: int) -> None:
    chance, clock = random.Random(f"{window}{seed}"), SlowClock()  # noqa: S311 - it only has to vary
    async with a_world() as world:
        toolbox = a_toolbox(clock)
        first = await world.start(FIRST, SECOND, toolbox=toolbox)
        second = await world.start(SECOND, toolbox=toolbox)
        await first.ask("Set it.")
        ref, run_id = await _waiting(world)
        if window == "asked":
            await asyncio.sleep(chance.uniform(0, 0.3))
            world.kill(first)
        one, other = chance.sample([first, second], 2)
        for process in (one, other, one):
            _press(process, ref, run_id, Control.ALLOW)
            await asyncio.sleep(chance.choice([0.0, 0.01, 0.05]))
        after = {"pressed": (0.0, 0.1), "sending": (0.2, 0.5), "counted": (0.7, 1.2)}
        if window in after:
            await asyncio.sleep(chance.uniform(*after[window]))
            world.kill(first)
        await world.recovered()
        [state] = await _states(world)
        assert clock.made <= 1
        assert (state == "answered") <= (clock.made == 1)
        if window in ("asked", "nowhere"):
            assert (state, clock.made) == ("answered", 1)
            assert any("It is set." in text for text in world.shown)
        assert state in ("answered", "uncertain", "approved", "withdrawn", "waiting")
        assert world.writing == []
        assert set(await world.outcomes()) <= {"waiting", "complete", "interrupted"}


async def test_a_process_that_died_before_its_end_was_kept_leaves_it_waiting() -> None:
    """Nobody has to ask again: what waits can still be allowed, by the process that is left."""
    clock = SlowClock()
    async with a_world() as world:
        first = await world.start(FIRST, toolbox=a_toolbox(clock))
        first.store.runs.end = lambda *_end: None  # type: ignore[method-assign]
        await first.ask("Set it.")
        ref, run_id = await _waiting(world)
        world.kill(first)
        second = await world.start(SECOND, toolbox=a_toolbox(clock))
        await world.recovered()
        assert await _states(world) == ["waiting"]
        assert await world.outcomes() == ["waiting"]
        _press(second, ref, run_id, Control.ALLOW)
        await world.until(lambda: any("It is set." in text for text in world.shown), 60)
        assert clock.made == 1


async def test_a_clean_end_leaves_it_waiting() -> None:
    clock = SlowClock()
    async with a_world() as world:
        first = await world.start(FIRST, toolbox=a_toolbox(clock))
        await first.ask("Set it.")
        ref, run_id = await _waiting(world)
        await world.close(first)
        second = await world.start(SECOND, toolbox=a_toolbox(clock))
        await asyncio.sleep(120)
        assert await _states(world) == ["waiting"]
        _press(second, ref, run_id, Control.ALLOW)
        await world.until(lambda: any("It is set." in text for text in world.shown), 60)
        assert clock.made == 1


async def test_an_answer_whose_decision_nobody_lived_to_say_says_it_all_the_same() -> None:
    clock = SlowClock()
    async with a_world() as world:
        first = await world.start(FIRST, toolbox=a_toolbox(clock))
        await first.ask("Set it.")
        ref, run_id = await _waiting(world)
        await asyncio.sleep(2)
        call = await first.store.waiting.of_run(run_id)
        assert call is not None
        assert await first.store.calls.deny(call.key, Account("memory", "home", "alice"))
        world.kill(first)
        second = await world.start(SECOND, toolbox=a_toolbox(clock))
        serving = asyncio.create_task(second.intake.approvals.serve())
        await world.until(lambda: "Not allowed" in world.shown[0], 120)
        serving.cancel()
        [message] = world.messages
        assert message.ref == ref
        assert message.part is not None
        assert Control.ALLOW not in message.part.controls


async def test_a_call_that_a_takeover_makes_uncertain_is_told_once() -> None:
    clock = SlowClock()
    told: list[Any] = []
    async with a_world() as world:
        toolbox = a_toolbox(clock, replace(CONFIG, approve="never"))
        first = await world.start(FIRST, SECOND, toolbox=toolbox)
        second = await world.start(SECOND, toolbox=toolbox)
        second.recovery._watch = Told(told)  # type: ignore[assignment]
        await first.ask("Set it.")
        await world.until(lambda: clock.made == 1)
        world.kill(first)
        await world.recovered()
        assert [(call.server, call.tool, call.state) for call in told] == [
            ("clock", "set", "uncertain")
        ]
        assert await world.outcomes() == ["interrupted"]
        assert clock.made == 1


class Told:
    """Hears of calls alone."""

    def __init__(self, told: list[Any]) -> None:
        self.tool_ended = told.append
