"""Parses Markdown's blocks line by line: which quotes, lists, fence or table each line is in.

It follows CommonMark, and GFM's tables, as far as a layout needs it. HTML blocks and link
definitions are read as text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

_FENCE = re.compile(r"(`{3,})([^`]*)|(~{3,})(.*)", re.S)
_HEADING = re.compile(r"#{1,6}(\s|$)")
_RULE = re.compile(r"([-*_])[ ]*(\1[ ]*){2,}|=+[ ]*")
_TABLE_RULE = re.compile(r"\|?[ ]*:?-+:?[ ]*(\|[ ]*:?-+:?[ ]*)*\|?[ ]*")
_ITEM = re.compile(r"([-+*]|\d{1,9}[.)])( +|$)")
_LINE = re.compile(r"[^\r\n]*(\r\n|\n|\r|$)")

CODE_INDENT = 4
"""Columns of indentation from which on a line is code and can't open a block."""

_DEEPEST = 20
"""Most quotes and lists that one line opens: bounds the work for a line of nothing but marks."""


class LineKind(Enum):
    """What a line is."""

    BLANK = auto()
    TEXT = auto()
    HEADING = auto()
    RULE = auto()
    TABLE_RULE = auto()
    TABLE_ROW = auto()
    FENCE_OPEN = auto()
    FENCE_BODY = auto()
    FENCE_CLOSE = auto()


IN_FENCE = (LineKind.FENCE_BODY, LineKind.FENCE_CLOSE)
"""The lines of a fence after the one that opened it."""


@dataclass(frozen=True, slots=True)
class Nesting:
    """A quote or a list item that a line is in.

    `width` is how many columns a list item's content is indented; it is 0 for a quote.
    """

    opening: str
    width: int

    @property
    def continuing(self) -> str:
        """The start of each of its further lines."""
        return " " * self.width if self.width else self.opening


Containers = tuple[Nesting, ...]


def opening(containers: Containers) -> str:
    """The marks that open these containers, the outermost first."""
    return "".join(container.opening for container in containers)


def continuing(containers: Containers) -> str:
    """The start of each further line in these containers."""
    return "".join(container.continuing for container in containers)


@dataclass(frozen=True, slots=True)
class Fence:
    """An open code fence: the containers it is in, its run of ` or ~, and its info string."""

    containers: Containers
    run: str
    info: str

    @property
    def closing(self) -> str:
        """The line that closes it."""
        return continuing(self.containers) + self.run


@dataclass(frozen=True, slots=True)
class Line:
    """A line that was read.

    `starts`: it begins a block, so no paragraph, table or fence continues in it. `root`: that
    block is in no container. `item`: it opens a list item. `kept` are the containers that continue
    from the line before, `containers` all that it is in.
    """

    kind: LineKind
    starts: bool = False
    root: bool = False
    item: bool = False
    kept: Containers = ()
    containers: Containers = ()


