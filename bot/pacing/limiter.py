"""The rate limiter of one budget."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from dataclasses import dataclass
from enum import IntEnum
from itertools import takewhile
from typing import Protocol

from aiolimiter import AsyncLimiter

from connectors.base import Budget


class Claimant(Protocol):
    """A reply that wants to make a call. Read again at each decision, since it grows."""

    @property
    def ended(self) -> bool:
        """Whether the text is complete, so that the call would show all of it."""
        ...

    @property
    def blank(self) -> bool:
        """Whether nothing of it is shown yet."""
        ...

    @property
    def unseen(self) -> int:
        """Characters that are generated and not yet shown."""
        ...

    @property
    def since(self) -> float:
        """When its reader last saw something new, or else when the run began (loop's time)."""
        ...


class Claim(IntEnum):
    """What a reply wants a call for; the most urgent has the lowest value."""

    END = 0
    FIRST = 1
    MIDDLE = 2

    @classmethod
    def of(cls, waiting: Claimant) -> Claim:
        """What this reply wants a call for now."""
        if waiting.ended:
            return cls.END
        return cls.FIRST if waiting.blank else cls.MIDDLE


# This process's part of a platform's budgets, which several processes share.
#
# Each of `n` processes that serve a platform has an n-th of every budget. They know each other by
# their heartbeats, so a change is known to all within three seconds (a heartbeat and a look). It
# takes effect slowly, over the budget's own window:
#
# - A new process begins with one call, and its part grows evenly over one window. The others' parts
#   shrink just as evenly, so that their earlier calls fall out of the window while the new
#   process's calls come in.
# - When a process goes, the platform still counts its calls for one more window. Only after that do
#   the others' parts grow, at once.
#
# So the parts never sum to more than the budget, except in the three seconds in which a new process
# is not yet known: in these it may use `3 s / window` of its part.
#
# A call counts for a whole window, so while a part shrinks, a call is made only if it will still
# fit at that window's end (`RateLimiter._room_at`). One window after all processes know of the new
# one, no burst exceeds the budget any more. If a process used its whole budget just before another
# joined, the total can exceed it once, by at most the newcomer's part; the 429 that follows is
# waited out, and no text is lost.
#
# If a budget has fewer calls than there are processes, each makes one call in a window that is that
# much longer: the rate is the budget's, but the calls of several can be in one window.
#
# Times are the event loop's, in seconds.


_REMEMBERED_S = 900.0
"""Seconds for which changes are kept: longer than the window of any budget."""


@dataclass(frozen=True, slots=True)
class _Change:
    """A change of this process's part, which begins at `at`."""

    at: float
    before: float
    after: float

    def part(self, now: float, window: float) -> float:
        """The part that this change allows now, for a budget with this window."""
        passed = (now - self.at) / window
        if passed >= 1.0:
            return self.after
        # Growing from nothing (a new process) and shrinking are gradual; any other growth waits for
        # the window's end.
        if self.before == 0.0 or self.after < self.before:
            return self.before + (self.after - self.before) * passed
        return self.before


class Share:
    """This process's part of one platform's budgets.

    A `RateLimiter` asks how large it is (`part`) and whether it is changing (`moving`).
    """

    def __init__(self) -> None:
        self._processes: int | None = None
        self._changes: deque[_Change] = deque()

    def divide(self, processes: int, now: float) -> bool:
        """Sets the number of processes that share the budgets; returns whether it has changed.

        The first call is this process's own start: alone it has everything at once, beside others
        it begins with nothing.
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
        # Changes older than the window are over; of those the last one still says the part.
        counting = [c for c in self._changes if now - c.at < window] or [self._changes[-1]]
        return min(change.part(now, window) for change in counting)

    def moving(self, now: float, window: float) -> bool:
        """Whether the part of a budget with this window is still changing."""
        return any(now - change.at < window for change in self._changes)


# The calls of one budget over time.


_RESERVE = 1 / 6
"""The reserve, as a part of a budget's calls less one."""

_LEAST_RESERVE = 1.0
"""Calls that the reserve of a budget of three calls or more has at least."""

_LEAVES = {Claim.END: 0.0, Claim.FIRST: 0.4, Claim.MIDDLE: 0.75}
"""The part of the reserve that each kind of call leaves untouched."""

_SLOWED = 0.6
"""Factor by which a 429 lowers the rate."""

_SLOWEST = 0.1
"""Lowest rate after any number of 429s, as a part of the budget's."""

_RECOVERY = 0.1
"""Part of the budget's rate that is added for each window without a 429."""

_STORE_S = 4.0
"""Seconds from which on the window of a budget of several calls makes it a store."""

_LEAST = 0.1
"""Fewest calls per window, however small this process's part is."""

_LEAST_S = 1e-6
"""Shortest wait in seconds: shorter ones, left by rounding, would be repeated endlessly."""

_REGARD_S = 1.0
"""Seconds after which a part that is changing is looked at again."""


def _now() -> float:
    return asyncio.get_running_loop().time()


def reserve_of(calls: int) -> float:
    """Calls of a budget that are left to ends."""
    return max((calls - 1) * _RESERVE, _LEAST_RESERVE if calls > 2 else 0.0)


class RateLimiter:
    """Waits until the next call of a kind may be made, in one budget and this process's part."""

    def __init__(self, budget: Budget, share: Share, expected: int = 0) -> None:
        self._budget = budget
        self._share = share
        self.expected = expected
        """Ends that will come soon; first texts and middles leave room for them."""
        self.store = budget.calls > 1 and budget.seconds >= _STORE_S
        """Whether it is a store rather than a flow: see the package's docstring."""
        self._made = deque([-math.inf] * budget.calls, budget.calls)
        self._paused_until = -math.inf
        self._lowered_to = 1.0
        self._flow = AsyncLimiter(1, self.spacing())

    async def draw(self, claim: Claim, leaves: int | None = None) -> float:
        """Waits until a call of this kind may be made, counts it as made, and returns its time.

        `leaves` is how many calls it leaves to ends; without it, it leaves its part of the reserve.
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
        self._made.append(_now())
        return self._made[-1]

    def give_back(self, call: float) -> None:
        """Takes back a call that was not made after all.

        An `AsyncLimiter` takes nothing back, so it is replaced by a new one, which is empty.
        """
        self._made.remove(call)
        self._made.appendleft(-math.inf)
        self._flow = AsyncLimiter(1, self._flow.time_period)

    def answered(self, call: float) -> None:
        """A call that was made at this time counts from now on; see `Pacing.answered`."""
        if call in self._made:
            self._made.remove(call)
            self._made.append(_now())

    def spacing(self) -> float:
        """Seconds between evenly spaced calls."""
        calls = self._calls()
        return self.window() / max(1.0, calls - reserve_of(calls))

    @property
    def spare(self) -> int:
        """Most calls of a store that a middle leaves to ends: half of the reserve."""
        reserve = reserve_of(self._calls())
        return max(1, round(reserve / 2)) if reserve >= 1 else 0

    @property
    def slowed(self) -> bool:
        """Whether the rate is lower, after a 429."""
        return self._rate() < 1.0

    def left(self, within: float) -> float:
        """How many calls can be made within this many seconds (at most a window) from now on."""
        counting = _now() + within - self.window()
        # The last ones first, for they are in order: a store of thousands is mostly empty.
        made = takewhile(lambda at: at > counting, reversed(self._made))
        return self._calls() - sum(1 for _ in made)

    def limited(self, retry_after: float) -> None:
        """Pauses for `retry_after` seconds and lowers the rate.

        Calls that were already on their way are refused too; these don't lower it again.
        """
        if _now() >= self._paused_until:
            self._lowered_to = max(_SLOWEST, self._rate() * _SLOWED)
        self._paused_until = max(self._paused_until, _now() + retry_after)

    def forgettable_at(self) -> float:
        """When this can be dropped if no further call is made (loop's time)."""
        quiet = math.ceil((1 - self._lowered_to) / _RECOVERY) * self._budget.seconds
        return max(self._made[-1] + self.window(), self._paused_until + quiet)

    async def _even(self) -> None:
        """Waits for the next evenly spaced call; takes a new limiter if the spacing has changed."""
        spacing = self.spacing()
        if spacing != self._flow.time_period:
            self._flow = AsyncLimiter(1, spacing)
            await self._flow.acquire(min(1.0, max(0.0, 1 - (_now() - self._made[-1]) / spacing)))
        await self._flow.acquire()

    def _moving(self) -> bool:
        return self._share.moving(_now(), self._budget.seconds)

    def _part(self, at: float) -> float:
        """This process's calls per window at a time, with a fraction."""
        part = self._share.part(at, self._budget.seconds)
        return max(_LEAST, self._budget.calls * part)

    def _calls(self, at: float | None = None) -> int:
        """This process's calls per window at a time, or now; at least one."""
        return max(1, int(self._part(_now() if at is None else at)))

    def _rate(self) -> float:
        """The rate as a part of the budget's; below 1 after a 429."""
        if self._lowered_to == 1.0 or _now() < self._paused_until:
            return self._lowered_to
        windows = (_now() - self._paused_until) // self._budget.seconds
        return min(1.0, self._lowered_to + windows * _RECOVERY)

    def window(self) -> float:
        """Seconds of the sliding window: the budget's, and longer after a 429."""
        # A part of less than one call per window is kept to as one call per longer window.
        return self._budget.seconds / self._rate() / min(1.0, self._part(_now()))

    def _room_at(self, claim: Claim, leaves: int | None) -> float:
        """When the window has room for a call of this kind and for those it leaves to others.

        While the part shrinks, a call must fit for as long as it counts. So for each earlier call
        it is checked that just before that one leaves the window, the calls in it are not more
        than the part allows by then.
        """
        calls, window = self._calls(), self.window()
        left = int(reserve_of(calls) * _LEAVES[claim]) if leaves is None else leaves
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
