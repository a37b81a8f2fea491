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
A Discord channel, 4 in 5 s: half a call of reserve, so 3.5 even calls, one in 1.43 s, and an end
waits for at most 0.71 s. One call a second: no reserve, one even call a second.

Where ends and first texts alone use up a budget, middles wait; each reply still gets its end.

A 429 stops the whole budget for as long as the platform asks. After it the budget's `seconds`
count as longer, which lowers every rate here alike, and shrink back with each window of quiet.

Times are the event loop's. The guarantee is about when calls are *allowed*: room for the spread
of their ways over the network belongs into the `Budget`.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable
from enum import IntEnum
from typing import NamedTuple, Protocol

from connectors.base import Budget

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

    @property
    def remembered(self) -> int:
        """How many budgets it knows of: those in use and those whose window still counts."""
        return len(self._scopes)

    async def turn(self, budget: Budget, waiting: Waiting) -> None:
        """Returns when this reply may make one call, and should make it now.

        Whoever is cancelled here leaves; a turn that it was already given goes to the next.
        """
        await self._scope(budget).turn(waiting)

    def nudge(self, budget: Budget) -> None:
        """Decides anew: a reply that waits has changed (it ended)."""
        if scope := self._scopes.get(budget.key):
            scope.look()

    def limited(self, budget: Budget, retry_after: float) -> None:
        """The platform refused a call: `retry_after` seconds of quiet, then a lower rate."""
        self._scope(budget).limited(retry_after)

    def _scope(self, budget: Budget) -> _Scope:
        scope = self._scopes.get(budget.key)
        if scope is None:
            scope = _Scope(budget, lambda: self._scopes.pop(budget.key))
            self._scopes[budget.key] = scope
        return scope


class _Claim(IntEnum):
    """What a reply wants a call for, the most urgent first."""

    END = 0
    FIRST = 1
    MIDDLE = 2


_LEAVES = {_Claim.END: 0.0, _Claim.FIRST: 0.4, _Claim.MIDDLE: 0.75}
"""The part of the reserve that such a call leaves untouched."""


class _Call(NamedTuple):
    at: float
    early: bool


