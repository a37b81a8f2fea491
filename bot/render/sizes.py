"""Measures text as a platform does, and divides a part's room between head, body and tail."""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce
from operator import add

import regex  # type: ignore[import-untyped]  # its stubs are a package of their own

from bot.render.blocks import line_end
from connectors.base import Cost, Limits

CLOSING_MARKS = 5
"""Most characters that closing unfinished markup may add to a text."""

_SMALLEST = 12
"""Smallest length of a part, in the platform's units."""
_LEAST = Cost(characters=48, bytes=96, blocks=6, rows=4, columns=1, cells=24)
"""Smallest cost limits of a part: less has no room for a reopened fence and a character."""
_SMALL = 100
"""Length below which `smaller` makes no part smaller."""
_TAIL = 64
"""Most units that are kept free at a part's end."""
_MEASURES = 32
"""Most exact measurements of one part: bounds the work, whatever the text is."""
_GRAPHEME = regex.compile(r"\X")


def fitting(text: str, room: int, units: Callable[[str], int]) -> int:
    """How many leading characters of a text fit into `room` units."""
    # A character takes one or two units (UTF-16), so half the excess can go at once.
    count = min(len(text), room)
    while (over := units(text[:count]) - room) > 0:
        count -= (over + 1) // 2
    return count


def boundaries(text: str) -> set[int]:
    """The positions at which a text can be cut without splitting a grapheme."""
    if text.isascii() and "\r" not in text:
        return set(range(len(text) + 1))
    return {0, *(found.end() for found in _GRAPHEME.finditer(text))}


def smaller(limits: Limits) -> Limits:
    """Limits of half the size, for a platform that refused a message within its limits."""

    def half(most: int, least: int) -> int:
        return max(most // 2, min(most, least))

    most, least = limits.most, _LEAST
    return replace(
        limits,
        length=half(limits.length, _SMALL),
        most=replace(
            most,
            characters=half(most.characters, _SMALL),
            bytes=half(most.bytes, 2 * _SMALL),
            blocks=half(most.blocks, least.blocks),
            rows=half(most.rows, least.rows),
            cells=half(most.cells, least.cells),
        ),
    )


@dataclass(frozen=True, slots=True)
class PartRoom:
    """How a part's room is divided, in units of length and in everything else that is counted.

    `tail` units are kept free at a part's end to close its fence or, while the answer grows, its
    unfinished markup: a quarter of a part, at most 64 units. A fence whose closing line is longer
    than that is left open. A head (a reopened fence, a table's header) may take half of the room.
    """

    limits: Limits
    most: Cost
    """The cost that a part may have without its tail."""

    @classmethod
    def of(cls, limits: Limits) -> PartRoom:
        """Raises `ValueError` for a part too small to hold a fence and a character."""
        if limits.length < _SMALLEST:
            raise ValueError(f"a part must hold at least {_SMALLEST} characters")
        if not _LEAST.within(limits.most):
            raise ValueError(f"a part must hold at least {_LEAST}")
        most = limits.most
        free = replace(
            most,
            characters=most.characters - _tail(most.characters),
            bytes=most.bytes - _tail(most.bytes),
            columns=sys.maxsize,  # no cut makes a table narrower
        )
        return cls(limits, free)

    @property
    def tail(self) -> int:
        return _tail(self.limits.length)

    def body(self, head: str) -> int:
        """The units that are left for a body after this head."""
        return self.limits.length - self.limits.units(head) - self.tail

    def closes(self, closing: str) -> bool:
        """Whether this closing line fits into a part's tail."""
        return self.limits.units(closing) <= self.tail

    def begins(self, head: str) -> bool:
        """Whether a part may begin with this decoration."""
        if self.limits.units(head) > self.limits.length // 2:
            return False
        if self.limits.measure is None:
            return True
        bounds = (self.adds, self.limits.measure)
        return any((taken + taken).within(self.most) for taken in (count(head) for count in bounds))

    def adds(self, text: str) -> Cost:
        """An upper bound of a text's cost, as the sum over its lines."""
        return reduce(add, map(self.limits.adds, text.splitlines(keepends=True)), Cost())


class SizeMeter:
    """How much of a growing body fits a part, by everything that a platform counts.

    Each line is counted with an upper bound of its cost. When the sum is too much, all whole lines
    before are measured exactly. So where a body is full depends neither on what comes later nor on
    the steps in which it came.
    """

    def __init__(self, room: PartRoom, head: str) -> None:
        self._room = room
        self._head = head
        self._taken = room.adds(head) if room.limits.measure else Cost()
        self._read_to = 0
        self._measured_to = -1
        self._left = _MEASURES

    def fits(self, body: str) -> int:
        """How many leading characters of a body fit. It must extend the body of the last call."""
        if self._room.limits.measure is None:
            return len(body)
        while self._read_to < len(body):
            end, following = line_end(body, self._read_to)
            line = body[self._read_to : following]
            if not self._takes(line, body):
                return self._read_to + self._fitting(line)
            if end == following:
                break  # a line without an end may still grow
            self._taken += self._room.limits.adds(line)
            self._read_to = following
        return len(body)

    def _takes(self, line: str, body: str) -> bool:
        if self._within(line):
            return True
        measure = self._room.limits.measure
        if measure is None or not self._left or self._measured_to == self._read_to:
            return False
        self._left -= 1
        self._measured_to = self._read_to
        self._taken = measure(self._head + body[: self._read_to])
        return self._within(line)

    def _within(self, line: str) -> bool:
        return (self._taken + self._room.limits.adds(line)).within(self._room.most)

    def _fitting(self, line: str) -> int:
        """How many characters fit of a line that doesn't fit as a whole."""
        lengths = range(1, len(line) + 1)
        return bisect_left(lengths, True, key=lambda length: not self._within(line[:length]))


def _tail(length: int) -> int:
    return min(_TAIL, max(CLOSING_MARKS, length // 4))
