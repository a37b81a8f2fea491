"""A schedule that knows the future and keeps to the budget: how close the bound is to what can be.

Each answer takes its cheapest way at good prices, which are raised or lowered a little altogether.
Calls for which some window has no room are dropped, but for ends: these wait until there is room.
The best of these schedules is not the best of all.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from itertools import count

from benchmarks.pacing.bound import Rules, Way, ways
from benchmarks.pacing.load import CHARS, TICK_S, Answer

_SCALES = tuple(0.9 * 1.02**step for step in range(24))


def reachable(answers: Sequence[Answer], rules: Rules, prices: Sequence[float]) -> float:
    """Characters x seconds that the best schedule that was found leaves."""
    found = []
    for scale in _SCALES:
        wishes = ways(answers, rules, [scale * price for price in prices])
        found += [_kept(answers, rules, wishes, ends_first=each) for each in (True, False)]
    return min(found)


def _kept(
    answers: Sequence[Answer], rules: Rules, wishes: Sequence[Way], *, ends_first: bool
) -> float:
    """What is left once all wishes are made to keep to the budget; posts are outside of it."""
    window = _Window(rules)
    kept = [[way.calls[0]] for way in wishes]
    wished = [
        (ends_first and tick < answers[number].end, tick, number)
        for number, way in enumerate(wishes)
        for tick in way.calls[1:]
    ]
    for _, tick, number in sorted(wished):
        if tick >= answers[number].end:
            kept[number].append(next(each for each in count(tick) if window.takes(each)))
        elif window.takes(tick):
            kept[number].append(tick)
    return sum(staleness(each, sorted(calls)) for each, calls in zip(answers, kept, strict=True))


class _Window:
    """Counts calls in every window."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._calls: list[int] = []

    def takes(self, tick: int) -> bool:
        """Takes a call, if all windows that it lies in have room."""
        at, calls = bisect_left(self._calls, tick), self._rules.calls
        around = [*self._calls[max(0, at - calls) : at], tick, *self._calls[at : at + calls]]
        full = zip(around, around[calls:], strict=False)
        if any(last - first < self._rules.window for first, last in full):
            return False
        insort(self._calls, tick)
        return True


def staleness(answer: Answer, calls: Sequence[int]) -> float:
    """Characters x seconds that an answer leaves if it is shown at these ticks."""
    shown, total = 0, 0.0
    for tick in calls:
        age = tick - answer.start
        there = min(answer.tokens, age + 1)
        total += (there - shown) * age - (there * (there - 1) - shown * (shown - 1)) / 2
        shown = there
    return CHARS * TICK_S * total
