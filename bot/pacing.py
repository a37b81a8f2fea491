"""The call budgets: who may make the next call.

All replies of one `Budget` share it, and each time it allows one more call, one of those that
wait gets it and sends its newest text. Nothing is queued but the wish to speak. Order: a reply
that has ended, then one that shows nothing yet, then the one whose reader is furthest behind
(unseen characters times waiting time; whoever has waited for two rounds goes before that).

How a budget of `calls` in `seconds` is spent:

- Any call needs room: of the calls made, at most `calls - 1` lie within the last `seconds`. So
  no sliding window ever holds more than `calls`, at the start and after bursts too.
- A sixth of all calls but one is the *reserve*. Ends may use all the room there is; first texts
  leave two fifths of the reserve untouched, middles three quarters.
- Middles are evenly spaced: `seconds / (calls - reserve - early)`. A call is *early* if it came
  before the next even one was due; ends and first texts do that. The early calls of the last
  `seconds` come out of the middles' share: the reserve fills again, and the middles get slower
  rather than silent.

Slack, 50 in 60 s: a reserve of 8, and 42 even calls a minute, one in 1.43 s. Middles leave six
calls to ends and first texts at any moment, first texts three to ends. Two ends in a minute cost
the middles nothing but share: 40 a minute, one in 1.51 s. After eight at once middles wait until
the six are there again, about ten seconds, and then share 34 for the rest of the minute.
A Discord channel, 4 in 5 s: half a call of reserve, so 3.5 even calls, one in 1.43 s, and the
end of a lone reply waits for at most 0.71 s. One call a second: no reserve, one even call a second.

Where ends and first texts alone use up a budget, middles wait; each reply still gets its end.

aiolimiter keeps the even flow, by an `AsyncLimiter` of one call per spacing for each budget; it
can't hold a sliding window exactly, keep a reserve, choose who is next, pause or change its rate,
so that is done here (at a new spacing a new limiter goes on where the old one was).

A 429 stops the whole budget for as long as the platform asks. After it the budget's `seconds`
count as longer, which lowers every rate here alike, and shrink back with each window of quiet.

Several processes share a budget: each keeps to its part of it, see `bot.shares`.

Times are the event loop's. The guarantee is about when calls are *allowed*: room for the spread
of their ways over the network belongs into the `Budget`.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from enum import IntEnum
from typing import Protocol

from aiolimiter import AsyncLimiter

from bot.shares import Share
from connectors.base import Budget

_LEAST = 0.1
"""Calls in a window that are left of a budget, whatever part of it is this process's."""

_LEAST_S = 1e-6

_REGARD_S = 1.0
"""So often a part that changes is looked at again."""

_RESERVE = 1 / 6
"""The part of a budget (less one call) that middles leave to ends."""

_SLOWED = 0.6
"""What a 429 leaves of the rate."""

_SLOWEST = 0.1
"""What any number of 429s leaves of the rate."""

_RECOVERY = 0.1
"""What each window of quiet adds to the rate again."""

_ROUNDS = 2
"""Who has waited for so many rounds of all that wait goes before those further behind."""


class Waiting(Protocol):
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


class Pacing:
    """Shares every budget among the replies that draw on it. Belongs to one event loop."""

    def __init__(self) -> None:
        self._scopes: dict[str, _Scope] = {}
        self._shares: dict[str, Share] = {}

    def divide(self, connector: str, processes: int) -> None:
        """So many processes, this one counted, share each budget of a connector."""
        if self._share(connector).divide(processes, _now()):
            for key, scope in list(self._scopes.items()):
                if _connector(key) == connector:
                    scope.look()

    @property
    def remembered(self) -> int:
        """How many budgets it knows of: those in use and those whose window still counts."""
        return len(self._scopes)

    async def turn(self, budget: Budget, waiting: Waiting) -> None:
        """Returns when this reply may make one call, and should make it now.

        Whoever is cancelled here leaves; a turn that it was already given goes to the next. What
        a reply raises when it is asked is raised for all that wait with it.
        """
        await self._scope(budget).turn(waiting)

    def nudge(self, budget: Budget) -> None:
        """Decides anew: a reply that waits has changed (it ended)."""
        if scope := self._scopes.get(budget.key):
            scope.look()

    def expect(self, budget: Budget, ends: int) -> None:
        """So many last edits are to come soon: all other calls leave room for them."""
        scope = self._scope(budget)
        if scope.meter.expected != ends:
            scope.meter.expected = ends
            scope.look()

    def limited(self, budget: Budget, retry_after: float) -> None:
        """The platform refused a call: `retry_after` seconds of quiet, then a lower rate."""
        scope = self._scope(budget)
        scope.meter.limited(retry_after)
        scope.look()

    def _scope(self, budget: Budget) -> _Scope:
        key = budget.key
        if key not in self._scopes:
            share = self._share(_connector(key))
            self._scopes[key] = _Scope(budget, share, lambda: self._scopes.pop(key))
        return self._scopes[key]

    def _share(self, connector: str) -> Share:
        return self._shares.setdefault(connector, Share())


def _connector(key: str) -> str:
    """The connector of a budget: its name is what the budget's key begins with."""
    return key.replace(":", "/").partition("/")[0]


class _Claim(IntEnum):
    """What a reply wants a call for, the most urgent first."""

    END = 0
    FIRST = 1
    MIDDLE = 2


_LEAVES = {_Claim.END: 0.0, _Claim.FIRST: 0.4, _Claim.MIDDLE: 0.75}
"""The part of the reserve that such a call leaves untouched."""


def _now() -> float:
    return asyncio.get_running_loop().time()


def _reserve(calls: int) -> float:
    return (calls - 1) * _RESERVE


