"""Drawing as SVG: scales, axes and escaped elements. Colours are in the stylesheet."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from bot.inspector.formats import plain


@dataclass(frozen=True, slots=True)
class Frame:
    """A chart's size and margins, in SVG units; the data is drawn inside the margins."""

    width: int
    height: int
    left: int = 52
    right_gap: int = 12
    top: int = 14
    bottom_gap: int = 28

    @property
    def right(self) -> int:
        """The x coordinate of the data's right end."""
        return self.width - self.right_gap

    @property
    def bottom(self) -> int:
        """The y coordinate of the data's base line."""
        return self.height - self.bottom_gap

    def x(self, share: float) -> float:
        """The x coordinate for a share of the width, from 0 (left) to 1."""
        return round(self.left + share * (self.right - self.left), 1)

    def y(self, share: float) -> float:
        """The y coordinate for a share of the height, from 0 (the base line) to 1."""
        return round(self.bottom - share * (self.bottom - self.top), 1)


def element(name: str, body: object = "", **attributes: object) -> Markup:
    """An SVG element. `class_` becomes `class`, `_` in a name becomes `-`; values are escaped."""
    pairs = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(plain(value))}"'
        for key, value in attributes.items()
    )
    inner = body if isinstance(body, Markup) else escape(plain(body))
    return Markup(f"<{name}{pairs}>{inner}</{name}>")  # noqa: S704 - names are ours, the rest is escaped


def joined(parts: Iterable[Markup]) -> Markup:
    """The parts as one markup."""
    return Markup("").join(parts)


def svg(frame: Frame, name: str, parts: Iterable[Markup], class_: str = "") -> Markup:
    """A chart with a name for screen readers; its figures are in a table on the same page."""
    return element(
        "svg",
        joined(parts),
        viewBox=f"0 0 {frame.width} {frame.height}",
        role="img",
        aria_label=name,
        class_=f"picture {class_}".strip(),
    )


def line(points: Sequence[tuple[float, float]], class_: str) -> Markup:
    """A line through points."""
    path = " ".join(f"{x:g},{y:g}" for x, y in points)
    return element("polyline", points=path, class_=class_)


def area(points: Sequence[tuple[float, float]], class_: str) -> Markup:
    """A filled area."""
    path = " ".join(f"{x:g},{y:g}" for x, y in points)
    return element("polygon", points=path, class_=class_)


def label(x: float, y: float, text: object, class_: str = "", anchor: str = "middle") -> Markup:
    """A text."""
    return element("text", text, x=x, y=y, class_=f"label {class_}".strip(), text_anchor=anchor)


def rule(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """A straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def ticks(at: Iterable[float], y1: float, y2: float, class_: str) -> Markup:
    """Vertical marks of one kind, as one element, since there may be thousands."""
    path = "".join(f"M{x:g} {y1:g}V{y2:g}" for x in at)
    return element("path", d=path, class_=class_) if path else Markup("")


def steps(most: float, count: int = 4) -> list[float]:
    """Round numbers from 0 to at least `most`, about `count` of them, for an axis."""
    if most <= 0:
        return [0, 1]
    rough = most / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= rough * 0.999)
    return [round(step * n, 10) for n in range(math.ceil(most / step - 1e-9) + 1)]


def rows(frame: Frame, marks: Sequence[float], unit: str = "") -> Markup:
    """Horizontal grid lines with their values."""
    top = marks[-1]
    return joined(
        rule(frame.left, frame.y(mark / top), frame.right, frame.y(mark / top), "grid")
        + label(frame.left - 8, frame.y(mark / top) + 4, f"{mark:,g}{unit}", anchor="end")
        for mark in marks
    )
