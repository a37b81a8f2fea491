"""Waiting for what a test looks at: no test sleeps and then looks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

PATIENCE_S = 60.0
"""The longest that anything is waited for on real time. It is there to end a test that would hang:
a busy machine may take a hundred times as long as a quiet one, and nothing is proved by haste."""

_TURN_S = 0.01


async def until(seen: Callable[[], Any]) -> None:
    """Waits until something is so that nobody tells, and can only be asked for."""
    async with asyncio.timeout(PATIENCE_S):
        while not seen():  # noqa: ASYNC110 - it waits for anything at all
            await asyncio.sleep(_TURN_S)


async def within(turns: int, seen: Callable[[], Any]) -> None:
    """Waits until something is so, for that many hundredths of a second in which this process ran.

    Where the machine gives the process no time, none is counted. Raises `AssertionError` when it
    isn't so by then.
    """
    for _ in range(turns):
        if seen():
            return
        await asyncio.sleep(_TURN_S)
    assert seen(), f"not within {turns} turns"


async def still(count: Callable[[], int], turns: int = 20) -> None:
    """Waits until a count has stayed the same for that many turns, each of which let all else run.

    For what may come and can't be known to come no more. On a machine that is busy it takes longer,
    as everything does.
    """
    before, same = count(), 0
    async with asyncio.timeout(PATIENCE_S):
        while same < turns:
            await asyncio.sleep(_TURN_S)
            now = count()
            before, same = (now, 0) if now != before else (before, same + 1)
