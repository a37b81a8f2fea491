"""Lays out a growing answer in parts that each fit a message, and undoes the decoration again in
what a platform's client draws.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bot.render.blocks import Blocks, Fence, line_end
from bot.render.sizes import PartRoom, SizeMeter, boundaries, fitting
from bot.render.split import choose, resumed
from bot.render.unfinished import Unfinished, close_unfinished
from connectors.base import Limits
from connectors.markdown import Growing, form

# Lays out a growing answer in parts that each fit a message.


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
        self._room = PartRoom.of(limits)
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
        self._meter = SizeMeter(self._room, head)
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
    fits = min(SizeMeter(PartRoom.of(limits), "").fits(note), len(note) - 1)
    fits = fitting(note[:fits], limits.length - 1, limits.units)
    end = max(boundary for boundary in boundaries(note) if boundary <= fits)
    return note[:end].rstrip() + "…"


# What a model thought before its answer, as a quote in parts of its own: all decoration.


_TITLE = "> _Thoughts_\n>\n> "
_LINE_END = re.compile(r"\r\n?|[\n\v\f\x1c-\x1e\x85\u2028\u2029]")


class Thoughts:
    """A growing quote. No part of the answer is in it, so nothing of it is ever compared."""

    def __init__(self, limits: Limits) -> None:
        self._layout = Layout(limits)

    def append(self, text: str) -> None:
        """Adds the next characters."""
        begun = "" if self._layout.text else _TITLE
        self._layout.append(begun + _LINE_END.sub("\n> ", text))

    def pieces(self) -> list[Piece]:
        """The parts so far."""
        return [_decoration(piece) for piece in self._layout.pieces()]

    def fixed(self) -> list[Piece]:
        """The parts that will stay as they are."""
        return [_decoration(piece) for piece in self._layout.fixed]


def _decoration(piece: Piece) -> Piece:
    return replace(piece, lead="", head=piece.head + piece.body, body="", trail="")


_MARKS = tuple("`~*_")
_NEARBY = 8
"""Characters around an estimate in which the exact end of what is shown is looked for: as many
as the marks that can be unfinished there."""
_FAR = 256
"""Characters around a guess at that in which it is looked for first."""


def restore(pieces: Sequence[Piece], shown: Sequence[str]) -> str:
    """The text that the messages show, without decoration and with the white space it left off.

    A piece of which all is shown is restored as it was generated; of another, as much as is shown
    from its start, and what is shown instead of the rest: so a difference stays a difference.
    Messages without a piece are taken as they are.
    """
    undone = [_undo(piece, text) for piece, text in zip(pieces, shown, strict=False)]
    return "".join([*undone, *shown[len(pieces) :]])


def _undo(piece: Piece, shown: str) -> str:
    if shown == form(piece.text) or _shows(piece.head + piece.body, shown):
        return piece.lead + piece.body + piece.trail
    found = as_seen(piece, shown)
    surplus = shown[len(form(piece.head + found.body)) :]
    text = piece.lead + found.body + surplus
    # Marks that a client draws as they are would make good for what it should have made of them.
    return piece.lead + found.body if text == piece.lead + piece.body + piece.trail else text


def undecorated(pieces: Sequence[Piece], sources: Sequence[str]) -> str:
    """The text in the Markdown that messages were made of, without decoration.

    Decoration that a message lacks is not missed, what is there is kept.
    """
    pairs = zip(pieces, sources, strict=False)
    undone = [
        piece.lead + source.removeprefix(piece.head).removesuffix(piece.tail) + piece.trail
        for piece, source in pairs
    ]
    return "".join([*undone, *sources[len(pieces) :]])


def as_sent(piece: Piece, text: str) -> Piece:
    """The piece of a message that is sent `text`: `piece.text`, closed for the moment.

    Its body is as much of the piece's as the text has from the start; the rest is decoration.
    """
    if text == piece.text:
        return piece
    rest = text.removeprefix(piece.head)
    head = text[: len(text) - len(rest)]
    same = first_difference(rest[: len(piece.body)], piece.body)
    if same is None:
        tail = rest[len(piece.body) :]
        body = piece.body.rstrip(tail[:1]) if tail[:1] in _MARKS else piece.body
        if body != piece.body:  # what closes it made marks of them, and they may be none
            return Piece(piece.lead, head, body, rest[len(body) :], "")
        return replace(piece, head=head, tail=tail)
    return Piece(piece.lead, head, rest[:same], rest[same:], "")


def as_seen(piece: Piece, text: str) -> Piece:
    """The piece as a message shows it of which `text` can be seen.

    Its body is as much of the piece's as the text shows from the start.
    """
    if text == form(piece.text):
        return piece
    end = _seen_up_to(piece.head, piece.body, text)
    whole = end == len(piece.body)
    return replace(piece, body=piece.body[:end], tail="", trail=piece.trail if whole else "")


def _seen_up_to(head: str, body: str, text: str) -> int:
    """How much of a body can be seen in a text: where that ends exactly, or its last whole line."""
    seen = Growing().form
    about = _about(
        len(text), len(seen(head + body)), len(body), lambda end: seen(head + body[:end])
    )
    close, exact = Unfinished().close, None
    # From the first to the last: of a text that grows only the end is read anew.
    for end in range(max(0, about - _NEARBY + 1), min(len(body), about + _NEARBY) + 1):
        begun = head + body[:end]
        if text == seen(begun) or text == seen(close(begun)):
            exact = end
    if exact is not None:
        return exact
    ends = [at for at in range(min(about, len(body)), 0, -1) if body[at - 1] == "\n"]
    ends += [0]
    reached = bisect_left(ends, True, key=lambda end: text.startswith(form(head + body[:end])))
    return ends[min(reached, len(ends) - 1)]


def _about(shown: int, whole: int, length: int, seen: Callable[[int], str]) -> int:
    """Where what can be seen of a body is as long as what is shown: mostly close to its end."""
    guess = length - (whole - shown)
    near = range(max(0, guess - _FAR), max(0, min(length, guess + _FAR) + 1))
    found = bisect_left(near, shown, key=lambda end: len(seen(end)))
    if 0 < found < len(near):
        return near[found]
    return bisect_left(range(length + 1), shown, key=lambda end: len(seen(end)))


def _shows(begun: str, text: str) -> bool:
    """Whether a text is what can be seen of a part that has grown so far, closed or not."""
    return text == form(begun) or text == form(close_unfinished(begun))


def first_difference(one: str, other: str) -> int | None:
    """The index of the first character in which two texts differ; None if they are the same."""
    if one == other:
        return None
    pairs = enumerate(zip(one, other, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))
