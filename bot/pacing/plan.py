"""How a minute's budget is spent: what the replies that draw on it will still want, so that it
lasts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.pacing.limiter import Claimant, RateLimiter

# What the replies of a budget will still want: a guess, which each reply makes better.
#
# How long a reply goes on is not known, so what is known of many is used. The longer one has gone
# on, the longer it is expected to go on: at the age `a` for `left = mean + a / 3` more seconds.
# That is a Pareto distribution (the second kind), by which it lasts for `s` more seconds with the
# probability `(1 + s / (3 left)) ** -4`. The mean begins at nine seconds and is learnt from the
# replies of this process.
#
# How many will begin is not known either. They are expected to go on coming as they came lately:
# at first until half a minute is full, for people ask in bursts; after that for a third of the
# time that they have come already, unless they have stopped.


_MEAN_S = 9.0
"""How long a reply takes, as long as nothing is known."""

_WORTH = 15.0
"""That counts as much as so many replies that were seen."""

_KEPT = 0.99
"""What a further reply leaves of the weight of all before it."""

_BURST_S = 30.0
_LATELY_S = 20.0
_GOES_ON = 0.3
_LEAST_S = 1.5
"""So long replies are always expected to go on coming."""

_LONG_S = 60.0
_UNSURE_S = 3.0
"""In the first seconds the rate is taken for smaller than it seems."""

_GONE_S = 15.0
"""Who has not waited for so long is taken for stopped."""


def lasts(left: float, seconds: float) -> float:
    """With what probability a reply goes on for so long, of which `left` seconds are expected."""
    return float((1 + seconds / (3 * left)) ** -4)


class Lengths:
    """How long the replies of a process go on."""

    def __init__(self) -> None:
        self._seconds, self._replies = _WORTH * _MEAN_S, _WORTH

    def ended(self, seconds: float) -> None:
        """A reply has gone on for so long."""
        self._seconds = self._seconds * _KEPT + seconds
        self._replies = self._replies * _KEPT + 1

    def mean(self, growing: Iterable[float]) -> float:
        """Seconds, if besides those that have ended some of these ages still go on."""
        return (self._seconds + sum(growing)) / self._replies


@dataclass(slots=True)
class _Growing:
    waiting: Claimant
    began: float
    seen: float


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is expected: of those that grow, how much longer each does; and who is to come."""

    left: list[float]
    mean: float
    rate: float
    coming_s: float

    def within(self, seconds: float) -> tuple[float, float]:
        """The seconds for which replies will grow, summed over them; and how many will end."""
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
    """The replies that draw on one budget."""

    def __init__(self, lengths: Lengths) -> None:
        self._lengths = lengths
        self._growing: dict[int, _Growing] = {}
        self._mean = _MEAN_S
        self._began = self._last = -math.inf
        self._lately = 0.0

    @property
    def growing(self) -> int:
        """How many are known to grow."""
        return len(self._growing)

    def look(self, waiting: Iterable[Claimant], now: float) -> None:
        """Gets to know who has begun, and who has ended."""
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
        """How many more seconds a reply that was seen is expected to grow."""
        return self._mean + (now - self._growing[id(waiting)].began) / 3

    def outlook(self, now: float) -> Outlook:
        """What is to be expected from now on."""
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
        """Replies that begin in a second: those of lately weigh the most."""
        known = math.exp((self._began - now) / _LATELY_S)
        lately = self._lately * math.exp((self._last - now) / _LATELY_S)
        return lately / (_LATELY_S * (1 - known) + _UNSURE_S * known)

    def _coming_s(self, now: float, rate: float) -> float:
        """How long replies are expected to go on coming."""
        passed = now - self._began
        silence = max(0.0, rate * (now - self._last) - 1)
        goes_on = _GOES_ON * min(passed, _LONG_S) * math.exp(-silence)
        return max(_LEAST_S, _BURST_S - passed, goes_on)


_HORIZONS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
"""Parts of a window that are looked ahead."""

_HASTE = 0.65
"""What is saved for too long is worth nothing: of the even gap only so much is waited for while the
store is full. It grows to the whole while the store gets empty."""

_ROUNDS = 3.0
"""No reply waits for longer than so many rounds of even spacing."""

_FEW = 4
"""Ends that are left room at any moment, if so many replies grow."""


class Plan:
    """Says for each reply how long its reader waits for the next middle. Times are the loop's."""

    def __init__(self, meter: RateLimiter, lengths: Lengths) -> None:
        self._meter = meter
        self._demand = Demand(lengths)
        self._gap_s = 0.0

    @property
    def leaves(self) -> int:
        """How many calls a middle leaves to ends."""
        return min(_FEW, self._demand.growing)

    def saves(self, ends: float) -> float:
        """How many calls are kept for so many expected ends."""
        return max(ends, self.leaves)

    def look(self, waiting: Sequence[Claimant], now: float) -> None:
        """Plans anew. The tightest of all horizons says how far apart middles have to be."""
        self._demand.look(waiting, now)
        outlook = self._demand.outlook(now)
        gap_s = 0.0
        for part in _HORIZONS:
            seconds = part * self._meter.window()
            growing_s, ends = outlook.within(seconds)
            left = self._meter.left(seconds) - self.saves(ends)
            gap_s = max(gap_s, growing_s / left if left > 0 else math.inf)
        full = self._meter.left(0.0) / max(1, self._meter.left(self._meter.window()))
        self._gap_s = gap_s * (_HASTE * full + 1 - full)

    def waits(self, waiting: Claimant, now: float) -> float:
        """Seconds from when its reader last saw something new until it is due a middle.

        A reply that may soon end waits longer than the gap: its end would show the text as well.
        """
        even = self._meter.spacing()
        longest = _ROUNDS * even * max(1, self._demand.growing)
        left, gap_s = self._demand.left(waiting, now), min(self._gap_s, longest)
        if gap_s:
            gap_s *= gap_s / (-left * math.expm1(-gap_s / left))
        return min(max(gap_s, even), longest)
