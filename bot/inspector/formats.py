"""Formats numbers and times for people, and makes hostile text harmless for pages and files."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup, escape

# Numbers and times; an unknown one is a dash.


UNKNOWN = "–"


def when(us: int) -> str:
    """A time in UTC, from microseconds since the epoch: `2026-11-23 09:30:00`."""
    return _utc(us).strftime("%Y-%m-%d %H:%M:%S")


def stamp(us: int) -> str:
    """A time in ISO 8601 with milliseconds, from microseconds since the epoch."""
    return _utc(us).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _utc(us: int) -> datetime:
    return datetime.fromtimestamp(us / 1e6, UTC)


def seconds(us: float | None) -> str:
    """A duration, from microseconds: `8 ms`, `0.42 s`, `12.3 s`, `3 min 20 s`."""
    if us is None:
        return UNKNOWN
    value = us / 1e6
    if 0 < abs(value) < 0.0995:
        return f"{us / 1000:.0f} ms"
    if abs(value) < 9.995:
        return f"{value:.2f} s"
    if abs(value) < 99.95:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(abs(value)), 60)
    return f"{'-' if value < 0 else ''}{minutes} min {rest} s"


def count(number: int | None) -> str:
    """A number with commas between its thousands."""
    return UNKNOWN if number is None else f"{number:,}"


def cost(microusd: int | None, estimated: bool | None = False) -> str:
    """A cost in US dollars, from millionths; with `~` if its tokens were estimated."""
    if microusd is None:
        return UNKNOWN
    dollars = microusd / 1e6
    digits = 2 if dollars >= 1 or not microusd else 4 if dollars >= 0.001 else 6
    return f"{'~' if estimated else ''}${dollars:,.{digits}f}"


def plural(number: int, one: str, many: str = "") -> str:
    """A number with its noun in the singular or plural."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


# Control and format characters: direction marks, joiners, tags, lone surrogates. Unseen, they can
# reverse or hide the text around them.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
_FENCE = re.compile("`+")
_IN_SCRIPT = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


def plain(text: object) -> str:
    """The text with each invisible character written out, such as `[U+202E]`."""
    return _UNSEEN.sub(lambda found: f"[{_name(found[0])}]", str(text))


def shown(text: object) -> Markup:
    """The text as escaped HTML, in `<bdi>` so that its direction affects nothing around it.

    Invisible characters are written out and highlighted.
    """
    pieces, at = [], 0
    value = str(text)
    for found in _UNSEEN.finditer(value):
        pieces.append(escape(value[at : found.start()]))
        pieces.append(Markup('<span class="unseen-mark">{}</span>').format(_name(found[0])))
        at = found.end()
    pieces.append(escape(value[at:]))
    return Markup('<bdi dir="auto">{}</bdi>').format(Markup("").join(pieces))


def data(value: Any) -> Markup:
    """JSON for a script element: nothing in it can close the element or begin a comment."""
    return Markup(json.dumps(value, separators=(",", ":")).translate(_IN_SCRIPT))  # noqa: S704 - nothing of HTML's is left in it


def aligned(text: str) -> str:
    """The text with U+FFFD for invisible characters, without changing its length in UTF-16 units.

    The replay's script counts characters in these units.
    """
    return _UNSEEN.sub(lambda found: "\ufffd" * (1 + (ord(found[0]) > 0xFFFF)), text)


def fenced(text: str) -> str:
    """The text as a Markdown code block, whose fence is longer than any run of backticks in it."""
    longest = max((len(run) for run in _FENCE.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{plain(text)}\n{fence}"


def in_line(text: object) -> str:
    """The text as inline code for one line or table cell of Markdown; `-` if it is empty."""
    value = " ".join(plain(text).split()).replace("|", "\u2758")
    longest = max((len(run) for run in _FENCE.findall(value)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {value} {fence}" if value else "-"


def _name(mark: str) -> str:
    return f"U+{ord(mark):04X}"
