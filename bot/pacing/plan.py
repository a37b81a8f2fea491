"""The plan by which a store is spent: estimates what its replies will still want, so that it lasts.

For the terms (store, middle, end) see `bot.pacing`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bot.pacing.limiter import Claimant, RateLimiter

# What the replies of a budget will still want: an estimate that improves with each reply.
#
# How long a reply grows is estimated from many others. The longer it has grown, the longer it is
# expected to go on: at the age `a` for `left = mean + a / 3` more seconds. That is a Pareto
# distribution (of the second kind), by which it lasts for `s` more seconds with the probability
# `(1 + s / (3 left)) ** -4`. The mean begins at nine seconds and is learnt from the replies of this
# process.
#
# How many will begin is estimated from how many began lately. Because people ask in bursts, they
# are first expected to keep coming until half a minute is over, and after that for a third of the
# time for which they have been coming, unless they have stopped.


_MEAN_S = 9.0
"""Seconds for which a reply is expected to grow before any was seen."""

_WORTH = 15.0
"""How many replies that initial value weighs as much as."""

_KEPT = 0.99
"""Factor by which each further reply lowers the weight of all before it."""

_BURST_S = 30.0
"""Seconds from a budget's first reply on in which more are expected."""
_LATELY_S = 20.0
"""Time constant in seconds of the rate at which replies begin."""
_GOES_ON = 0.3
"""Part of the time for which replies have been coming that they are expected to keep coming."""
_LEAST_S = 1.5
"""Seconds for which replies are always expected to keep coming."""

_LONG_S = 60.0
"""Seconds of that time that count at most."""
_UNSURE_S = 3.0
"""Seconds that lower the rate's estimate at first, when few replies say little."""

_ALONE_S = 4.0
"""Seconds after which a reply with which no other came is taken for a lone one."""

_GONE_S = 15.0
"""Seconds without a wait after which a reply is taken for stopped."""


def lasts(left: float, seconds: float) -> float:
    """The probability that a reply with `left` more seconds expected goes on for this long."""
    return float((1 + seconds / (3 * left)) ** -4)


class Lengths:
    """Statistics of how long this process's replies grow."""

    def __init__(self) -> None:
        self._seconds, self._replies = _WORTH * _MEAN_S, _WORTH

    def ended(self, seconds: float) -> None:
        """A reply has gone on for this many seconds."""
        self._seconds = self._seconds * _KEPT + seconds
        self._replies = self._replies * _KEPT + 1

    def mean(self, growing: Iterable[float]) -> float:
        """The mean in seconds; `growing` are the ages of replies that have not ended."""
        return (self._seconds + sum(growing)) / self._replies


