"""Where a full part is cut, and the head of the next one: a fence, table, quote or list may
continue there.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from itertools import takewhile

from bot.render.blocks import (
    CODE_INDENT,
    IN_FENCE,
    Blocks,
    Containers,
    Fence,
    Line,
    LineKind,
    continuing,
    line_end,
    opening,
)
from bot.render.sizes import PartRoom, boundaries
from bot.render.unfinished import scan

_MARK_BEGUN = re.compile(r"`{1,2}|~{1,2}|[-+*]|\d+[.)]?")
"""An item's mark or a fence as it may look if the window ends within it."""


@dataclass(frozen=True, slots=True)
class LineState:
    """A line of the window: its start, what it is, the fence it is in, and its table's header."""

    at: int
    line: Line
    fence: Fence | None
    table: str


def read(text: str, head: str) -> Iterator[LineState]:
    """The lines of a part's text; `head` is the decoration before it."""
    blocks = Blocks()
    whole, _, begun = head.rpartition("\n")
    if whole:
        blocks.read(whole)
    at = 0
    while at < len(text):
        end, following = line_end(text, at)
        fence, table = blocks.fence, blocks.table
        line = blocks.feed(begun + text[at:end])
        yield LineState(
            at, line, blocks.fence if line.kind is LineKind.FENCE_OPEN else fence, table
        )
        at, begun = following, ""


def head_at(at: int, place: LineState, text: str, room: PartRoom) -> str:
    """The head of the next part if a window's text is cut at `at`, in the line at `place`.

    Decoration for which there is no room is left out, except for a bare fence.
    """
    after_text = bool(text[place.at : at].strip())
    fence = place.fence
    if fence is not None and (after_text or place.line.kind in IN_FENCE):
        return _reopened(fence, place.line.kind, at > place.at, room)
    mark_begun = _MARK_BEGUN.fullmatch(text, at) is not None
    head = "" if after_text else _header(place)
    head = head or _around(place.line, after_text, mark_begun)
    return head if room.begins(head) else ""


def _reopened(fence: Fence, kind: LineKind, within: bool, room: PartRoom) -> str:
    """The fence opened again; without its info string, or as a bare fence, if there is no room."""
    info = fence.info if kind in IN_FENCE else ""
    begun = continuing(fence.containers) if within else ""
    around = opening(fence.containers) + fence.run
    if room.closes("\n" + fence.closing):
        for head in (f"{around}{info}\n{begun}", f"{around}\n{begun}"):
            if room.begins(head):
                return head
    return fence.run[0] * 3 + "\n"


def _header(place: LineState) -> str:
    """The header of the table that continues at a place, or nothing."""
    repeatable = place.line.kind is LineKind.TABLE_ROW and not place.line.containers
    return place.table.lstrip() + "\n" if repeatable else ""


def _around(line: Line, after_text: bool, mark_begun: bool) -> str:
    """The marks of the quotes and lists that continue, if the text would read otherwise without.

    That is so in a quote, before a nested item or fence (whose further lines would be indented too
    far), and in lists so deep that a fence in them would be indented like code.
    """
    containers = line.containers if after_text else _lists(line.kept)
    quoted = any(not container.width for container in containers)
    nested = not after_text and (line.item or mark_begun or line.kind is LineKind.FENCE_OPEN)
    far_in = sum(container.width for container in containers) >= CODE_INDENT
    return opening(containers) if quoted or nested or far_in else ""


def _lists(containers: Containers) -> Containers:
    """The list items outside any quote: platforms strip their indentation at a message's start."""
    return tuple(takewhile(lambda container: container.width > 0, containers))


# Where a full part is cut.
#
# The decision sees only the window: the part's text up to the first visible character that doesn't
# fit. So it is the same for every answer that begins like this one.
#
# The kinds of places are tried in this order, and of a kind the last place that fits is taken. A
# place counts only if the part is at least this full:
#
# - a quarter: before a table, list or fence that would be cut in two
# - half: between blocks; between the items or blocks of one; between lines; after a sentence
# - a tenth: between words, outside inline markup
# - a tenth: where it reads badly: within inline markup, after a heading, between a list item's mark
#   and its text, before a fence's last line
# - otherwise between graphemes, and within a grapheme only if that is longer than a part


