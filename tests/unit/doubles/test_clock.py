"""The virtual clock that most tests stand on."""

import asyncio
import time

import pytest

from tests.doubles.clock import VirtualTimeLoop


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


async def test_no_time_passes_while_a_thread_works() -> None:
    """However slow it is."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(1):
        await asyncio.to_thread(time.sleep, 0.02)
    assert loop.time() == 0
    await asyncio.sleep(5)
    assert loop.time() == pytest.approx(5)


def test_a_loop_that_used_threads_is_closed() -> None:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        loop = runner.get_loop()
        for _ in range(8):
            loop.run_in_executor(None, time.sleep, 0.01)
    assert loop.is_closed()
