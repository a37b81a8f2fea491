"""Splits a growing answer into parts that each fit a message, and restores it from what is shown.

Parts get decoration, such as a reopened fence; restoring removes it from what a platform's client
draws, so that the receipt can compare the answer's own text.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bot.render.blocks import Blocks, Fence, line_end
from bot.render.looks import looks
from bot.render.sizes import PartRoom, SizeMeter, boundaries, fitting
from bot.render.split import choose, resumed
from bot.render.unfinished import close_unfinished
from connectors.base import Limits
from connectors.markdown import form
from connectors.words import Language, Sentence

# The layout of a growing answer in parts.


_VISIBLE = re.compile(r"\S")


@dataclass(frozen=True, slots=True)
class Piece:
    """One part of an answer: a slice of its text, with decoration.

    `lead + body + trail` is the slice. `head` and `tail` are decoration: a fence that is reopened
    or closed, a table's repeated header, the marks of a list or quote that continues, a note, a
    line of ours between two stretches of the answer.
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
        """The message's text."""
        return self.head + self.body + self.tail

    @property
    def extent(self) -> int:
        """How many characters of the answer it accounts for."""
        return len(self.lead) + len(self.body) + len(self.trail)


_FENCE = 3
"""Backticks of a fence in Markdown."""
_RUN = re.compile("`+")
_CODE_LINES = 2 * len("```\n")
"""Characters that a fence adds to a text."""


_ITEM = re.compile(r"(?:[-+*]|\d{1,9}[.)])(?:\s|$)")
_LINE_ENDS = ("\n", "\r")


