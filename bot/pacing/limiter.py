"""The rate limiter of one budget: when the next call of a kind may be made, in this process's
share.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from aiolimiter import AsyncLimiter

from connectors.base import Budget

# The part of each platform's budgets that this process may use while others use them too.
#
# Of `n` processes that serve a platform each takes an n-th of every budget. Who they are is known
# from their beats, so all of them know of a change within a beat and a look (three seconds), and
# it has its effect slowly, over the budget's own window:
#
# - A process that comes begins with one call, and its part grows evenly over one window. The parts
# of those that are there shrink just as evenly, so what they have already called falls out of the
# window while the newcomer's calls come in. - When one goes, what it has called counts for one
# more window with the platform: only then the others' parts grow, at once.
#
# So the parts never sum to more than the budget, except for the three seconds in which a newcomer
# is not known yet: in these it may make `3 s / window` of its part. A call counts for a whole
# window, so while a part shrinks it is made only if it still fits at the end of that, see below:
# from one window after all know of the newcomer no burst exceeds the budget. Before that, a
# process that used its whole budget just before the newcomer began can let the total exceed it
# once, by at most the newcomer's part; a 429 that comes of it is waited out and costs no text.
# Where a budget has fewer calls than there are processes, each makes one call in a window that is
# so much longer: the rate is the budget's, but calls of several can fall into one window.
#
# Times are the event loop's, in seconds.


_REMEMBERED_S = 900.0
"""Longer than the window of any budget."""


@dataclass(frozen=True, slots=True)
class _Change:
    """From then on another part is to be used."""

    at: float
    before: float
    after: float

    def part(self, now: float, window: float) -> float:
        """What may be used as far as this change goes; `window` is the budget's."""
        passed = (now - self.at) / window
        if passed >= 1.0:
            return self.after
        if self.before == 0.0 or self.after < self.before:
            return self.before + (self.after - self.before) * passed
        return self.before


class Share:
    """One platform's budgets: which part of each is this process's now."""

    def __init__(self) -> None:
        self._processes: int | None = None
        self._changes: deque[_Change] = deque()

    def divide(self, processes: int, now: float) -> bool:
        """So many processes share the budgets from now on; says whether that is new.

        The first to say so is this process's own beginning: among others it begins with nothing.
        """
        if processes == self._processes:
            return False
        alone = processes == 1
        before = (1.0 if alone else 0.0) if self._processes is None else 1.0 / self._processes
        self._processes = processes
        while self._changes and self._changes[0].at < now - _REMEMBERED_S:
            self._changes.popleft()
        self._changes.append(_Change(now, before, 1.0 / processes))
        return True

    def part(self, now: float, window: float) -> float:
        """The part of a budget that may be used now, from 0 to 1; `window` is its seconds."""
        if not self._changes:
            return 1.0
        # A change that is over counts no more, unless it is the last.
        counting = [c for c in self._changes if now - c.at < window] or [self._changes[-1]]
        return min(change.part(now, window) for change in counting)

    def moving(self, now: float, window: float) -> bool:
        """Whether the part of such a budget still changes by itself."""
        return any(now - change.at < window for change in self._changes)


class Claimant(Protocol):
    """A reply that wants to make a call. Read anew at each decision, for it grows and ends."""

    @property
    def ended(self) -> bool:
        """No more text will come; the call would show the whole."""
        ...

    @property
    def blank(self) -> bool:
        """Nothing of it is shown yet."""
        ...

    @property
    def unseen(self) -> int:
        """Characters that were generated and are not shown."""
        ...

    @property
    def since(self) -> float:
        """When its reader last saw something new, or the run began: the event loop's time."""
        ...


class Claim(IntEnum):
    """What a reply wants a call for, the most urgent first."""

    END = 0
    FIRST = 1
    MIDDLE = 2

    @classmethod
    def of(cls, waiting: Claimant) -> Claim:
        """What such a reply wants now."""
        if waiting.ended:
            return cls.END
        return cls.FIRST if waiting.blank else cls.MIDDLE


# The calls of one budget in time: when the next of its kind may be made.


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


class RateLimiter:
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
