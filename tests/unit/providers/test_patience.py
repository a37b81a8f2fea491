"""One timer for a whole stream, on virtual time."""

from __future__ import annotations

import asyncio

import pytest

from providers.base import Stalled
from providers.stall import StallTimeout


async def test_silence_is_a_stall_to_the_second() -> None:
    """Counted from what was heard last, not from when the timer was last looked at."""
    clock = asyncio.get_running_loop().time
    began = clock()

    async def read() -> None:
        async with StallTimeout(10) as patience:
            await asyncio.sleep(7)
            patience.heard()
            await asyncio.sleep(100)

    with pytest.raises(Stalled, match="10 s"):
        await read()
    assert clock() - began == pytest.approx(17)


async def test_who_is_heard_often_enough_may_talk_for_ever() -> None:
    """The time-out is for silence, not for the answer."""
    async with StallTimeout(10) as patience:
        for _ in range(100):
            await asyncio.sleep(9)
            patience.heard()


async def test_it_may_be_shortened() -> None:
    """Once the answer is whole, only the usage is waited for."""
    clock = asyncio.get_running_loop().time
    began = clock()

    async def read() -> None:
        async with StallTimeout(60) as patience:
            patience.heard()
            patience.shorten(5)
            await asyncio.sleep(100)

    with pytest.raises(Stalled):
        await read()
    assert clock() - began == pytest.approx(5)


async def test_an_error_of_the_streams_own_passes() -> None:
    """Only lateness is a stall."""
    with pytest.raises(KeyError):
        async with StallTimeout(10):
            raise KeyError("x")


async def test_what_a_late_stream_raises_instead_is_a_stall_all_the_same() -> None:
    """Some libraries make an error of their own of a cancel."""

    async def read() -> None:
        async with StallTimeout(10):
            try:
                await asyncio.sleep(100)
            except asyncio.CancelledError:
                raise OSError("closed") from None

    with pytest.raises(Stalled) as stalled:
        await read()
    assert isinstance(stalled.value.__cause__, OSError)


async def test_a_cancel_from_outside_is_no_stall() -> None:
    """It stays a cancel."""

    async def wait() -> None:
        async with StallTimeout(10):
            await asyncio.sleep(100)

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(1)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert waiting.cancelled()
