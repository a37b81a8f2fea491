"""The inspector's charts as SVG: runs and waiting times by hour, and one run's progress."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from markupsafe import Markup

from bot.inspector.calls import CallSpan
from bot.inspector.drawing import (
    Frame,
    area,
    element,
    joined,
    label,
    line,
    rows,
    rule,
    steps,
    svg,
    ticks,
)
from bot.inspector.formats import count, plain, seconds
from bot.inspector.story import Story
from bot.store import HOUR_US, Hour
from bot.store.hours import percentile

OUTCOMES = (
    "complete", "waiting", "length", "stopped", "filtered", "interrupted", "undeliverable",
    "failed", "running",
)  # fmt: skip
VERDICTS = ("verified", "mended", "unproven", "broken", "none")
# The runs of a day, a week or a month in bars.
FRAME = Frame(560, 210, left=54)
_DAY = 24
"""Hours."""


@dataclass(frozen=True, slots=True)
class Span:
    """A time span of the overview, in hours, and how many hours one bar stands for."""

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
    """The runs of one bar, which begins at `at_us` (microseconds since the epoch)."""

    at_us: int
    hour: Hour = field(default_factory=Hour)
    _percentiles: dict[tuple[str, float], float | None] = field(default_factory=dict)
    """Computed percentiles: the chart and its table need the same ones."""

    def percentile(self, what: str, share: float) -> float | None:
        """A percentile of a duration, in seconds; None without runs. `share` is from 0 to 1."""
        key = (what, share)
        if key not in self._percentiles:
            self._percentiles[key] = percentile(getattr(self.hour, what), share)
        return self._percentiles[key]

    @property
    def label(self) -> str:
        """The time at which it begins, in UTC."""
        return datetime.fromtimestamp(self.at_us / 1e6, UTC).strftime("%b %d %H:%M")


def bars(hours: dict[int, Hour], since_us: int, span: Span) -> list[Bar]:
    """The hours as bars, including those without runs; without the costs by model and person."""
    width = span.bar * HOUR_US
    first = since_us // HOUR_US * HOUR_US
    found = [Bar(first + n * width) for n in range(-(-(span.hours + 1) // span.bar))]
    for at_us, hour in hours.items():
        number = (at_us - first) // width
        if 0 <= number < len(found):
            found[number].hour.add_figures(hour)
    return found


def stacked(name: str, found: Sequence[Bar], what: str, kinds: Sequence[str]) -> Markup:
    """Stacked bars: the runs by a property (`what`), one colour for each of its `kinds`."""
    marks = steps(max(1, *(bar.hour.runs for bar in found)))  # at least 1: no division by 0
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
    """Bars of one number."""
    marks = steps(max(1, *(value(bar.hour) for bar in found)))
    boxes = [
        _box(found, number, 0, value(bar.hour) / marks[-1], "kind-failed")
        for number, bar in enumerate(found)
        if value(bar.hour)
    ]
    parts = [rows(FRAME, marks), _days(found), *boxes]
    return svg(FRAME, f"{name}. The figures are in the table below.", parts)


def spread(name: str, found: Sequence[Bar], what: str) -> Markup:
    """Two lines: the median and the 99th percentile of a duration."""
    shares = [("p99", 0.99), ("p50", 0.5)]
    lines = {key: [bar.percentile(what, share) for bar in found] for key, share in shares}
    known = [value for values in lines.values() for value in values if value is not None]
    marks = steps(max([0.1, *known]))
    parts = [rows(FRAME, marks, " s"), _days(found)]
    for key, values in lines.items():
        parts += _curves(values, marks[-1], key)
    return svg(FRAME, f"{name}. The figures are in the table below.", parts)


def _curves(values: Sequence[float | None], top: float, class_: str) -> list[Markup]:
    """A line through the known values, interrupted where there are none."""
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
    # There may be thousands, which `element` would take long for. All values are ours, so nothing
    # has to be escaped.
    box = f'<rect x="{x:g}" y="{y:g}" width="{width:.1f}" height="{height:g}" class="{class_}"/>'
    return Markup(box)  # noqa: S704 - see above


def _days(found: Sequence[Bar]) -> Markup:
    """Labels for about six of the bars."""
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


# The chart of a run: characters generated and shown over time, with the lag between them.


Points = Sequence[tuple[float, float]]

MOST_POINTS = 600
"""Most points of a line; more would not be seen."""
WIDE = Frame(920, 330, bottom_gap=62)
NARROW = Frame(360, 300, left=46, bottom_gap=62)
_LANE = 30
"""Height of the lane of tool calls."""
_THINNEST = 4.0
"""Least width of a call's bar."""
_LETTER = 6.2
"""Width of a label's letter, about."""
_LONGEST_NAME = 28
"""Letters of a tool's name in the picture."""
_NAME_WIDTH = 24.0
"""Width of the label `429`, in SVG units."""


