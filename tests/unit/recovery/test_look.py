"""What a look costs: every process looks every second."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from bot.cluster.heartbeat import BEAT_S
from bot.cluster.recovery import LOOK_S
from providers.scripted import Hang
from tests.unit.recovery.world import a_world


async def test_a_look_that_finds_nothing_is_one_statement() -> None:
    async with a_world() as world:
        first = await world.start(["Endless", Hang()])
        await world.start()
        await first.ask()
        await world.until(lambda: world.shown)
        await asyncio.sleep(5)
        works: list[str] = []
        run = first.line.run

        async def counted(work: Callable[[Any], Any]) -> Any:
            works.append(work.__qualname__)
            return await run(work)

        first.line.run = counted  # type: ignore[method-assign]
        await asyncio.sleep(100)
        looks = [work for work in works if "snapshot" in work]
        beats = [work for work in works if "beat" in work]
        assert abs(len(looks) - 100 / LOOK_S) <= 1
        assert abs(len(beats) - 100 / BEAT_S) <= 1
        assert len(looks) + len(beats) == len(works)