class _Meter:
    """The calls of one budget in time: says when the next of each kind may be made."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._reserve = (budget.calls - 1) * _RESERVE
        self._made: deque[_Call] = deque(maxlen=budget.calls)
        self._paused_until = -math.inf
        self._lowered_to = 1.0

    def ready_at(self, claim: _Claim, now: float) -> float:
        """When such a claim may be met, as things stand; not after `now` if it may be met now."""
        at = self._room_at(now, leave=int(self._reserve * _LEAVES[claim]))
        if claim is _Claim.MIDDLE:
            at = max(at, self._even_at(now))
        return max(at, self._paused_until)

    def spend(self, now: float) -> _Call:
        """Counts a call that is made now."""
        call = _Call(now, early=self._even_at(now) > now)
        self._made.append(call)
        return call

    def give_back(self, call: _Call) -> None:
        """The call was not made after all."""
        self._made.remove(call)

    def spacing(self, now: float) -> float:
        """Seconds between even calls if no call is early."""
        return self._window(now) / (self._budget.calls - self._reserve)

    def limited(self, retry_after: float, now: float) -> None:
        """Pauses. Several refusals of one pause lower the rate once."""
        if now >= self._paused_until:
            self._lowered_to = max(_SLOWEST, self._rate(now) * _SLOWED)
        self._paused_until = max(self._paused_until, now + retry_after)

    def forgettable_at(self, now: float) -> float:
        """When nothing here matters any more, if no further call is made."""
        last = self._made[-1].at + self._window(now) if self._made else now
        quiet = math.ceil((1 - self._lowered_to) / _RECOVERY) * self._budget.seconds
        return max(last, self._paused_until + quiet)

    def _rate(self, now: float) -> float:
        """The part of the budget that is used, after a 429 less than 1."""
        if self._lowered_to == 1.0 or now < self._paused_until:
            return self._lowered_to
        windows = (now - self._paused_until) // self._budget.seconds
        return min(1.0, self._lowered_to + windows * _RECOVERY)

    def _window(self, now: float) -> float:
        return self._budget.seconds / self._rate(now)

    def _room_at(self, now: float, leave: int) -> float:
        """When the window has room for one more call and `leave` others."""
        back = self._budget.calls - leave
        if len(self._made) < back:
            return -math.inf
        return self._made[-back].at + self._window(now)

    def _even_at(self, now: float) -> float:
        """When the next even call is due."""
        even = next((call.at for call in reversed(self._made) if not call.early), -math.inf)
        window = self._window(now)
        early = sum(1 for call in self._made if call.early and call.at + window > now)
        return even + window / max(1.0, self._budget.calls - self._reserve - early)


class _Waiter:
    """One reply in the queue."""

    def __init__(self, waiting: Waiting) -> None:
        self._waiting = waiting
        self.granted: asyncio.Future[_Call] = asyncio.get_running_loop().create_future()

    def claim(self) -> _Claim:
        if self._waiting.ended:
            return _Claim.END
        return _Claim.FIRST if self._waiting.blank else _Claim.MIDDLE

    def rank(self, now: float, patience: float) -> tuple[_Claim, bool, float]:
        """Sorts the most urgent first."""
        claim, since = self.claim(), self._waiting.since
        waited = now - since
        if claim is _Claim.MIDDLE and waited <= patience:
            return claim, True, -waited * (self._waiting.unseen + 1)
        return claim, False, since


class _Scope:
    """The replies that wait on one budget. One timer, no task: nothing runs while nobody waits."""

    def __init__(self, budget: Budget, forget: Callable[[], object]) -> None:
        self._loop = asyncio.get_running_loop()
        self._meter = _Meter(budget)
        self._forget = forget
        self._waiters: list[_Waiter] = []
        self._next: asyncio.Handle | None = None

    async def turn(self, waiting: Waiting) -> None:
        waiter = _Waiter(waiting)
        self._waiters.append(waiter)
        self.look()
        try:
            await waiter.granted
        except asyncio.CancelledError:
            self._leave(waiter)
            raise

    def look(self) -> None:
        """Decides anew, once all that happens in this moment is known."""
        self._schedule(self._loop.call_soon(self._decide))

    def limited(self, retry_after: float) -> None:
        self._meter.limited(retry_after, self._loop.time())
        self.look()

    def _leave(self, waiter: _Waiter) -> None:
        # The turn may have been given in the very moment of the cancel: then it is lost to
        # nobody, for it was not used.
        if waiter in self._waiters:
            self._waiters.remove(waiter)
        else:
            self._meter.give_back(waiter.granted.result())
        self.look()

    def _decide(self) -> None:
        now = self._loop.time()
        while waiter := self._most_urgent(now):
            at = self._meter.ready_at(waiter.claim(), now)
            if at > now:
                self._schedule(self._loop.call_at(at, self._decide))
                return
            self._waiters.remove(waiter)
            waiter.granted.set_result(self._meter.spend(now))
        self._rest(now)

    def _most_urgent(self, now: float) -> _Waiter | None:
        # A waiter whose task was cancelled has not left yet if its own step is still to come.
        waiters = [waiter for waiter in self._waiters if not waiter.granted.done()]
        patience = _ROUNDS * len(waiters) * self._meter.spacing(now)
        return min(waiters, key=lambda waiter: waiter.rank(now, patience), default=None)

    def _rest(self, now: float) -> None:
        """Nobody waits: what is remembered here is dropped once it says nothing any more."""
        at = self._meter.forgettable_at(now)
        if at > now:
            self._schedule(self._loop.call_at(at, self._decide))
        elif not self._waiters:
            self._schedule(None)
            self._forget()

    def _schedule(self, handle: asyncio.Handle | None) -> None:
        if self._next is not None:
            self._next.cancel()
        self._next = handle
