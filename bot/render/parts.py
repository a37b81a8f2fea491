"""Lays out a growing answer in parts that each fit a message."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.render.blocks import Blocks, Fence, line_end
from bot.render.cuts import choose, resumed
from bot.render.sizes import Meter, Room, boundaries, fitting
from connectors.base import Limits

_VISIBLE = re.compile(r"\S")


@dataclass(frozen=True, slots=True)
class Piece:
    """One part of an answer: a slice of its text, and what the layout adds and leaves off.

    `lead + body + trail` is the slice. `head` and `tail` are decoration: a reopened and a closed
    code fence, a table's repeated header, the marks of a list or quote that goes on, a note, a mark
    of ours between two stretches of the answer.
    """

    lead: str
    """White space before the body that isn't shown."""
    head: str
    body: str
    tail: str
    trail: str
    """White space after the body that isn't shown."""

    @property
    def text(self) -> str:
        """What the message shows."""
        return self.head + self.body + self.tail


_FENCE = 3
_RUN = re.compile("`+")
_CODE_LINES = 2 * len("```\n")


def for_literal(limits: Limits) -> Limits:
    """What a text may have so that its parts fit as `literal` blocks."""
    return replace(limits, length=limits.length - min(_CODE_LINES, limits.length // 4))


def literal(piece: Piece) -> Piece:
    """A piece as one block of code: whatever stands in it, nothing of it is read as markup."""
    runs = map(len, _RUN.findall(piece.body))
    fence = "`" * max(_FENCE, 1 + max(runs, default=0))
    return replace(piece, head=f"{fence}\n", tail=f"\n{fence}")


class Layout:
    """An answer in parts, kept up to date while it grows. Linear in the answer's length.

    Only the last part ever changes: a part is cut off once a visible character does not fit, and
    where depends on nothing that comes later. Text without a visible character makes no part.
    """

    def __init__(self, limits: Limits, before: str = "") -> None:
        """`before` is the answer up to here, whose fence, quote or list may go on.

        Raises `ValueError` for a part of fewer than 12 characters.
        """
        self._room = Room.of(limits)
        self._new: list[str] = []
        self._fixed: list[Piece] = []
        self._lead = ""
        self._space = ""
        self._marks = ""  # at the head of the part
        # The rest of its head: what goes on in it.
        self._resumed = resumed(before, "", self._room) if before else ""
        self._begin(self._resumed, "")

    @property
    def fixed(self) -> Sequence[Piece]:
        """The parts that will stay as they are."""
        self._lay_out()
        return self._fixed

    @property
    def text(self) -> str:
        """All that was appended."""
        self._lay_out()
        fixed = "".join(piece.lead + piece.body + piece.trail for piece in self._fixed)
        return fixed + self._lead + self._body + self._space

    def append(self, text: str) -> None:
        """Adds the next characters. They are laid out when somebody looks: once for many tokens."""
        self._new.append(text)

    def mark(self, text: str) -> None:
        """Puts a line of ours here: a part begins with it. It is left out where it has no room.

        It is seen once a visible character follows.
        """
        self._lay_out()
        if self._body:
            self._break()
        marks = f"{self._marks}{text.strip()}\n\n"
        if self._room.begins(marks + self._resumed):
            self._marks = marks
            self._begin(marks + self._resumed, "")

    def pieces(self) -> list[Piece]:
        """All parts so far; white space at the end is not shown until more text comes."""
        self._lay_out()
        if not self._body:
            return self._with_space_at_the_end()
        last = Piece(self._lead, self._head, self._body, self._last_tail(), self._space)
        return [*self._fixed, last]

    def _lay_out(self) -> None:
        if not self._new:
            return
        text, self._new = "".join(self._new), []
        step = self._room.limits.length
        for start in range(0, len(text), step):
            self._add(text[start : start + step])

    def _with_space_at_the_end(self) -> list[Piece]:
        """White space after a mark that nothing visible has followed."""
        if not (self._fixed and self._space):
            return list(self._fixed)
        *before, last = self._fixed
        return [*before, replace(last, trail=last.trail + self._space)]

    def _add(self, text: str) -> None:
        visible = text.rstrip()
        if not visible:
            self._space += text
            return
        added = self._space + visible
        self._space = text[len(visible) :]
        if not self._body:
            self._lead = added[: len(added) - len(added.lstrip())]
            added = added.lstrip()
        self._body += added
        self._size += self._room.limits.units(added)
        while (fits := self._fits()) < len(self._body):
            self._cut(fits)

    def _fits(self) -> int:
        """How many characters of the body fit."""
        fits, room = self._meter.fits(self._body), self._room.body(self._head)
        if self._size > room:
            fits = min(fits, fitting(self._body, room, self._room.limits.units))
        return fits

    def _break(self) -> None:
        """Ends the part where it is; what follows stands in a new one."""
        tail = self._last_tail()
        head = resumed(self._body + self._space, self._head, self._room)
        self._fixed.append(Piece(self._lead, self._head, self._body, tail, self._space))
        self._lead = self._space = ""
        self._marks, self._resumed = "", head
        self._begin(head, "")

    def _begin(self, head: str, body: str) -> None:
        """Begins a part."""
        self._head, self._body = head, body
        self._size = self._room.limits.units(body)
        self._meter = Meter(self._room, head)
        whole, _, self._begun = head.rpartition("\n")
        self._blocks = Blocks()
        self._blocks.read(whole)
        self._read_to = 0

    def _cut(self, fits: int) -> None:
        """Cuts off a part: what is there of it does not fit."""
        over = _VISIBLE.search(self._body, fits)
        assert over is not None  # noqa: S101 - the body ends with a visible character
        cut = choose(self._body[: over.end()], fits, self._head, self._room)
        blocks = Blocks()
        blocks.read(self._head + self._body[: cut.end])
        tail = self._closing(blocks.fence)
        # Without a tail that protects it, a platform strips white space at the end.
        end = cut.end if tail else len(self._body[: cut.end].rstrip())
        body, trail = self._body[:end], self._body[end : cut.next]
        self._fixed.append(Piece(self._lead, self._head, body, tail, trail))
        self._lead = self._marks = ""
        self._resumed = cut.head
        self._begin(cut.head, self._body[cut.next :])

    def _last_tail(self) -> str:
        """What closes the fence that is open at the end; reads whole lines only once."""
        end, following = line_end(self._body, self._read_to)
        while end < following:
            self._blocks.feed(self._begun + self._body[self._read_to : end])
            self._begun, self._read_to = "", following
            end, following = line_end(self._body, self._read_to)
        blocks = self._blocks.copy()
        blocks.feed(self._begun + self._body[self._read_to :])
        return self._closing(blocks.fence)

    def _closing(self, fence: Fence | None) -> str:
        if fence is None:
            return ""
        closing = "\n" + fence.closing
        return closing if self._room.closes(closing) else ""


def layout(text: str, limits: Limits) -> list[Piece]:
    """Lays out a whole text. The parts of a prefix are these parts, but for its last one."""
    whole = Layout(limits)
    whole.append(text)
    return whole.pieces()


def with_note(pieces: Sequence[Piece], note: str, limits: Limits) -> list[Piece]:
    """Adds a note below the last part, or in one of its own where it doesn't fit or there is none.

    A note that is longer than a part is shortened.
    """
    if pieces:
        *before, last = pieces
        noted = replace(last, tail=f"{last.tail}\n\n{note.strip()}")
        if limits.take(noted.text):
            return [*before, noted]
    return [*pieces, Piece("", "", "", _shortened(note.strip(), limits), "")]


def _shortened(note: str, limits: Limits) -> str:
    if limits.take(note):
        return note
    fits = min(Meter(Room.of(limits), "").fits(note), len(note) - 1)
    fits = fitting(note[:fits], limits.length - 1, limits.units)
    end = max(boundary for boundary in boundaries(note) if boundary <= fits)
    return note[:end].rstrip() + "…"
