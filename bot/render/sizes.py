"""Counts text as a platform does, and says how a part's room is shared out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import regex  # type: ignore[import-untyped]  # its stubs are a package of their own

from connectors.base import Limits

Unit = Literal["characters", "utf16"]

CLOSING_MARKS = 5
"""The most characters that closing unfinished markup may add to a text."""

_SMALLEST = 12
_TAIL = 64
_GRAPHEME = regex.compile(r"\X")


def measure(text: str, unit: Unit) -> int:
    """The length of a text in the platform's unit."""
    if unit == "characters" or text.isascii():
        return len(text)
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def fitting(text: str, room: int, unit: Unit) -> int:
    """How many leading characters fit into `room` units."""
    count = min(len(text), room)
    while (over := measure(text[:count], unit) - room) > 0:
        count -= (over + 1) // 2
    return count


def boundaries(text: str) -> set[int]:
    """The positions at which no grapheme is cut in two."""
    if text.isascii() and "\r" not in text:
        return set(range(len(text) + 1))
    return {0, *(found.end() for found in _GRAPHEME.finditer(text))}


@dataclass(frozen=True, slots=True)
class Room:
    """How a part's units are shared out.

    `tail` is kept free at a part's end for closing its fence or, while the answer grows, its
    unfinished markup: a quarter of a part, at most 64 units. A fence whose closing line is longer
    than that is left open. `head` is the most that a reopened fence or a table's header may take.
    """

    length: int
    unit: Unit

    @classmethod
    def of(cls, limits: Limits) -> Room:
        """Raises `ValueError` for a part too small to hold a fence and a character."""
        if limits.length < _SMALLEST:
            raise ValueError(f"a part must hold at least {_SMALLEST} characters")
        return cls(limits.length, limits.unit)

    @property
    def tail(self) -> int:
        return min(_TAIL, max(CLOSING_MARKS, self.length // 4))

    @property
    def head(self) -> int:
        return self.length // 2

    def body(self, head: str) -> int:
        """The most that a body may take after this head."""
        return self.length - measure(head, self.unit) - self.tail