_GAP = re.compile(r"\s+|(?<=[。！？])(?=[^\s。！？」』）”’])")
_SENTENCE = re.compile(r"[.!?…。！？][\"'”’»)\]*_」』）]*\Z")
_SENTENCE_LOOK = 12
"""Characters before a gap in which a sentence's end, with closing marks after it, is searched."""
_ITEM_MARK = re.compile(r"\s*(?:>\s*)*(?:(?:[-+*]|\d+[.)])\s+(?:\[[ xX]\]\s+)?)*")
_BLOCK_MARK = re.compile(r"`{3}|~{3}|>|#{1,6}\s|[-+*]\s|\d+[.)]\s")
_BEGINNINGS = (LineKind.HEADING, LineKind.FENCE_OPEN, LineKind.TABLE_RULE)
"""Kinds of lines that mean little without the next line."""
_KEPT_WHOLE = (LineKind.TABLE_RULE, LineKind.TABLE_ROW, LineKind.FENCE_OPEN, *IN_FENCE)


class Rank(IntEnum):
    """How good a place for a cut is; the best has the lowest value."""

    WHOLE = 0
    BLOCK = 1
    ITEM = 2
    LINE = 3
    SENTENCE = 4
    WORD = 5
    POOR = 6


_LEAST = {
    Rank.WHOLE: 1 / 4,
    Rank.BLOCK: 1 / 2,
    Rank.ITEM: 1 / 2,
    Rank.LINE: 1 / 2,
    Rank.SENTENCE: 1 / 2,
    Rank.WORD: 1 / 10,
    Rank.POOR: 1 / 10,
}
"""How full a part must at least be for a cut of each rank."""


@dataclass(frozen=True, slots=True)
class CutPoint:
    """A cut: the body ends at `end`, and the next one begins at `next`, after its `head`.

    Both are indexes into the window; between them is only white space.
    """

    end: int
    next: int
    head: str


@dataclass(frozen=True, slots=True)
class _Candidate:
    rank: Rank
    end: int
    next: int


def choose(window: str, fits: int, head: str, room: PartRoom) -> CutPoint:
    """Decides where to cut a window, of which the first `fits` characters fit.

    `head` is the part's decoration before it.
    """
    return _Window(window, head, fits).cut(room)


def resumed(text: str, head: str, room: PartRoom) -> str:
    """The head of the next part if one ends after `text`, whatever follows."""
    window = text + "x"
    place = list(read(window, head))[-1]
    return head_at(len(text), place, window, room)


