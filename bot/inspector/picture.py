"""The picture of a run: characters generated and shown over time, and the lag between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from markupsafe import Markup

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
from bot.inspector.figures import count, seconds
from bot.inspector.story import Story

Points = Sequence[tuple[float, float]]

MOST_POINTS = 600
WIDE = Frame(920, 330, bottom_gap=62)
NARROW = Frame(360, 300, left=46, bottom_gap=62)
_NAME_WIDTH = 24.0


def picture(story: Story) -> Markup:
    """The picture twice, for a wide and a narrow screen; the stylesheet shows one."""
    wide = _draw(story, WIDE, "wide")
    return joined([wide, _draw(story, NARROW, "narrow")])


def thinned(points: Sequence[tuple[int, int]], most: int = MOST_POINTS) -> list[tuple[int, int]]:
    """At most `most` points, with the first and the last."""
    if len(points) <= most:
        return list(points)
    step = (len(points) - 1) / (most - 1)
    return [points[round(number * step)] for number in range(most)]


def _draw(story: Story, frame: Frame, name: str) -> Markup:
    times = steps(story.span_us / 1e6, 8 if frame is WIDE else 4)
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


def _apart(at: Sequence[float]) -> Iterator[float]:
    """Those that have room for a name."""
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
    if story.stalls:
        parts.append(f"the model was silent {len(story.stalls)} times")
    return "; ".join(parts) + ". The figures are in the table below."