class Blocks:
    """The parser's state between two lines. `feed` takes whole lines without their ends."""

    def __init__(self) -> None:
        self.fence: Fence | None = None
        self.table = ""
        """Header and delimiter row of the table that the next line may continue; empty if none."""
        self._containers: Containers = ()
        self._paragraph: str | None = None
        self._in_list = False

    def copy(self) -> Blocks:
        """A copy, on which a line can be tried."""
        other = Blocks()
        other.__dict__.update(self.__dict__)
        return other

    def read(self, text: str) -> list[Line]:
        """Reads all lines of a text."""
        lines, at = [], 0
        while at < len(text):
            end, following = line_end(text, at)
            lines.append(self.feed(text[at:end]))
            at = following
        return lines

    def feed(self, line: str) -> Line:
        """Reads the next line."""
        rest, depth = self._descend(line.expandtabs(CODE_INDENT))
        kept = self._containers[:depth]
        if self.fence is not None and kept == self._containers:
            return self._in_fence(rest, self.fence)
        self.fence = None
        if not rest.strip():
            self._containers, self._paragraph, self.table = kept, None, ""
            return Line(LineKind.BLANK, kept=kept, containers=kept)
        return self._outside(line, rest, kept)

    def _descend(self, rest: str) -> tuple[str, int]:
        """Removes the marks that continue the open containers; returns how many continue."""
        for depth, container in enumerate(self._containers):
            bare = rest.lstrip(" ")
            indent = len(rest) - len(bare)
            if container.width:
                if bare and indent < container.width:
                    return rest, depth
                rest = rest[container.width :]
            elif bare.startswith(">") and indent < CODE_INDENT:
                rest = bare[1:].removeprefix(" ")
            else:
                return rest, depth
        return rest, len(self._containers)

    def _in_fence(self, rest: str, fence: Fence) -> Line:
        bare = rest.strip(" ")
        closes = set(bare) == {fence.run[0]} and len(bare) >= len(fence.run)
        kind = LineKind.FENCE_BODY
        if closes and len(rest) - len(rest.lstrip(" ")) < CODE_INDENT:
            self.fence, kind = None, LineKind.FENCE_CLOSE
        return Line(kind, kept=self._containers, containers=self._containers)

    def _outside(self, line: str, rest: str, kept: Containers) -> Line:
        flowing = self._paragraph is not None
        opened, rest = _open(rest, flowing and kept == self._containers)
        # CommonMark's "lazy continuation": a paragraph's next line may omit its containers' marks.
        kind = self._kind(rest, flowing and not opened)
        lazy = kind is LineKind.TEXT and flowing and not opened
        containers = self._containers if lazy else kept + opened
        starts = self._starts(kind, flowing and not opened)
        root = starts and not kept and not self._same_list(opened)
        self._containers = containers
        if not lazy and not kept:
            self._in_list = bool(containers) and containers[0].width > 0
        self._note(kind, line, rest)
        item = any(container.width for container in opened)
        return Line(kind, starts, root, item, containers if lazy else kept, containers)

    def _kind(self, rest: str, flowing: bool) -> LineKind:
        bare = rest.lstrip(" ")
        if len(rest) - len(bare) >= CODE_INDENT:
            return LineKind.TEXT
        if _FENCE.fullmatch(bare):
            return LineKind.FENCE_OPEN
        if _HEADING.match(bare):
            return LineKind.HEADING
        if flowing and "|" in (self._paragraph or "") and _is_table_rule(bare):
            return LineKind.TABLE_RULE
        if _RULE.fullmatch(bare):
            return LineKind.RULE
        return LineKind.TABLE_ROW if self.table else LineKind.TEXT

    def _starts(self, kind: LineKind, flowing: bool) -> bool:
        if kind in (LineKind.TABLE_RULE, LineKind.TABLE_ROW):
            return False
        return not (flowing and kind in (LineKind.TEXT, LineKind.RULE))

    def _same_list(self, opened: Containers) -> bool:
        return self._in_list and bool(opened) and opened[0].width > 0

    def _note(self, kind: LineKind, line: str, rest: str) -> None:
        """Keeps what the reading of the next line depends on."""
        if kind is LineKind.TABLE_RULE:
            self.table = f"{self._paragraph}\n{line}"
        elif kind is not LineKind.TABLE_ROW:
            self.table = ""
        self._paragraph = line if kind is LineKind.TEXT else None
        if kind is LineKind.FENCE_OPEN:
            bare = rest.strip()
            run = bare[: len(bare) - len(bare.lstrip(bare[0]))]
            self.fence = Fence(self._containers, run, bare[len(run) :].strip())


def _is_table_rule(bare: str) -> bool:
    return "|" in bare and _TABLE_RULE.fullmatch(bare) is not None


def _open(rest: str, flowing: bool) -> tuple[Containers, str]:
    """The containers that a line opens, and the rest of the line."""
    opened: list[Nesting] = []
    while len(opened) < _DEEPEST:
        bare = rest.lstrip(" ")
        indent = len(rest) - len(bare)
        if indent >= CODE_INDENT or not bare:
            break
        if bare.startswith(">"):
            opened.append(Nesting("> ", 0))
            rest = bare[1:].removeprefix(" ")
        elif (item := _item(bare, flowing and not opened)) is not None:
            mark, spaces = item
            taken = indent + len(mark) + spaces
            opened.append(Nesting(mark + " " * spaces, taken))
            rest = rest[taken:]
        else:
            break
    return tuple(opened), rest


def _item(bare: str, flowing: bool) -> tuple[str, int] | None:
    """A list item's mark and the number of spaces that belong to it; None if it is no item."""
    found = _ITEM.match(bare)
    if found is None or _RULE.fullmatch(bare):
        return None
    mark, spaces, content = found[1], len(found[2]), bare[found.end() :]
    # CommonMark: a paragraph is interrupted only by an item with content, numbered 1 if at all.
    if flowing and (not content or (mark[0].isdigit() and mark[:-1] != "1")):
        return None
    return mark, spaces if content and spaces <= CODE_INDENT else 1


def line_end(text: str, start: int) -> tuple[int, int]:
    """The end of the line that begins at `start`, before and after its line break."""
    found = _LINE.match(text, start)
    assert found is not None  # noqa: S101 - the pattern matches the empty string
    return found.start(1), found.end()