def for_literal(limits: Limits) -> Limits:
    """The limits for a layout whose parts will be made `literal`: room for the fence is left."""
    return replace(limits, length=limits.length - min(_CODE_LINES, limits.length // 4))


def literal(piece: Piece) -> Piece:
    """A piece as one code block, so that nothing in it is read as markup."""
    runs = map(len, _RUN.findall(piece.body))
    fence = "`" * max(_FENCE, 1 + max(runs, default=0))
    return replace(piece, head=f"{fence}\n", tail=f"\n{fence}")


class Layout:
    """An answer in parts, updated while it grows, in time linear in its length.

    Only the last part ever changes. A part is cut once a visible character doesn't fit, and where
    it is cut depends on nothing that comes later. Text without a visible character makes no part.
    """

    def __init__(self, limits: Limits, before: str = "") -> None:
        """`before` is the answer up to here, whose fence, quote or list may continue.

        Raises `ValueError` for limits too small to hold a fence and a character.
        """
        self._room = PartRoom.of(limits)
        self._new: list[str] = []
        self._fixed: list[Piece] = []
        self._lead = ""
        self._space = ""
        # A part's head has two pieces: lines of ours (`mark`), then what continues in it.
        self._marks = ""
        self._resumed = resumed(before, "", self._room) if before else ""
        self._begin(self._resumed, "", within=bool(before) and not before.endswith(_LINE_ENDS))

    @property
    def fixed(self) -> Sequence[Piece]:
        """The parts that will not change any more."""
        self._lay_out()
        return self._fixed

    @property
    def text(self) -> str:
        """Everything that was appended."""
        self._lay_out()
        fixed = "".join(piece.lead + piece.body + piece.trail for piece in self._fixed)
        return fixed + self._lead + self._body + self._space

    def append(self, text: str) -> None:
        """Adds the next characters. They are laid out when the parts are read, not per token."""
        self._new.append(text)

    def mark(self, text: str) -> None:
        """Begins a new part here, with a line of ours; the line is left out if it doesn't fit.

        It appears once a visible character follows.
        """
        self._lay_out()
        if self._body:
            self._break()
        marks = f"{self._marks}{text.strip()}\n\n"
        if self._room.begins(marks + self._resumed):
            self._marks = marks
            self._begin(marks + self._resumed, "")

    def pieces(self) -> list[Piece]:
        """All parts so far. White space at the end is not shown until more text comes."""
        self._lay_out()
        if not self._body:
            return self._with_space_at_the_end()
        last = Piece(self._lead, self._head, self._body, self._last_tail(), self._space)
        return [*self._fixed, last]

    def _lay_out(self) -> None:
        if not self._new:
            return
        text, self._new = "".join(self._new), []
        # In steps of a part's length, so that one long text takes no more than linear time.
        step = self._room.limits.length
        for start in range(0, len(text), step):
            self._add(text[start : start + step])

    def _with_space_at_the_end(self) -> list[Piece]:
        """The parts, if only white space has come since the last one: it belongs to its trail."""
        if not (self._fixed and self._space):
            return list(self._fixed)
        *before, last = self._fixed
        return [*before, replace(last, trail=last.trail + self._space)]

    def _add(self, text: str) -> None:
        # White space at the end waits: what follows decides if it belongs to the body or the trail.
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
        """How many of the body's characters fit."""
        fits, room = self._meter.fits(self._body), self._room.body(self._head)
        if self._size > room:
            fits = min(fits, fitting(self._body, room, self._room.limits.units))
        return fits

    def _break(self) -> None:
        """Ends the part here; what follows goes into a new one."""
        tail = self._last_tail()
        head = resumed(self._body + self._space, self._context, self._room)
        self._fixed.append(Piece(self._lead, self._head, self._body, tail, self._space))
        self._lead = self._space = ""
        self._marks, self._resumed = "", head
        self._begin(head, "")

    @property
    def _context(self) -> str:
        """The head as it is read. What begins within a line opens no list there, whatever it looks
        like: nothing of it is repeated in the next part.
        """
        within = self._within and not self._head and _ITEM.match(self._body)
        return "x" if within else self._head

    def _begin(self, head: str, body: str, *, within: bool = False) -> None:
        """Begins a part with this head and body; `within` a line, or at the start of one."""
        self._head, self._body, self._within = head, body, within
        self._size = self._room.limits.units(body)
        self._meter = SizeMeter(self._room, head)
        whole, _, self._begun = head.rpartition("\n")
        self._blocks = Blocks()
        self._blocks.read(whole)
        self._read_to = 0

    def _cut(self, fits: int) -> None:
        """Ends the part where it is best, since its body doesn't fit; the rest begins the next."""
        over = _VISIBLE.search(self._body, fits)
        assert over is not None  # noqa: S101 - the body ends with a visible character
        cut = choose(self._body[: over.end()], fits, self._context, self._room)
        blocks = Blocks()
        blocks.read(self._context + self._body[: cut.end])
        tail = self._closing(blocks.fence)
        # Platforms strip white space at a message's end, unless a tail follows it.
        end = cut.end if tail else len(self._body[: cut.end].rstrip())
        body, trail = self._body[:end], self._body[end : cut.next]
        self._fixed.append(Piece(self._lead, self._head, body, tail, trail))
        self._lead = self._marks = ""
        self._resumed = cut.head
        within = not self._body[: cut.next].endswith(_LINE_ENDS)
        self._begin(cut.head, self._body[cut.next :], within=within)

    def _last_tail(self) -> str:
        """The line that closes a fence still open at the end. Reads each whole line only once."""
        if not self._read_to:
            self._begun = self._context.rpartition("\n")[2]
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
    """Lays out a whole text. The parts of a prefix are these parts, except for its last one."""
    whole = Layout(limits)
    whole.append(text)
    return whole.pieces()


def with_note(pieces: Sequence[Piece], note: str, limits: Limits) -> list[Piece]:
    """Adds a note below the last part, or as a part of its own if it doesn't fit there.

    A note that is too long for a part is shortened.
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


# A model's reasoning, as a quote in parts of its own.


_TITLE = "> _{}_\n>\n> "
_LINE_END = re.compile(r"\r\n?|[\n\v\f\x1c-\x1e\x85\u2028\u2029]")


class Thoughts:
    """A growing quote of the reasoning.

    Its parts are decoration only: they are no part of the answer, which the receipt compares.
    """

    def __init__(self, limits: Limits, language: Language = Language.ENGLISH) -> None:
        self._layout = Layout(limits)
        self._title = _TITLE.format(Sentence("answer.thoughts").to(language).text)

    def append(self, text: str) -> None:
        """Adds the next characters."""
        begun = "" if self._layout.text else self._title
        self._layout.append(begun + _LINE_END.sub("\n> ", text))

    def pieces(self) -> list[Piece]:
        """The parts so far."""
        return [_decoration(piece) for piece in self._layout.pieces()]

    def fixed(self) -> list[Piece]:
        """The parts that will not change any more."""
        return [_decoration(piece) for piece in self._layout.fixed]


def _decoration(piece: Piece) -> Piece:
    return replace(piece, lead="", head=piece.head + piece.body, body="", trail="")


# From what a platform's client shows back to the answer's text.


_MARKS = tuple("`~*_")
_NEARBY = 8
"""Characters on both sides of the estimated end of what is shown that are searched for the exact
one: as many as the marks that can be unclosed there."""
_FAR = 256
"""Characters on both sides of a first guess that are searched for the estimate."""


def shows_below(shown: str, piece: Piece, above: str) -> bool:
    """Whether a message shows a piece, maybe after what the message above it did not give up.

    `above` is the answer up to the piece.
    """
    text = form(piece.text)
    more = shown.removesuffix(text)
    if not piece.body.strip() or more == shown:
        return shown == text
    return form(above).endswith(more.rstrip())


def restore(pieces: Sequence[Piece], shown: Sequence[str]) -> str:
    """The text that messages show, without decoration and with the white space that was left off.

    A piece that is shown completely is restored as it was generated. Of any other piece, the part
    that is shown is restored, followed by whatever the message shows instead of the rest: a
    difference stays a difference. Messages beyond the pieces are taken as they are.
    """
    undone = [_undo(piece, text) for piece, text in zip(pieces, shown, strict=False)]
    return "".join([*undone, *shown[len(pieces) :]])


def _undo(piece: Piece, shown: str) -> str:
    if shown == form(piece.text) or _shows(piece.head + piece.body, shown):
        return piece.lead + piece.body + piece.trail
    found = as_seen(piece, shown)
    surplus = shown[len(form(piece.head + found.body)) :]
    text = piece.lead + found.body + surplus
    # The surplus may be markup that the client drew literally. It must not complete the answer.
    return piece.lead + found.body if text == piece.lead + piece.body + piece.trail else text


def undecorated(pieces: Sequence[Piece], sources: Sequence[str]) -> str:
    """The answer's text in the Markdown source of messages, without decoration.

    Decoration that a message does not have is not missed; what is there is kept.
    """
    pairs = zip(pieces, sources, strict=False)
    undone = [
        piece.lead + source.removeprefix(piece.head).removesuffix(piece.tail) + piece.trail
        for piece, source in pairs
    ]
    return "".join([*undone, *sources[len(pieces) :]])


def as_sent(piece: Piece, text: str) -> Piece:
    """The piece of a message that is sent as `text`, which is `piece.text` with its markup closed.

    Its body is as much of the piece's body as the text has from its start; the rest is decoration.
    """
    if text == piece.text:
        return piece
    rest = text.removeprefix(piece.head)
    head = text[: len(text) - len(rest)]
    same = first_difference(rest[: len(piece.body)], piece.body)
    if same is None:
        tail = rest[len(piece.body) :]
        body = piece.body.rstrip(tail[:1]) if tail[:1] in _MARKS else piece.body
        if body != piece.body:  # its last marks, which may be text, now merge with the closing ones
            return Piece(piece.lead, head, body, rest[len(body) :], "")
        return replace(piece, head=head, tail=tail)
    return Piece(piece.lead, head, rest[:same], rest[same:], "")


def as_seen(piece: Piece, text: str) -> Piece:
    """The piece as a client shows it, with `text` on the screen.

    Its body is as much of the piece's body as the text shows from its start.
    """
    if text == form(piece.text):
        return piece
    end = _seen_up_to(piece.head, piece.body, text)
    whole = end == len(piece.body)
    return replace(piece, body=piece.body[:end], tail="", trail=piece.trail if whole else "")


def _seen_up_to(head: str, body: str, text: str) -> int:
    """How many of a body's characters a text shows: exactly, or up to its last whole line."""
    look, exact = looks(head, body), None
    about = _about(len(text), len(look.seen(len(body))), len(body), look.seen)
    for end in range(max(0, about - _NEARBY + 1), min(len(body), about + _NEARBY) + 1):
        if text == look.seen(end) or text == look.closed(end):
            exact = end
    if exact is not None:
        return exact
    ends = [at for at in range(min(about, len(body)), 0, -1) if body[at - 1] == "\n"]
    ends += [0]
    reached = bisect_left(ends, True, key=lambda end: text.startswith(form(head + body[:end])))
    return ends[min(reached, len(ends) - 1)]


def _about(shown: int, whole: int, length: int, seen: Callable[[int], str]) -> int:
    """The index up to which a body looks as long as what is shown; mostly near its end.

    Searched near a guess first: for each index tried, the body has to be rendered.
    """
    guess = length - (whole - shown)
    near = range(max(0, guess - _FAR), max(0, min(length, guess + _FAR) + 1))
    found = bisect_left(near, shown, key=lambda end: len(seen(end)))
    if 0 < found < len(near):
        return near[found]
    return bisect_left(range(length + 1), shown, key=lambda end: len(seen(end)))


def _shows(begun: str, text: str) -> bool:
    """Whether a text is what a client shows of a part, with its markup closed or not."""
    return text == form(begun) or text == form(close_unfinished(begun))


def first_difference(one: str, other: str) -> int | None:
    """The index of the first character in which two texts differ; None if they are the same."""
    if one == other:
        return None
    pairs = enumerate(zip(one, other, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))
