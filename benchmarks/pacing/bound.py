"""A lower bound on staleness: no schedule within a budget, however clever, comes below it.

Staleness is the sum over all characters of the seconds from the moment that one was generated to
the moment that it is shown. docs/performance.md derives the bound. In short: text only comes with
a tick, so calls need only be made at ticks. Each sliding window gets a price of at least nothing
for every call in it; a call costs the prices of all windows that it lies in. What the answers
then pay at least, each alone on its best way, less `calls` times all prices, is a bound whatever
the prices are (weak duality). Good prices make it tight; they are searched for by subgradients.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import ceil, inf
from operator import sub

from benchmarks.pacing.load import CHARS, TICK_S, Answer


@dataclass(frozen=True, slots=True)
class Rules:
    """What schedules the bound holds for; times in ticks.

    At most `calls` in every window of `window` ticks. `post` is how long after its first token an
    answer is posted at the latest, outside of the budget (None: posts are calls like any other).
    `slot` ticks have one price. If ends are `prompt`, each last call comes with the last token.
    """

    calls: int
    window: int
    post: int | None = 15
    slot: int = 50
    prompt: bool = False

    def coarse(self, grain: int) -> Rules:
        """The same with ticks that are so many times as long, roughly."""
        post = None if self.post is None else max(1, round(self.post / grain))
        slot, window = self.slot // grain, self.window // grain
        return Rules(self.calls, window, post, slot, self.prompt)


@dataclass(frozen=True, slots=True)
class Way:
    """An answer's cheapest way at given prices: what it costs, and the ticks of its calls.

    The first is the post where that is outside of the budget.
    """

    cost: float
    calls: list[int]


def bound(
    answers: Sequence[Answer], rules: Rules, reached: float, grain: int = 10, rounds: int = 200
) -> float:
    """Characters x seconds that any schedule within the rules leaves at least.

    Prices are searched for with ticks `grain` times as long; what they prove is computed with the
    true ones. `reached` is what some schedule leaves: it guides the search and proves nothing.
    """
    prices = good_prices(answers, rules, reached, grain, rounds)
    return proves(answers, rules, prices)


def proves(answers: Sequence[Answer], rules: Rules, prices: Sequence[float]) -> float:
    """The bound that these prices prove, good or not."""
    return max(0.0, _Auction(answers, rules, CHARS * TICK_S).held(prices).proves)


def good_prices(
    answers: Sequence[Answer], rules: Rules, reached: float, grain: int = 10, rounds: int = 200
) -> list[float]:
    """The price of each window that proves the most; see `bound`."""
    coarse = [Answer(a.start // grain, max(1, round(a.tokens / grain))) for a in answers]
    roughly = _Auction(coarse, rules.coarse(grain), CHARS * TICK_S * grain * grain)
    return roughly.search(reached, rounds)


def ways(answers: Sequence[Answer], rules: Rules, prices: Sequence[float]) -> list[Way]:
    """What each answer would do at the windows' prices."""
    return _Auction(answers, rules, CHARS * TICK_S).ways(prices)


@dataclass(frozen=True, slots=True)
class _Held:
    """What the prices prove, and by how much each window is overdrawn at them."""

    proves: float
    overdrawn: list[float]


