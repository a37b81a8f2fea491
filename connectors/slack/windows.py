"""Rates that this connector keeps by itself: where nobody above it can know which call comes."""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict, deque

from connectors.base import Budget

_MOST = 10_000


class Window:
    """At most so many calls in any `seconds`, in the event loop's time."""

    def __init__(self, calls: int, seconds: float) -> None:
        self._seconds = seconds
        self._made = deque([-math.inf] * calls, calls)
        self._paused_until = -math.inf

    def left(self) -> int:
        """How many calls could be made at once now."""
        now = asyncio.get_running_loop().time()
        return (
            0 if now < self._paused_until else sum(at + self._seconds <= now for at in self._made)
        )

    def count(self) -> None:
        """A call is made now."""
        self._made.append(asyncio.get_running_loop().time())

    async def draw(self) -> None:
        """Waits until a call may be made, and counts it."""
        clock = asyncio.get_running_loop().time
        while (wait := self._room_at() - clock()) > 0:  # noqa: ASYNC110 - it waits for a time
            await asyncio.sleep(wait)
        self.count()

    def pause(self, seconds: float) -> None:
        """Slack wants quiet for so long."""
        until = asyncio.get_running_loop().time() + seconds
        self._paused_until = max(self._paused_until, until)

    def _room_at(self) -> float:
        return max(self._made[0] + self._seconds, self._paused_until)


class Windows:
    """The windows of the budgets that were used last."""

    def __init__(self) -> None:
        self._by_key: OrderedDict[str, Window] = OrderedDict()

    def of(self, budget: Budget) -> Window:
        """The window of a budget."""
        if budget.key not in self._by_key:
            self._by_key[budget.key] = Window(budget.calls, budget.seconds)
        self._by_key.move_to_end(budget.key)
        if len(self._by_key) > _MOST:
            self._by_key.popitem(last=False)
        return self._by_key[budget.key]
