"""The overview's pictures: what the runs of each hour were, and how long people waited."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from markupsafe import Markup

from bot.inspector.drawing import Frame, element, joined, label, line, rows, steps, svg
from bot.store import HOUR_US, Hour
from bot.store.hours import percentile

OUTCOMES = (
    "complete", "length", "stopped", "filtered", "interrupted", "undeliverable", "failed",
    "running",
)  # fmt: skip
VERDICTS = ("verified", "mended", "unproven", "broken", "none")
FRAME = Frame(560, 210, left=54)
_DAY = 24


@dataclass(frozen=True, slots=True)
class Span:
    """A range that the overview can show, and how many hours one bar stands for."""

    name: str
    hours: int
    bar: int


SPANS = {
    "24h": Span("24 hours", 24, 1),
    "7d": Span("7 days", 168, 1),
    "30d": Span("30 days", 720, 6),
}


@dataclass(slots=True)
class Bar:
    """The runs of one bar; it begins at `at_us`."""

    at_us: int
    hour: Hour = field(default_factory=Hour)
    _percentiles: dict[tuple[str, float], float | None] = field(default_factory=dict)
    """Those that were worked out: a picture and a table have the same."""

    def percentile(self, what: str, share: float) -> float | None:
        """The time, in seconds, within which this share of the runs stayed."""
        key = (what, share)
        if key not in self._percentiles:
            self._percentiles[key] = percentile(getattr(self.hour, what), share)
        return self._percentiles[key]

    @property
    def label(self) -> str:
        """When it begins."""
        return datetime.fromtimestamp(self.at_us / 1e6, UTC).strftime("%b %d %H:%M")


def bars(hours: dict[int, Hour], since_us: int, span: Span) -> list[Bar]:
    """The hours in bars, also those without a run; not what models and people took."""
    width = span.bar * HOUR_US
    first = since_us // HOUR_US * HOUR_US
    found = [Bar(first + n * width) for n in range(-(-(span.hours + 1) // span.bar))]
    for at_us, hour in hours.items():
        number = (at_us - first) // width
        if 0 <= number < len(found):
            found[number].hour.add_figures(hour)
    return found


def stacked(name: str, found: Sequence[Bar], what: str, kinds: Sequence[str]) -> Markup:
    """Bars of what the runs were, one colour for each kind."""
    marks = steps(max(1, *(bar.hour.runs for bar in found)))
    top, parts = marks[-1], [rows(FRAME, marks), _days(found)]
    for number, bar in enumerate(found):
        below = 0
        for kind in kinds:
            some = getattr(bar.hour, what)[kind]
            if some:
                parts.append(_box(found, number, below / top, (below + some) / top, f"kind-{kind}"))
            below += some
    return svg(FRAME, f"{name}. The figures are in the table below.", parts)


def plain_bars(name: str, found: Sequence[Bar], value: Callable[[Hour], int]) -> Markup:
    """Bars of one figure."""
    marks = steps(max(1, *(value(bar.hour) for bar in found)))
    boxes = [
        _box(found, number, 0, value(bar.hour) / marks[-1], "kind-failed")
        for number, bar in enumerate(found)
        if value(bar.hour)
    ]
    parts = [rows(FRAME, marks), _days(found), *boxes]
    return svg(FRAME, f"{name}. The figures are in the table below.", parts)


def spread(name: str, found: Sequence[Bar], what: str) -> Markup:
    """Two lines: within what time half of the runs stayed, and within what 99 of 100."""
    shares = [("p99", 0.99), ("p50", 0.5)]
    lines = {key: [bar.percentile(what, share) for bar in found] for key, share in shares}
    known = [value for values in lines.values() for value in values if value is not None]
    marks = steps(max([0.1, *known]))
    parts = [rows(FRAME, marks, " s"), _days(found)]
    for key, values in lines.items():
        parts += _curves(values, marks[-1], key)
    return svg(FRAME, f"{name}. The figures are in the table below.", parts)


def _curves(values: Sequence[float | None], top: float, class_: str) -> list[Markup]:
    """A line through what is known; it is broken where nothing is."""
    found: list[Markup] = []
    points: list[tuple[float, float]] = []
    for number, value in enumerate([*values, None]):
        if value is not None:
            points.append((FRAME.x((number + 0.5) / len(values)), FRAME.y(value / top)))
        elif points:
            found.append(line(points, class_))
            if len(points) == 1:
                x, y = points[0]
                found.append(element("circle", cx=x, cy=y, r=2, class_=f"dot {class_}"))
            points = []
    return found


def _box(found: Sequence[Bar], number: int, low: float, high: float, class_: str) -> Markup:
    x, after = FRAME.x(number / len(found)), FRAME.x((number + 1) / len(found))
    width = max(0.8, after - x - (1.5 if len(found) < 60 else 0.4))
    y = FRAME.y(high)
    height = round(FRAME.y(low) - y, 1)
    # There may be thousands, of figures and names of ours; escaping each would take long.
    box = f'<rect x="{x:g}" y="{y:g}" width="{width:.1f}" height="{height:g}" class="{class_}"/>'
    return Markup(box)  # noqa: S704 - see above


def _days(found: Sequence[Bar]) -> Markup:
    """The names of about six bars."""
    within_a_day = (found[-1].at_us - found[0].at_us) <= _DAY * HOUR_US
    times = [datetime.fromtimestamp(bar.at_us / 1e6, UTC) for bar in found]
    every = max(1, len(found) // 6)
    if within_a_day:
        chosen = [n for n, time in enumerate(times) if time.hour % 4 == 0]
    else:
        chosen = [n for n, time in enumerate(times) if time.hour < (6 if len(found) < 160 else 1)]
        chosen = chosen[:: max(1, -(-len(chosen) // 8))] or list(range(0, len(found), every))
    names = "%H:%M" if within_a_day else "%b %d"
    y = FRAME.bottom + 18
    return joined(label(FRAME.x((n + 0.5) / len(found)), y, f"{times[n]:{names}}") for n in chosen)