class _Auction:
    """Sells calls: a call costs the prices of all windows that it lies in."""

    def __init__(self, answers: Sequence[Answer], rules: Rules, unit: float) -> None:
        self._answers, self._rules, self._unit = answers, rules, unit
        self._covers = rules.window // rules.slot
        last = max(answer.end for answer in answers) // rules.slot
        most = len(answers) * (2 if rules.post is None else 1)
        self.windows = last + ceil(most / rules.calls) * self._covers + 1

    def search(self, reached: float, rounds: int) -> list[float]:
        """Good prices: subgradient steps, which get shorter where they stop helping."""
        prices = best_prices = [reached / self._rules.calls / self.windows / 2] * self.windows
        held = best = self.held(prices)
        reach, failures = 1.0, 0
        for _ in range(rounds):
            length = sum(over * over for over in held.overdrawn)
            if not length:
                break
            step = reach * max(reached - held.proves, 0.002 * reached) / length
            prices = [
                max(0.0, price + step * over)
                for price, over in zip(prices, held.overdrawn, strict=True)
            ]
            held = self.held(prices)
            failures += 1
            if held.proves > best.proves:
                failures = 0 if held.proves > best.proves + 0.0005 * reached else failures
                best, best_prices = held, prices
            if failures == 8:
                reach, failures, held, prices = reach / 2, 0, best, best_prices
        return best_prices

    def held(self, prices: Sequence[float]) -> _Held:
        """Lets each answer take its cheapest way at the windows' prices."""
        ways = self.ways(prices)
        free = 0 if self._rules.post is None else 1
        used = Counter(tick // self._rules.slot for way in ways for tick in way.calls[free:])
        slots = range(len(prices) + self._covers)
        sums = list(accumulate((used[slot] for slot in slots), initial=0))
        over = [
            float(sums[first + self._covers] - sums[first] - self._rules.calls)
            for first in range(len(prices))
        ]
        over = [0.0 if price == 0 and o < 0 else o for price, o in zip(prices, over, strict=True)]
        proves = sum(way.cost for way in ways) - self._rules.calls * sum(prices)
        return _Held(proves, over)

    def ways(self, prices: Sequence[float]) -> list[Way]:
        """Each answer's cheapest way at the windows' prices."""
        ended = [0.0] * self._covers + list(prices)
        begun = list(prices) + [0.0] * self._covers
        slots = [max(0.0, price) for price in accumulate(map(sub, begun, ended))]
        return [cheapest(each, slots, self._rules, self._unit) for each in self._answers]


def cheapest(answer: Answer, prices: Sequence[float], rules: Rules, unit: float) -> Way:
    """The cheapest way to show one answer, at these prices of a call in each slot."""
    path = _Path(answer, prices, rules, unit)
    path.middles()
    return path.end()


class _Path:
    """A shortest path through the ticks of an answer's calls, counted from its first token."""

    def __init__(self, answer: Answer, prices: Sequence[float], rules: Rules, unit: float) -> None:
        self._start, self._last = answer.start, answer.tokens - 1
        self._prices, self._slot, self._prompt = prices, rules.slot, rules.prompt
        self._free = rules.post is not None
        self._latest_post = rules.post
        self._unit = unit
        self._hull = _Hull(unit)
        self._before: dict[int, int | None] = {}

    def middles(self) -> None:
        """The cheapest way up to a call at each tick before the last token."""
        for tick in range(self._last):
            cost, before = self._post(tick), None
            if self._hull.ticks:
                value, earlier = self._hull.lowest(tick)
                value += self._unit * (tick * tick - tick) / 2 + self._price(tick)
                if value < cost:
                    cost, before = value, earlier
            self._before[tick] = before
            self._hull.add(tick, cost)

    def end(self) -> Way:
        """The last call: with the last token, or later if the price falls; waiting only costs."""
        last, cost, ends, before = self._last, inf, self._last, None
        for tick in self._changes(last):
            whole = self._post(tick)  # nothing was shown before
            if whole < cost:
                cost, ends, before = whole, tick, None
            if self._hull.ticks:
                value, earlier = self._hull.lowest(tick)
                value += self._unit * (last * tick - (last * last + last) / 2) + self._price(tick)
                if value < cost:
                    cost, ends, before = value, tick, earlier
        return Way(cost, [self._start + tick for tick in self._calls(ends, before)])

    def _calls(self, ends: int, before: int | None) -> list[int]:
        path = [ends]
        while before is not None:
            path.append(before)
            before = self._before[before]
        return path[::-1]

    def _post(self, tick: int) -> float:
        """What it costs if the first text comes at a tick."""
        if self._latest_post is not None and tick > self._latest_post:
            return inf
        growing = min(tick, self._last)
        unseen = growing * (growing + 1) / 2 + (tick - growing) * (self._last + 1)
        return self._unit * unseen + (0.0 if self._free else self._price(tick))

    def _price(self, tick: int) -> float:
        slot = (self._start + tick) // self._slot
        return self._prices[slot] if slot < len(self._prices) else 0.0

    def _changes(self, tick: int) -> list[int]:
        """A tick, and each later one at which the price may change."""
        if self._prompt:
            return [tick]
        following = range((self._start + tick) // self._slot + 1, len(self._prices) + 1)
        return [tick, *(number * self._slot - self._start for number in following)]


class _Hull:
    """The way up to a call at tick a makes the cost of a next one at tick b a line in b.

    A gap of m ticks between two calls leaves m(m-1)/2 tokens x ticks unseen, so of what depends on
    a there remains `cost + (a^2 + a)/2 - a b`: the lines come with falling slopes, and b grows, so
    the lowest line is found in constant time.
    """

    def __init__(self, unit: float) -> None:
        self.ticks: list[int] = []
        self._lines: list[float] = []
        self._unit = unit
        self._at = 0

    def add(self, tick: int, cost: float) -> None:
        """A call may be made at `tick`, and the way up to it costs so much."""
        ticks, lines = self.ticks, self._lines
        line = cost + self._unit * (tick * tick + tick) / 2
        while len(ticks) >= 2:
            # The middle one of three is nowhere the lowest if the outer two cross before it.
            first, at = lines[-2], ticks[-2]
            if (line - first) * (ticks[-1] - at) > (lines[-1] - first) * (tick - at):
                break
            ticks.pop()
            lines.pop()
        ticks.append(tick)
        lines.append(line)
        self._at = min(self._at, len(ticks) - 1)

    def lowest(self, tick: int) -> tuple[float, int]:
        """The lowest line at `tick`, and the call that it comes from."""
        ticks, lines, at = self.ticks, self._lines, self._at
        value = lines[at] - self._unit * ticks[at] * tick
        while at + 1 < len(ticks):
            following = lines[at + 1] - self._unit * ticks[at + 1] * tick
            if following > value:
                break
            at, value = at + 1, following
        self._at = at
        return value, ticks[at]
