"""Says what a part begins with that was cut off in the middle of a fence, table, quote or list."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

from bot.render.blocks import (
    CODE_INDENT,
    IN_FENCE,
    Blocks,
    Containers,
    Fence,
    Kind,
    Line,
    continuing,
    line_end,
    opening,
)
from bot.render.sizes import Room

_MARK_BEGUN = re.compile(r"`{1,2}|~{1,2}|[-+*]|\d+[.)]?")
"""What the window may show of an item's mark or a fence, cut short at its end."""


@dataclass(frozen=True, slots=True)
class Place:
    """A line of the window: where it begins, what it is, the fence it is in, its table's header."""

    at: int
    line: Line
    fence: Fence | None
    table: str


def read(text: str, head: str) -> Iterator[Place]:
    """The lines of a part's text, which stands after `head`."""
    blocks = Blocks()
    whole, _, begun = head.rpartition("\n")
    if whole:
        blocks.read(whole)
    at = 0
    while at < len(text):
        end, following = line_end(text, at)
        fence, table = blocks.fence, blocks.table
        line = blocks.feed(begun + text[at:end])
        yield Place(at, line, blocks.fence if line.kind is Kind.FENCE_OPEN else fence, table)
        at, begun = following, ""


def head_at(at: int, place: Place, text: str, room: Room) -> str:
    """What a part begins with that is cut off at `at`, in the line at `place` of a window's text.

    Decoration for which there is no room is left out, but for a bare fence.
    """
    after_text = bool(text[place.at : at].strip())
    fence = place.fence
    if fence is not None and (after_text or place.line.kind in IN_FENCE):
        return _reopened(fence, place.line.kind, at > place.at, room)
    mark_begun = _MARK_BEGUN.fullmatch(text, at) is not None
    head = "" if after_text else _header(place)
    head = head or _around(place.line, after_text, mark_begun)
    return head if room.begins(head) else ""


def _reopened(fence: Fence, kind: Kind, within: bool, room: Room) -> str:
    """A fence again, as far as there is room: without its info string, or as a bare fence."""
    info = fence.info if kind in IN_FENCE else ""
    begun = continuing(fence.containers) if within else ""
    around = opening(fence.containers) + fence.run
    if room.closes("\n" + fence.closing):
        for head in (f"{around}{info}\n{begun}", f"{around}\n{begun}"):
            if room.begins(head):
                return head
    return fence.run[0] * 3 + "\n"


def _header(place: Place) -> str:
    """The header of the table that goes on at a place."""
    repeatable = place.line.kind is Kind.TABLE_ROW and not place.line.containers
    return place.table.lstrip() + "\n" if repeatable else ""


def _around(line: Line, after_text: bool, mark_begun: bool) -> str:
    """The marks of the quotes and lists that go on, where the text means something else without.

    That is so in a quote, before a nested item or fence (what follows it would stand too far in)
    and wherever a fence that may follow stands so far in that it would be no fence any more.
    """
    containers = line.containers if after_text else _lists(line.kept)
    quoted = any(not container.width for container in containers)
    nested = not after_text and (line.item or mark_begun or line.kind is Kind.FENCE_OPEN)
    far_in = sum(container.width for container in containers) >= CODE_INDENT
    return opening(containers) if quoted or nested or far_in else ""


def _lists(containers: Containers) -> Containers:
    """The list items outside of any quote: their indentation is lost at a part's start."""
    return tuple(takewhile(lambda container: container.width > 0, containers))