def picture(story: Story) -> Markup:
    """The chart twice, for wide and for narrow screens; the stylesheet shows one of them."""
    frames = {"wide": WIDE, "narrow": NARROW}
    if story.calls:
        frames = {
            name: replace(frame, height=frame.height + _LANE, bottom_gap=frame.bottom_gap + _LANE)
            for name, frame in frames.items()
        }
    return joined(_draw(story, frame, name) for name, frame in frames.items())


def thinned(points: Sequence[tuple[int, int]], most: int = MOST_POINTS) -> list[tuple[int, int]]:
    """At most `most` of the points, always with the first and the last."""
    if len(points) <= most:
        return list(points)
    step = (len(points) - 1) / (most - 1)
    return [points[round(number * step)] for number in range(most)]


def _draw(story: Story, frame: Frame, name: str) -> Markup:
    times = steps(story.span_us / 1e6, 8 if name == "wide" else 4)
    most = (points[-1][1] for points in (story.generated_points, story.shown_points) if points)
    ends = steps(max([1, *most]))
    span, top = times[-1] * 1e6, ends[-1]

    def staircase(points: Sequence[tuple[int, int]]) -> Points:
        return _staircase(frame, thinned(points), span, top, story.span_us)

    made, seen = staircase(story.generated_points), staircase(story.shown_points)
    parts = [
        rows(frame, ends),
        _times(frame, times),
        _stalls(story, frame, span),
        area([*made, *reversed(seen)], "lag"),
        line(made, "made"),
        line(seen, "seen"),
        _seams(story, frame, span),
        _breaks(story, frame, top),
        _edits(story, frame, span),
        _calls(story, frame, span),
        element(
            "line", x1=frame.left, x2=frame.left, y1=frame.top, y2=frame.bottom, class_="cursor"
        ),
    ]
    return svg(frame, _summary(story), parts, f"run-picture {name}")


def _staircase(
    frame: Frame, points: Sequence[tuple[int, int]], span: float, top: float, until: int
) -> Points:
    found, chars = [(frame.x(0), frame.y(0))], 0
    for at_us, after in points:
        x = frame.x(at_us / span)
        found += [(x, frame.y(chars / top)), (x, frame.y(after / top))]
        chars = after
    return [*found, (frame.x(until / span), frame.y(chars / top))]


def _times(frame: Frame, marks: Sequence[float]) -> Markup:
    span, y = marks[-1], frame.bottom + 20
    return joined(
        label(frame.x(mark / span), y, f"{mark:g} s" if mark == span else f"{mark:g}")
        for mark in marks
    )


def _stalls(story: Story, frame: Frame, span: float) -> Markup:
    parts = []
    for begun, over in story.stalls[:20]:
        x, end = frame.x(begun / span), frame.x(over / span)
        height = frame.bottom - frame.top
        box = element("rect", x=x, y=frame.top, width=end - x, height=height, class_="stall")
        name = label((x + end) / 2, frame.top + 14, f"silent {seconds(over - begun)}", "stall-name")
        parts.append(box + (name if end - x > 60 else Markup("")))
    return joined(parts)


def _seams(story: Story, frame: Frame, span: float) -> Markup:
    parts = []
    for attempt in story.attempts:
        if attempt["kind"] != "first":
            x = frame.x(min(1, attempt["at_us"] / span))
            parts.append(rule(x, frame.top, x, frame.bottom, "seam"))
            parts.append(label(x + 5, frame.top + 12, attempt["kind"], "seam-name", "start"))
    return joined(parts)