class _Window:
    def __init__(self, text: str, head: str, fits: int) -> None:
        self._text = text
        self._fits = fits
        self._places = list(read(text, head))
        self._starts = [place.at for place in self._places]
        self._boundaries = boundaries(text)
        self._leaf = self._last_leaf()
        self._spans = self._inline_spans()

    def cut(self, room: PartRoom) -> CutPoint:
        chosen = self._best() or self._between_graphemes()
        head = head_at(chosen.next, self._place(chosen.next), self._text, room)
        return CutPoint(chosen.end, chosen.next, head)

    def _best(self) -> _Candidate | None:
        found = [
            candidate
            for candidate in (*self._wholes(), *self._between_lines(), *self._within_leaf())
            if 0 < candidate.end <= self._fits and candidate.next in self._boundaries
        ]
        # A rank's turn includes all better ranks, since its minimum may be lower than theirs.
        for rank, least in _LEAST.items():
            good = [c for c in found if c.rank <= rank and c.end >= least * self._fits]
            if good:
                return good[0] if rank is Rank.WHOLE else max(good, key=lambda c: c.next)
        in_opening_line = [c for c in found if c.next == self._starts[-1]]
        return (
            in_opening_line[0]
            if self._last.kind is LineKind.FENCE_OPEN and in_opening_line
            else None
        )

    def _between_graphemes(self) -> _Candidate:
        at = max(boundary for boundary in self._boundaries if boundary <= self._fits)
        return self._candidate(Rank.POOR, at or max(1, self._fits))

    @property
    def _last(self) -> Line:
        return self._places[-1].line

    def _place(self, at: int) -> LineState:
        return self._places[bisect_right(self._starts, at) - 1]

    def _candidate(self, rank: Rank, at: int) -> _Candidate:
        """A cut at a position. White space around it is dropped; in a fence, only a line break."""
        place = self._place(at)
        if place.line.kind in IN_FENCE or (
            place.line.kind is LineKind.FENCE_OPEN and at > place.at
        ):
            ended = at == place.at
            swallowed = (2 if self._text[:at].endswith("\r\n") else 1) if ended else 0
            return _Candidate(rank, at - swallowed, at)
        rest = self._text[at:]
        return _Candidate(rank, len(self._text[:at].rstrip()), at + len(rest) - len(rest.lstrip()))

    # Between lines.

    def _between_lines(self) -> Iterator[_Candidate]:
        before: Line | None = None
        for place in self._places:
            if place.line.kind is LineKind.BLANK:
                continue
            if before is not None:
                yield self._candidate(self._rank_between(before, place), place.at)
            before = place.line

    def _rank_between(self, before: Line, place: LineState) -> Rank:
        line = place.line
        if before.kind in _BEGINNINGS or self._belongs_above(place) or self._in_span(place.at):
            return Rank.POOR
        if line.root:
            return Rank.BLOCK
        return Rank.ITEM if line.starts else Rank.LINE

    def _belongs_above(self, place: LineState) -> bool:
        """Whether a line ends what is above it, or would be read as a fence at a part's start."""
        bare = self._text[place.at :].lstrip()
        match place.line.kind:
            case LineKind.FENCE_CLOSE | LineKind.TABLE_RULE:
                return True
            case LineKind.RULE:
                return not place.line.starts
            case LineKind.TEXT:
                # The window may end within a table's delimiter row.
                begun = place.line is self._last and not bare.strip("|:- ")
                return begun or bare.startswith(("```", "~~~"))
            case LineKind.FENCE_BODY if place.line is self._last and place.fence is not None:
                return not bare.rstrip().strip(place.fence.run[0])
        return False

    # Before what would be cut in two.

    def _wholes(self) -> Iterator[_Candidate]:
        """Before the list, then before the table or fence, in which the window ends."""
        root = max((i for i, place in enumerate(self._places) if place.line.root), default=0)
        if self._places[root].line.item:
            yield self._candidate(Rank.WHOLE, self._starts[self._with_heading(root)])
        if self._last.kind in _KEPT_WHOLE:
            yield self._candidate(Rank.WHOLE, self._starts[self._with_heading(self._leaf)])

    def _with_heading(self, index: int) -> int:
        """The line's index, or that of the heading directly above it, which must stay with it."""
        above = index - 1
        while above > 0 and self._places[above].line.kind is LineKind.BLANK:
            above -= 1
        return above if above > 0 and self._places[above].line.kind is LineKind.HEADING else index

    def _last_leaf(self) -> int:
        """The index of the line that begins the paragraph, table or fence the window ends in."""
        index = len(self._places) - 1
        while index > 0 and not self._places[index].line.starts:
            index -= 1
            if self._places[index + 1].line.kind is LineKind.TABLE_RULE:
                break
        return index

    # Within a line.

    def _within_leaf(self) -> Iterator[_Candidate]:
        if self._last.kind is LineKind.FENCE_OPEN:
            return
        in_fence = self._last.kind in IN_FENCE
        start = self._starts[-1 if in_fence else self._leaf]
        for found in _GAP.finditer(self._text, start):
            at = found.end()
            if self._text[self._place(at).at : at].strip():
                rank = Rank.WORD if in_fence else self._rank_within(found.start(), at)
                yield self._candidate(rank, at)

    def _rank_within(self, end: int, at: int) -> Rank:
        line = self._text[self._place(at).at : at]
        if _ITEM_MARK.fullmatch(line) or _BLOCK_MARK.match(self._text, at) or self._in_span(at):
            return Rank.POOR
        before = self._text[max(0, end - _SENTENCE_LOOK) : end]
        return Rank.SENTENCE if _SENTENCE.search(before) else Rank.WORD

    def _in_span(self, at: int) -> bool:
        return any(start < at < end for start, end in self._spans)

    def _inline_spans(self) -> list[tuple[int, int]]:
        if self._last.kind in (LineKind.FENCE_OPEN, *IN_FENCE):
            return []
        start = self._starts[self._leaf]
        found = scan(self._text[start:])
        spans = [(start + a, start + b) for a, b in found.spans]
        return spans + [(start + mark.at, len(self._text)) for mark in found.open]
