"""Waiting until runs have ended, without asking the store all the time."""

from __future__ import annotations

import asyncio

from bot.runs import Runs
from bot.store import RunRow, Store
from tests.doubles.waiting import PATIENCE_S

_TURN_S = 0.02
_TURNS = 10
"""After so many the store is asked all the same: a run may have come and gone, or be elsewhere."""


async def ended(runs: Runs, store: Store, count: int) -> list[RunRow]:
    """The runs, oldest first, once so many have ended.

    One that is at work has surely not: to look for it in the store would take a quarter of all
    that a test computes.
    """
    asked, working = 0, True
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if (not runs.active and working) or asked == 0:
                rows = await store.runs.recent(100)
                if len(rows) >= count and all(row.end for row in rows):
                    return rows[::-1]
            asked, working = (asked + 1) % _TURNS, bool(runs.active)
            await asyncio.sleep(_TURN_S)
