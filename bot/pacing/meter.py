"""The calls of one budget in time: when the next of its kind may be made."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from contextlib import suppress

from aiolimiter import AsyncLimiter

from bot.pacing.shares import Share
from bot.pacing.waiting import Claim
from connectors.base import Budget

_RESERVE = 1 / 6
"""The part of a budget (less one call) that middles leave to ends."""

_LEAVES = {Claim.END: 0.0, Claim.FIRST: 0.4, Claim.MIDDLE: 0.75}
"""The part of the reserve that such a call leaves untouched."""

_SLOWED = 0.6
"""What a 429 leaves of the rate."""

_SLOWEST = 0.1
"""What any number of 429s leaves of the rate."""

_RECOVERY = 0.1
"""What each window of quiet adds to the rate again."""

_STORE_S = 30.0
"""Budgets of windows that are at least so long are stores."""

_LEAST = 0.1
"""Calls in a window that are left of a budget, whatever part of it is this process's."""

_LEAST_S = 1e-6
"""What rounding leaves of a wait would be waited for again and again."""

_REGARD_S = 1.0
"""So often a part that changes by itself is looked at again."""


def _now() -> float:
    return asyncio.get_running_loop().time()


def _reserve(calls: int) -> float:
    return (calls - 1) * _RESERVE


class Meter:
    """The calls of one budget in time: waits until the next of its kind may be made."""

    def __init__(self, budget: Budget, share: Share, expected: int = 0) -> None:
        self._budget = budget
        self._share = share
        self.expected = expected
        """Last edits that are to come soon; all other calls leave room for them."""
        self.store = budget.seconds >= _STORE_S
        """What is not called now can be called later: see the package's description."""
        self._made = deque([-math.inf] * budget.calls, budget.calls)
        self._early: deque[float] = deque(maxlen=budget.calls)
        self._paused_until = -math.inf
        self._lowered_to = 1.0
        self._flow = AsyncLimiter(1, self.spacing())
        self._evened = -math.inf

    async def draw(self, claim: Claim, leaves: int | None = None) -> float:
        """Waits until such a claim may be met; counts its call as made, and returns its time.

        It leaves so many calls to ends; where that isn't said, its part of the reserve.
        """
        while (wait := self._room_at(claim, leaves) - _now()) > 0:
            wait = max(wait, _LEAST_S)
            await asyncio.sleep(min(wait, _REGARD_S) if self._moving() else wait)
        if self.store:
            pass
        elif claim is Claim.MIDDLE:
            await self._even()
        elif self._flow.has_capacity():
            await self._flow.acquire()
        else:
            self._early.append(_now())
        self._made.append(_now())
        return self._made[-1]

    def give_back(self, call: float) -> None:
        """The call was not made after all. A limiter takes nothing back, but a new one is empty."""
        self._made.remove(call)
        self._made.appendleft(-math.inf)
        self._flow = AsyncLimiter(1, self._flow.time_period)

    def spacing(self, early: int = 0) -> float:
        """Seconds between even calls if so many calls of a window are early."""
        calls = self._calls()
        return self.window() / max(1.0, calls - _reserve(calls) - early)

    def left(self, within: float) -> int:
        """The calls that can be made within so many seconds, at most a window."""
        counting = _now() + within - self.window()
        return self._calls() - sum(at > counting for at in self._made)

    def limited(self, retry_after: float) -> None:
        """Pauses. Several refusals of one pause lower the rate once."""
        if _now() >= self._paused_until:
            self._lowered_to = max(_SLOWEST, self._rate() * _SLOWED)
        self._paused_until = max(self._paused_until, _now() + retry_after)

    def forgettable_at(self) -> float:
        """When nothing here matters any more, if no further call is made."""
        quiet = math.ceil((1 - self._lowered_to) / _RECOVERY) * self._budget.seconds
        return max(self._made[-1] + self.window(), self._paused_until + quiet)

    async def _even(self) -> None:
        """Takes an even call; where the spacing has changed, a new limiter goes on from there."""
        while self._moving():
            await self._respace()
            with suppress(TimeoutError):
                async with asyncio.timeout(_REGARD_S):
                    await self._flow.acquire()
                break
        else:
            await self._flow.acquire()
        self._evened = _now()
        since = _now() - self.window()
        old, new = self._flow.time_period, self.spacing(sum(at > since for at in self._early))
        if new != old:
            # What the old spacing lacks is waited for here. If that is cancelled nothing is lost:
            # the new limiter is part full, and the next to draw waits for the rest.
            self._flow = AsyncLimiter(1, new)
            await self._flow.acquire(max(0.0, 1 - old / new))
            await self._flow.acquire()

    async def _respace(self) -> None:
        """While the part grows: a flow that is slower than it has to be goes on at the new pace."""
        if (new := self.spacing()) < self._flow.time_period:
            self._flow = AsyncLimiter(1, new)
            await self._flow.acquire(max(0.0, 1 - (_now() - self._evened) / new))

    def _moving(self) -> bool:
        return self._share.moving(_now(), self._budget.seconds)

    def _part(self, at: float) -> float:
        """The calls of a window that are this process's then, as a number with a fraction."""
        part = self._share.part(at, self._budget.seconds)
        return max(_LEAST, self._budget.calls * part)

    def _calls(self, at: float | None = None) -> int:
        """The calls of a window that are this process's then, or now."""
        return max(1, int(self._part(_now() if at is None else at)))

    def _rate(self) -> float:
        """The part of the budget that is used, after a 429 less than 1."""
        if self._lowered_to == 1.0 or _now() < self._paused_until:
            return self._lowered_to
        windows = (_now() - self._paused_until) // self._budget.seconds
        return min(1.0, self._lowered_to + windows * _RECOVERY)

    def window(self) -> float:
        """Seconds in which no more calls than the budget's may lie: longer after a 429."""
        # Less than one call in a window is one call in a longer one.
        return self._budget.seconds / self._rate() / min(1.0, self._part(_now()))

    def _room_at(self, claim: Claim, leaves: int | None) -> float:
        """When the window has room for such a call and for those that it leaves to others.

        While the part shrinks, a call must fit in it as long as it counts. So each earlier call
        asks: just before I count no more, are we few enough for the part of that moment?
        """
        calls, window = self._calls(), self.window()
        left = int(_reserve(calls) * _LEAVES[claim]) if leaves is None else leaves
        if claim is not Claim.END:
            left = min(max(left, self.expected), calls - 1)
        room = self._made[left - calls] + window
        if self._moving():
            for wanted, made in enumerate(reversed(self._made), 2):
                then = min(calls, self._calls(made + window))
                if wanted + min(left, then - 1) > then:
                    room = max(room, made + window)
                    break
        return max(room, self._paused_until)
