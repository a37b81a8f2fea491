"""The virtual clock that most tests stand on."""

import asyncio

import pytest

from tests.clock import VirtualTimeLoop


async def test_an_hour_passes_at_once() -> None:
    loop = asyncio.get_running_loop()
    start = loop.time()
    await asyncio.sleep(3600)
    assert loop.time() - start == pytest.approx(3600)


def test_a_deadlock_is_an_error_and_not_a_hang() -> None:
    runner = asyncio.Runner(loop_factory=VirtualTimeLoop)
    with runner, pytest.raises(RuntimeError, match="deadlock"):
        runner.run(asyncio.Event().wait())


async def test_a_timer_for_this_very_moment_moves_the_clock_on() -> None:
    loop = asyncio.get_running_loop()
    await asyncio.sleep(1)
    start, moved = loop.time(), asyncio.Event()

    def look() -> None:
        if loop.time() > start:
            moved.set()
        else:
            loop.call_at(start, look)

    look()
    await moved.wait()
    assert loop.time() == pytest.approx(start)