@dataclass(slots=True)
class _Growing:
    waiting: Claimant
    began: float
    seen: float


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is expected: how many seconds each growing reply has left, and which will still begin.

    `rate` is how many begin per second, for about the next `coming_s` seconds; each grows for
    `mean` seconds.
    """

    left: list[float]
    mean: float
    rate: float
    coming_s: float

    def within(self, seconds: float) -> tuple[float, float]:
        """What happens within a time: seconds for which replies grow, summed, and how many end."""
        going = [lasts(left, seconds) for left in self.left]
        growing_s = sum(
            left - on * (left + seconds / 3) for left, on in zip(self.left, going, strict=True)
        )
        passed = math.exp(-seconds / self.coming_s)
        come = self.rate * self.coming_s * (1 - passed)
        rest = seconds - (self.coming_s - seconds * passed / (1 - passed))
        on = lasts(self.mean, rest)
        growing_s += come * (self.mean - on * (self.mean + rest / 3))
        return growing_s, len(going) - sum(going) + come * (1 - on)


class Demand:
    """The replies that draw on one budget: those that grow, and an estimate of those to come."""

    def __init__(self, lengths: Lengths) -> None:
        self._lengths = lengths
        self._growing: dict[int, _Growing] = {}
        self._mean = _MEAN_S
        self._began = self._last = -math.inf
        self._lately = 0.0

    @property
    def growing(self) -> int:
        """How many replies are growing."""
        return len(self._growing)

    def look(self, waiting: Iterable[Claimant], now: float) -> None:
        """Notes which replies have begun, and which have ended."""
        for each in waiting:
            if not each.ended:
                self._saw(each, now)
        for key, known in list(self._growing.items()):
            if known.waiting.ended:
                self._lengths.ended(now - known.began)
                del self._growing[key]
            elif now - known.seen > _GONE_S:
                del self._growing[key]
        self._mean = self._lengths.mean(now - known.began for known in self._growing.values())

    def left(self, waiting: Claimant, now: float) -> float:
        """How many more seconds a known reply is expected to grow."""
        return self._mean + (now - self._growing[id(waiting)].began) / 3

    def lone(self, now: float) -> bool:
        """Whether one reply grows, and has for a while: nobody came with it."""
        if len(self._growing) != 1:
            return False
        (known,) = self._growing.values()
        return now - known.began > _ALONE_S

    def outlook(self, now: float) -> Outlook:
        """What is expected from now on."""
        rate = self._rate(now)
        left = [self._mean + (now - known.began) / 3 for known in self._growing.values()]
        return Outlook(left, self._mean, rate, self._coming_s(now, rate))

    def _saw(self, waiting: Claimant, now: float) -> None:
        if known := self._growing.get(id(waiting)):
            known.seen = now
            return
        if self._began == -math.inf:
            self._began = now
        self._lately = self._lately * math.exp((self._last - now) / _LATELY_S) + 1
        self._last = now
        self._growing[id(waiting)] = _Growing(waiting, now, now)

    def _rate(self, now: float) -> float:
        """How many replies begin per second; recent ones weigh the most."""
        known = math.exp((self._began - now) / _LATELY_S)
        lately = self._lately * math.exp((self._last - now) / _LATELY_S)
        return lately / (_LATELY_S * (1 - known) + _UNSURE_S * known)

    def _coming_s(self, now: float, rate: float) -> float:
        """For how many seconds replies are expected to keep coming."""
        passed = now - self._began
        silence = max(0.0, rate * (now - self._last) - 1)
        goes_on = _GOES_ON * min(passed, _LONG_S) * math.exp(-silence)
        return max(_LEAST_S, _BURST_S - passed, goes_on)


_HORIZONS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
"""How far the plan looks ahead, as parts of a window."""

_HASTE = 0.65
"""Part of the planned gap that is waited for while the store is full, since calls saved for too
long are worth nothing. It rises to 1 as the store gets empty."""

_ROUNDS = 3.0
"""Most rounds of even spacing that a reply waits for."""

_SOON_OVER_S = 30.0
"""In a window shorter than this, nobody waits for more than one round: what is saved in it is worth
no more later, since most replies go on for longer."""


_PLENTY = 0.5
"""Part of the store above which a lone reply is edited faster than evenly: those that come have the
rest. Of several each would take it from the others.
"""


class Plan:
    """Decides how long each reply's reader waits for the next middle. Times are the loop's."""

    def __init__(self, meter: RateLimiter, lengths: Lengths, fastest_s: float) -> None:
        """`fastest_s` are the fewest seconds between two middles of a reply."""
        self._meter = meter
        self._demand = Demand(lengths)
        self._fastest_s = fastest_s
        self._gap_s, self._full = 0.0, 1.0

    def growing(self, waiting: Sequence[Claimant], now: float) -> int:
        """How many replies are growing; these wait."""
        self._demand.look(waiting, now)
        return self._demand.growing

    @property
    def leaves(self) -> int:
        """How many calls a middle leaves to ends."""
        return min(self._meter.spare, self._demand.growing)

    def saves(self, ends: float) -> float:
        """How many calls are kept if this many ends are expected."""
        return max(ends, self.leaves)

    def look(self, waiting: Sequence[Claimant], now: float) -> None:
        """Plans again. The tightest of all horizons says how far apart middles have to be."""
        self._demand.look(waiting, now)
        outlook = self._demand.outlook(now)
        gap_s = 0.0
        for part in _HORIZONS:
            seconds = part * self._meter.window()
            growing_s, ends = outlook.within(seconds)
            left = self._meter.left(seconds) - self.saves(ends)
            gap_s = max(gap_s, growing_s / left if left > 0 else math.inf)
        full = self._meter.left(0.0) / max(1, self._meter.left(self._meter.window()))
        self._gap_s, self._full = gap_s * (_HASTE * full + 1 - full), full

    def waits(self, now: float) -> Callable[[Claimant], float]:
        """Seconds from the last time its reader saw something new until its next middle is due.

        What is the same for all replies of this moment is found once. A reply that may end soon
        waits longer than the gap, since its end shows the text anyway.
        """
        even, window = self._meter.spacing(), self._meter.window()
        a_round = even * max(1, self._demand.growing)
        longest = a_round * (_ROUNDS if window >= _SOON_OVER_S else 1.0)
        lone = self._demand.lone(now) and not self._meter.slowed and self._full > _PLENTY
        fastest = self._fastest_s if lone else max(even, self._fastest_s)
        gap_s = min(self._gap_s, longest)

        def of(waiting: Claimant) -> float:
            wait = gap_s
            if wait:
                left = self._demand.left(waiting, now)
                wait *= wait / (-left * math.expm1(-wait / left))
            return min(max(wait, fastest), longest)

        return of