def _breaks(story: Story, frame: Frame, top: float) -> Markup:
    parts = []
    for fault in story.receipt.get("faults", []):
        if fault["position"] is not None:
            y = frame.y(min(1, fault["position"] / top))
            parts.append(rule(frame.left, y, frame.right, y, "break"))
            name = f"{fault['link']} differs at character {fault['position']:,}"
            parts.append(label(frame.right - 4, y - 6, name, "break-name", "end"))
    return joined(parts)


def _edits(story: Story, frame: Frame, span: float) -> Markup:
    y = frame.bottom + 34
    at: dict[str, list[float]] = {"tick": [], "tick failed": [], "tick limited": []}
    for edit in story.edits:
        kind = "tick limited" if edit.limited else "tick failed" if edit.error else "tick"
        at[kind].append(frame.x(min(1, edit.at_us / span)))
    return joined(
        [
            rule(frame.left, y + 12, frame.right, y + 12, "lane"),
            *(ticks(xs, y if kind == "tick" else y - 4, y + 12, kind) for kind, xs in at.items()),
            *(label(x, y - 7, "429", "limited-name") for x in _apart(at["tick limited"])),
            label(frame.left - 8, y + 11, "edits", anchor="end"),
        ]
    )


def _calls(story: Story, frame: Frame, span: float) -> Markup:
    """A bar for each tool call, from its beginning to its end; its name where there is room."""
    if not story.calls:
        return Markup("")
    y = frame.bottom + 34 + _LANE
    parts = [
        rule(frame.left, y + 12, frame.right, y + 12, "lane"),
        label(frame.left - 8, y + 11, "tools", anchor="end"),
    ]
    begins = [frame.x(min(1, call.begun_us / span)) for call in story.calls]
    for call, x, after in zip(story.calls, begins, [*begins[1:], frame.right], strict=True):
        until = story.span_us if call.ended_us is None else min(call.ended_us, story.span_us)
        parts += _bar(call, frame, span, until, y)
        name, end = plain(call.row.asked.tool)[:_LONGEST_NAME], frame.x(min(1, until / span))
        if after - max(x + _THINNEST, end) > (len(name) + 2) * _LETTER:
            at = max(x + _THINNEST, end) + 5
            parts.append(label(at, y + 9, name, "call-name", "start"))
    return joined(parts)


def _bar(call: CallSpan, frame: Frame, span: float, until: int, y: float) -> Iterator[Markup]:
    """A call: pale while it waits to be sent, then in the colour of its state."""
    begun, sent, state = call.begun_us, call.sent_us, call.row.state
    if sent is None:
        pieces = [(begun, until, state)]
    elif sent > until:  # by a later run
        pieces = [(begun, until, "waiting")]
    else:
        pieces = [(begun, sent, "waiting"), (sent, until, state)]
    for since, end, kind in pieces:
        x = min(frame.x(min(1, since / span)), frame.right - _THINNEST)
        width = round(frame.x(min(1, end / span)) - x, 1)
        if width >= 1 or len(pieces) == 1 or kind == state:
            box = {"x": x, "y": y, "width": max(_THINNEST, width), "height": 10, "rx": 2}
            told = element("title", call.summary)
            yield element("rect", told, **box, class_=f"kind-{kind} call-bar")


def _apart(at: Sequence[float]) -> Iterator[float]:
    """The positions that are far enough apart for a label."""
    last = -_NAME_WIDTH
    for x in at:
        if x - last >= _NAME_WIDTH:
            yield x
            last = x


def _summary(story: Story) -> str:
    behind, at_us = story.most_behind
    made, seen = story.generated_points, story.shown_points
    parts = [
        f"{count(made[-1][1] if made else 0)} characters generated and "
        f"{count(seen[-1][1] if seen else 0)} shown in {seconds(story.span_us)}",
        f"the screen was at most {count(behind)} characters behind, at {seconds(at_us)}",
        f"{len(story.edits)} calls to the platform, {len(story.refused)} refused with 429",
    ]
    if story.calls:
        parts.append(f"{len(story.calls)} tool calls")
    if story.stalls:
        parts.append(f"the model was silent {len(story.stalls)} times")
    return "; ".join(parts) + ". The figures are in the table below."