class _Meter:
    """The calls of one budget in time: waits until the next of its kind may be made."""

    def __init__(self, budget: Budget, share: Share) -> None:
        self._budget = budget
        self._share = share
        self._made = deque([-math.inf] * budget.calls, budget.calls)
        self._early: deque[float] = deque(maxlen=budget.calls)
        self._paused_until = -math.inf
        self._lowered_to = 1.0
        self._flow = AsyncLimiter(1, self.spacing())
        self._evened = -math.inf
        self.expected = 0
        """Last edits that are to come soon."""

    async def draw(self, claim: _Claim) -> float:
        """Waits until such a claim may be met; counts its call as made, and returns its time."""
        while (wait := self._room_at(claim) - _now()) > 0:
            wait = max(wait, _LEAST_S)  # what rounding has left would be waited for again
            await asyncio.sleep(min(wait, _REGARD_S) if self._moving() else wait)
        if claim is _Claim.MIDDLE:
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
        return self._window() / max(1.0, calls - _reserve(calls) - early)

    def limited(self, retry_after: float) -> None:
        """Pauses. Several refusals of one pause lower the rate once."""
        if _now() >= self._paused_until:
            self._lowered_to = max(_SLOWEST, self._rate() * _SLOWED)
        self._paused_until = max(self._paused_until, _now() + retry_after)

    def forgettable_at(self) -> float:
        """When nothing here matters any more, if no further call is made."""
        quiet = math.ceil((1 - self._lowered_to) / _RECOVERY) * self._budget.seconds
        return max(self._made[-1] + self._window(), self._paused_until + quiet)

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
        since = _now() - self._window()
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

    def _part(self) -> float:
        """The calls of a window that are this process's, as a number with a fraction."""
        part = self._share.part(_now(), self._budget.seconds)
        return max(_LEAST, self._budget.calls * part)

    def _calls(self) -> int:
        """The calls of a window that are this process's."""
        return max(1, int(self._part()))

    def _rate(self) -> float:
        """The part of the budget that is used, after a 429 less than 1."""
        if self._lowered_to == 1.0 or _now() < self._paused_until:
            return self._lowered_to
        windows = (_now() - self._paused_until) // self._budget.seconds
        return min(1.0, self._lowered_to + windows * _RECOVERY)

    def _window(self) -> float:
        # Less than one call in a window is one call in a longer one.
        return self._budget.seconds / self._rate() / min(1.0, self._part())

    def _room_at(self, claim: _Claim) -> float:
        """When the window has room for such a call and for those that it leaves to others."""
        calls = self._calls()
        left = int(_reserve(calls) * _LEAVES[claim])
        if claim is not _Claim.END:
            left = min(max(left, self.expected), calls - 1)
        back = calls - left
        return max(self._made[-back] + self._window(), self._paused_until)


class _Waiter:
    """One reply in the queue."""

    def __init__(self, waiting: Waiting) -> None:
        self._waiting = waiting
        self.granted: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def claim(self) -> _Claim:
        if self._waiting.ended:
            return _Claim.END
        return _Claim.FIRST if self._waiting.blank else _Claim.MIDDLE

    def rank(self, patience: float) -> tuple[_Claim, bool, float]:
        """Sorts the most urgent first."""
        claim, since = self.claim(), self._waiting.since
        waited = _now() - since
        if claim is _Claim.MIDDLE and waited <= patience:
            return claim, True, -waited * (self._waiting.unseen + 1)
        return claim, False, since


class _Scope:
    """The replies that wait on one budget, and the dispatcher: a task that gives one turn.

    It starts again whenever something has changed, so nothing runs while nobody waits.
    """

    def __init__(self, budget: Budget, share: Share, forget: Callable[[], object]) -> None:
        self.meter = _Meter(budget, share)
        self._forget = forget
        self._waiters: list[_Waiter] = []
        self._loop = asyncio.get_running_loop()
        self._next: asyncio.Task[None] | asyncio.Handle = self._loop.call_soon(forget)

    async def turn(self, waiting: Waiting) -> None:
        waiter = _Waiter(waiting)
        self._waiters.append(waiter)
        self.look()
        try:
            await waiter.granted
        except asyncio.CancelledError:
            # The turn may have been given in the very moment of the cancel: then it is lost to
            # nobody, for it was not used.
            if not (waiter.granted.cancelled() or waiter.granted.exception()):
                self.meter.give_back(waiter.granted.result())
            raise
        finally:
            self._waiters.remove(waiter)
            self.look()

    def look(self) -> None:
        """Decides anew, once all that happens in this moment is known."""
        self._next.cancel()
        if self._waiters:
            self._next = self._loop.create_task(self._dispatch(), name="pacing")
            self._next.add_done_callback(self._dispatched)
        else:
            self._next = self._loop.call_at(self.meter.forgettable_at(), self._forget)

    async def _dispatch(self) -> None:
        """Gives one turn, to whoever is the most urgent once it may be given."""
        if first := self._most_urgent():
            call = await self.meter.draw(first.claim())
            if waiter := self._most_urgent():
                waiter.granted.set_result(call)
            else:
                self.meter.give_back(call)

    def _dispatched(self, dispatcher: asyncio.Task[None]) -> None:
        """Those who wait for a dispatcher that broke learn why."""
        if not dispatcher.cancelled() and (error := dispatcher.exception()):
            for waiter in self._queue():
                waiter.granted.set_exception(error)

    def _most_urgent(self) -> _Waiter | None:
        queue = self._queue()
        patience = _ROUNDS * len(queue) * self.meter.spacing()
        return min(queue, key=lambda waiter: waiter.rank(patience), default=None)

    def _queue(self) -> list[_Waiter]:
        # Whoever has its turn, or was cancelled, is among the waiters until its own next step.
        return [waiter for waiter in self._waiters if not waiter.granted.done()]
