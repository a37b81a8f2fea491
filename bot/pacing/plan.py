"""How a store is spent: so that it lasts as long as replies are expected to want it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bot.pacing.demand import Demand, Lengths
from bot.pacing.meter import Meter
from bot.pacing.waiting import Waiting

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

    def __init__(self, meter: Meter, lengths: Lengths) -> None:
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

    def look(self, waiting: Sequence[Waiting], now: float) -> None:
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

    def waits(self, waiting: Waiting, now: float) -> float:
        """Seconds from when its reader last saw something new until it is due a middle.

        A reply that may soon end waits longer than the gap: its end would show the text as well.
        """
        even = self._meter.spacing()
        longest = _ROUNDS * even * max(1, self._demand.growing)
        left, gap_s = self._demand.left(waiting, now), min(self._gap_s, longest)
        if gap_s:
            gap_s *= gap_s / (-left * math.expm1(-gap_s / left))
        return min(max(gap_s, even), longest)
