"""Reads a slice of Markdown line by line into blocks, in time linear in its length.

CommonMark with GFM's tables and task lists. HTML makes no block and nothing is defined for later
use, so that what a slice means depends on what came before it in one way only: the `State`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from connectors.markdown import inlines
from connectors.markdown.nodes import (
    Align,
    Block,
    Blocks,
    CodeBlock,
    Heading,
    Inlines,
    Item,
    List,
    Paragraph,
    Quote,
    Rule,
    Table,
)

DEEPEST = 20
"""So deep may quotes and lists be nested; marks further in are text."""

_CODE_INDENT = 4
_UNSAFE = re.compile("[\0\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_LINE = re.compile(r"\r\n|\n|\r")
_FENCE = re.compile(r"(`{3,})([^`]*)|(~{3,})(.*)", re.S)
_HEADING = re.compile(r"(#{1,6})(?:[ \t]+|$)")
_HEADING_END = re.compile(r"(?:^|[ \t])#+[ \t]*\Z")
_SETEXT = re.compile(r"(?:=+|-+)[ \t]*")
_RULE = re.compile(r"([-*_])[ \t]*(?:\1[ \t]*){2,}")
_ITEM = re.compile(r"([-+*]|\d{1,9}[.)])(?=[ \t]|$)", re.A)
_TASK = re.compile(r"\[([ xX])\][ \t]+(?=\S)")
_DELIMITER = re.compile(r"[ \t]*(:?)-+(:?)[ \t]*")
_CELL_END = re.compile(r"(?<!\\)\|")
_BR_AT_END = re.compile(r"<br\s*+/?+>[ \t]*\Z", re.I)
_BR_AT_START = re.compile(r"\s*+<br\s*+/?+>", re.I)


@dataclass(frozen=True, slots=True)
class Container:
    """An open quote (`>`), or an open list item and the columns by which its content stands in."""

    mark: str
    width: int = 0
    empty: bool = False
    """An item with nothing in it yet."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """The block that the last line stands in, as far as the next line's reading depends on it.

    `run` is a fence's, `indent` the columns by which it stands in; `blanks` are blank lines of
    indented code that belong to it if more of it follows. `opening` says that the line which
    makes this block (a table's delimiters, a heading's underline) may not be over.
    """

    kind: Literal["paragraph", "heading", "fence", "code", "table"]
    run: str = ""
    indent: int = 0
    info: str = ""
    level: int = 0
    aligns: tuple[Align, ...] = ()
    blanks: tuple[str, ...] = ()
    opening: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """Where a slice ended: what the reading of the next one depends on.

    `pending` is the beginning of a line of which nothing can be seen yet: it is read with what
    follows. `begun` says that the slice ended within a line, of which something can be seen;
    `glue` is what stands there between the two slices' forms: nothing, a space, a tab (between two
    cells) or a line end. `last` is the last character, `after_return` says that it was a \\r.
    """

    containers: tuple[Container, ...] = ()
    leaf: Leaf | None = None
    pending: str = ""
    begun: bool = False
    glue: str = "\n"
    last: str = ""
    after_return: bool = False


START = State()
"""Where every text begins."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A slice's blocks, the state after it, and what joins its form to the one before it."""

    blocks: Blocks
    after: State
    glue: str


def parse(text: str, state: State = START) -> Parsed:
    """Reads a slice."""
    return _BlockReader(state).read(safe(text))


def safe(text: str) -> str:
    """The text with U+FFFD for what reorders the text around it, for NUL and surrogates."""
    return _UNSAFE.sub("\ufffd", text)


@dataclass(slots=True)
class _Leaf:
    """A block without blocks in it, being read."""

    state: Leaf
    lines: list[str] = field(default_factory=list)
    blanks: list[str] = field(default_factory=list)
    continued: bool = False
    begun: bool = False
    """Its first line goes on in the middle of one."""
    header: bool = True
    underlined: bool = False
    source: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Box:
    """A quote or item being read, or the whole."""

    container: Container
    continued: bool = False
    children: list[_Box | _Leaf | Rule] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether there is nothing in it, in this slice and those before."""
        return not self.children and (self.container.empty or not self.continued)


class _BlockReader:
    def __init__(self, state: State) -> None:
        self._state = state
        self._root = _Box(Container(""))
        self._stack = [self._root]
        for container in state.containers:
            self._push(container, continued=True)
        self._leaf: _Leaf | None = None
        if state.leaf is not None:
            self._leaf = _Leaf(state.leaf, [], [*state.leaf.blanks], continued=True, header=False)
            self._stack[-1].children.append(self._leaf)
        self._seen = False  # whether something of the last line can be seen

    def read(self, text: str) -> Parsed:
        state, given = self._state, text
        if state.after_return:
            text = text.removeprefix("\n")
        text = state.pending + text
        if not text:
            return Parsed((), replace(state, after_return=state.after_return and not given), "\n")
        glue = self._glue(text)
        *whole, last = _LINE.split(text)
        begun = state.begun
        for line in whole:
            self._feed(line, begun)
            begun = False
        before = self._now()
        after_return = text[-1] == "\r"
        if not last:
            after = replace(before, begun=begun, last="", after_return=after_return)
            return Parsed(self._blocks(), after, glue)
        self._feed(last, begun)
        if self._seen or begun:
            end = self._ended(last)
            after = replace(self._now(), begun=True, glue=end, last=last[-1])
        else:
            after = replace(before, pending=last)
        return Parsed(self._blocks(), after, glue)

    def _glue(self, text: str) -> str:
        """What stands between the form of the slice before and this one's."""
        state = self._state
        rest = _LINE.split(text, maxsplit=1)[0]
        if not state.begun:
            return "\n"
        if self._verbatim():
            return ""
        if not rest.strip() or _BR_AT_START.match(rest):
            return "\n"
        if self._leaf is not None and self._leaf.state.kind == "table":
            bar = rest.lstrip(" \t").startswith("|")
            if bar:
                return "\t\t" if state.glue == "\t" else "\t"
        return state.glue or (" " if rest[0].isspace() else "")

    def _ended(self, line: str) -> str:
        """The glue after a line that isn't over."""
        if self._verbatim():
            return ""
        leaf, before = self._leaf, self._state
        if not line.strip():
            return before.glue or " "
        if (leaf is not None and leaf.state.opening) or _BR_AT_END.search(line):
            return "\n"
        if leaf is not None and leaf.state.kind == "table" and _ends_in_bar(line):
            return "\t"
        return " " if leaf is None or line[-1].isspace() else ""

    def _verbatim(self) -> bool:
        return self._leaf is not None and self._leaf.state.kind in ("fence", "code")

    def _now(self) -> State:
        containers = tuple(
            replace(box.container, empty=box.empty) if box.empty else box.container
            for box in self._stack[1:]
        )
        leaf = self._leaf
        if leaf is None:
            return State(containers)
        return State(containers, replace(leaf.state, blanks=tuple(leaf.blanks)))

    # Lines.

    def _feed(self, line: str, begun: bool) -> None:
        self._seen = False
        if begun:
            self._rest(line)
        else:
            self._line(line)

    def _rest(self, line: str) -> None:
        """What is left of a line that the slice before began."""
        leaf = self._leaf
        if leaf is None:
            if line.strip():
                self._paragraph(line)
            return
        opening = leaf.state.opening
        if opening and not line.strip("-=:| \t"):
            return
        leaf.state = replace(leaf.state, opening=False)
        if opening and leaf.state.kind == "heading":
            self._paragraph(line)
            return
        leaf.lines.append(line)
        leaf.begun = True
        self._seen = True

    def _line(self, line: str) -> None:
        leaf = self._leaf
        if leaf is not None:
            if leaf.state.kind == "heading":
                leaf = self._leaf = None
            elif leaf.state.opening:
                leaf.state = replace(leaf.state, opening=False)
        rest, depth = self._descend(_LineRest(line))
        whole = depth == len(self._stack)
        if whole and leaf is not None and self._goes_on(leaf, rest):
            return
        if rest.blank:
            self._close(depth)
            self._leaf = None
            return
        self._outside(rest, depth, leaf if leaf and leaf.state.kind == "paragraph" else None, whole)

    def _descend(self, rest: _LineRest) -> tuple[_LineRest, int]:
        """Takes off what continues the open containers; how many of the stack go on."""
        for depth, box in enumerate(self._stack[1:], 1):
            if box.container.width:
                if rest.blank:
                    if box.empty:
                        return rest, depth
                elif rest.indent < box.container.width:
                    return rest, depth
                rest = rest.without(box.container.width)
            elif rest.bare.startswith(">") and rest.indent < _CODE_INDENT:
                rest = rest.after_quote()
            else:
                return rest, depth
        return rest, len(self._stack)

    def _goes_on(self, leaf: _Leaf, rest: _LineRest) -> bool:
        """Whether a line stands in the code that is open; takes it then."""
        if leaf.state.kind == "fence":
            self._in_fence(leaf, rest)
            return True
        if leaf.state.kind == "code":
            return self._in_code(leaf, rest)
        if leaf.state.kind == "table" and not rest.blank and self._is_row(rest):
            self._add(leaf, rest.bare)
            return True
        return False

    def _in_fence(self, leaf: _Leaf, rest: _LineRest) -> None:
        run, bare = leaf.state.run, rest.bare.rstrip(" \t")
        closes = len(bare) >= len(run) and not bare.strip(run[0])
        if closes and rest.indent < _CODE_INDENT:
            self._leaf = None
        else:
            self._add(leaf, rest.without(leaf.state.indent).text)

    def _in_code(self, leaf: _Leaf, rest: _LineRest) -> bool:
        text = rest.without(_CODE_INDENT).text
        if rest.blank:
            leaf.blanks.append(text)
            return True
        if rest.indent < _CODE_INDENT:
            self._leaf = None
            return False
        leaf.lines += leaf.blanks
        leaf.blanks.clear()
        self._add(leaf, text)
        return True

    def _is_row(self, rest: _LineRest) -> bool:
        """Whether no other block begins in a line below a table."""
        bare = rest.bare
        if rest.indent >= _CODE_INDENT:
            return True
        return not (
            bare.startswith(">")
            or _ITEM.match(bare)
            or _HEADING.match(bare)
            or _FENCE.fullmatch(bare)
            or _RULE.fullmatch(bare)
        )

    def _outside(self, rest: _LineRest, depth: int, flowing: _Leaf | None, whole: bool) -> None:
        opened = False
        while len(self._stack) <= DEEPEST and (found := _opened(rest, flowing and whole)):
            container, rest = found
            if not opened:
                self._close(depth)
            self._leaf = flowing = None
            opened = True
            self._push(container)
            self._seen = self._seen or container.mark[0].isdigit()
        if rest.blank:
            return
        if flowing is not None and self._continues(rest, flowing, whole):
            self._add(flowing, rest.bare)
            return
        if not opened:
            self._close(depth)
        self._begin(rest, flowing if whole else None)

    def _continues(self, rest: _LineRest, flowing: _Leaf, whole: bool) -> bool:
        """Whether a line goes on with the paragraph, if only lazily."""
        if rest.indent >= _CODE_INDENT:
            return True
        bare = rest.bare
        if _FENCE.fullmatch(bare) or _HEADING.match(bare) or _RULE.fullmatch(bare):
            return False
        if not whole:
            return True
        return not (self._is_underline(bare, flowing) or _aligns(bare, flowing))

    def _is_underline(self, bare: str, flowing: _Leaf) -> bool:
        return bool(flowing.lines) and not flowing.continued and _SETEXT.fullmatch(bare) is not None

    def _begin(self, rest: _LineRest, flowing: _Leaf | None) -> None:
        """Begins the block that a line begins; or makes another one of the paragraph above."""
        self._leaf, bare = None, rest.bare
        if rest.indent >= _CODE_INDENT:
            self._add(self._new(Leaf("code")), rest.without(_CODE_INDENT).text)
        elif fence := _FENCE.fullmatch(bare):
            run, info = fence[1] or fence[3], fence[2] if fence[1] else fence[4]
            self._new(Leaf("fence", run, rest.indent, info.strip()))
        elif heading := _HEADING.match(bare):
            self._heading(len(heading[1]), bare[heading.end() :])
        elif flowing is not None and self._is_underline(bare, flowing):
            flowing.state = Leaf("heading", level=1 if bare[0] == "=" else 2, opening=True)
            flowing.underlined = True
            self._leaf = flowing
        elif flowing is not None and (aligns := _aligns(bare, flowing)):
            self._table(flowing, bare, aligns)
        elif _RULE.fullmatch(bare):
            self._stack[-1].children.append(Rule())
        else:
            self._paragraph(bare)

    def _heading(self, level: int, title: str) -> None:
        leaf = self._new(Leaf("heading", level=level))
        title = _HEADING_END.sub("", title)
        leaf.lines.append(title)
        self._seen = self._seen or bool(title.strip())

    def _table(self, flowing: _Leaf, delimiters: str, aligns: tuple[Align, ...]) -> None:
        header = flowing.lines.pop()
        if not flowing.lines and not flowing.continued:
            del self._stack[-1].children[-1]
        leaf = self._new(Leaf("table", aligns=aligns, opening=True))
        leaf.lines.append(header)
        leaf.source += [header, delimiters]

    def _paragraph(self, line: str) -> None:
        self._add(self._new(Leaf("paragraph")), line)

    def _new(self, state: Leaf) -> _Leaf:
        self._leaf = _Leaf(state)
        self._stack[-1].children.append(self._leaf)
        return self._leaf

    def _add(self, leaf: _Leaf, line: str) -> None:
        leaf.lines.append(line)
        if leaf.state.kind == "table":
            leaf.source.append(line)
        self._seen = True

    def _push(self, container: Container, *, continued: bool = False) -> None:
        box = _Box(container, continued)
        self._stack[-1].children.append(box)
        self._stack.append(box)

    def _close(self, depth: int) -> None:
        if depth < len(self._stack):
            self._leaf = None
            del self._stack[depth:]

    # Nodes.

    def _blocks(self) -> Blocks:
        before = self._state.last if self._state.begun else ""
        return tuple(_built(self._root.children, before))


@dataclass(frozen=True, slots=True)
class _LineRest:
    """What is left of a line, which begins in a column: tabs reach to every fourth."""

    text: str
    column: int = 0

    @property
    def bare(self) -> str:
        return self.text.lstrip(" \t")

    @property
    def blank(self) -> bool:
        return not self.bare

    @property
    def indent(self) -> int:
        """In columns."""
        return self._width(len(self.text) - len(self.bare))

    def without(self, columns: int) -> _LineRest:
        """Without so many columns of white space, or as many as there are."""
        taken = at = 0
        while taken < columns and self.text[at : at + 1] in (" ", "\t"):
            at += 1
            taken = self._width(at)
        taken = self._width(at)
        surplus = " " * max(0, taken - columns)
        return _LineRest(
            surplus + self.text[at:], self.column + min(taken, columns) if at else self.column
        )

    def after_quote(self) -> _LineRest:
        """After the `>` that it begins with, and one column of white space."""
        at = len(self.text) - len(self.bare) + 1
        return _LineRest(self.text[at:], self.column + self._width(at - 1) + 1).without(1)

    def _width(self, characters: int) -> int:
        """Columns of so many characters of white space."""
        column = self.column
        for character in self.text[:characters]:
            column += 4 - column % 4 if character == "\t" else 1
        return column - self.column


def _opened(rest: _LineRest, flowing: _Leaf | bool | None) -> tuple[Container, _LineRest] | None:
    """The quote or item that a line opens, and what is left of the line."""
    if rest.indent >= _CODE_INDENT:
        return None
    bare = rest.bare
    if bare.startswith(">"):
        return Container(">"), rest.after_quote()
    found = _ITEM.match(bare)
    if found is None or _RULE.fullmatch(bare):
        return None
    mark, indent = found[1], rest.indent
    after = _LineRest(bare[len(mark) :], rest.column + indent + len(mark))
    if flowing and (after.blank or (mark[0].isdigit() and mark[:-1] != "1")):
        return None
    spaces = 1 if after.blank or after.indent > _CODE_INDENT else after.indent
    return Container(mark, indent + len(mark) + spaces), after.without(spaces)


def _aligns(delimiters: str, flowing: _Leaf) -> tuple[Align, ...]:
    """The alignments of the table whose header is a paragraph's last line, if it is one."""
    if not flowing.lines or (flowing.begun and len(flowing.lines) == 1):
        return ()
    header = flowing.lines[-1]
    if "|" not in header or "|" not in delimiters or delimiters.strip("-:| \t"):
        return ()
    found = [_DELIMITER.fullmatch(cell) for cell in cells(delimiters)]
    if len(found) != len(cells(header)):
        return ()
    return tuple(_align(each) for each in found if each) if all(found) else ()


def _align(delimiter: re.Match[str]) -> Align:
    if delimiter[2]:
        return "center" if delimiter[1] else "right"
    return "left" if delimiter[1] else ""


def cells(row: str) -> list[str]:
    """A row's cells as they are written, but for escaped bars."""
    inner = row.strip(" \t").removeprefix("|")
    found, start = [], 0
    for mark in _CELL_END.finditer(inner):
        found.append(inner[start : mark.start()])
        start = mark.end()
    if inner[start:].strip() or not found:
        found.append(inner[start:])
    return [cell.replace("\\|", "|").strip(" \t") for cell in found]


def _ends_in_bar(row: str) -> bool:
    bare = row.rstrip(" \t")
    return bare.endswith("|") and not bare.endswith("\\|")


def _built(children: Sequence[_Box | _Leaf | Rule], before: str) -> Iterator[Block]:
    items: list[Item] = []
    kind = ""
    for child in children:
        item = isinstance(child, _Box) and child.container.width > 0
        if items and not (item and isinstance(child, _Box) and child.container.mark[-1] == kind):
            yield List(tuple(items))
            items = []
        if isinstance(child, Rule):
            yield child
        elif isinstance(child, _Leaf):
            yield from _leaf(child, before if child.begun else "")
        elif item:
            kind = child.container.mark[-1]
            items.append(_item(child, before))
        elif child.children or not child.continued:
            yield Quote(tuple(_built(child.children, before)), child.continued)
    if items:
        yield List(tuple(items))


def _item(box: _Box, before: str) -> Item:
    done: bool | None = None
    first = next(iter(box.children), None)
    if isinstance(first, _Leaf) and first.state.kind == "paragraph" and not first.continued:
        task = None if box.continued else _TASK.match(first.lines[0])
        if task is not None:
            done = task[1] != " "
            first.lines[0] = first.lines[0][task.end() :]
    children = tuple(_built(box.children, before))
    return Item(box.container.mark, children, done, box.continued)


def _leaf(leaf: _Leaf, before: str) -> Iterator[Block]:
    state = leaf.state
    match state.kind:
        case "fence" | "code":
            if leaf.lines or not leaf.continued:
                yield CodeBlock(
                    tuple(leaf.lines),
                    state.info,
                    state.kind == "fence",
                    leaf.continued,
                    leaf.begun,
                    state.run,
                )
        case "table":
            if leaf.lines:
                rows = tuple(_row(line) for line in leaf.lines)
                yield Table(rows, state.aligns, "\n".join(leaf.source), leaf.header)
        case _:
            source = "\n".join(line.lstrip(" \t") for line in leaf.lines).rstrip(" \t")
            if not leaf.lines:
                return
            children = inlines.parse(source, before)
            if state.kind == "heading":
                yield Heading(state.level, children, source, leaf.continued, leaf.underlined)
            else:
                yield Paragraph(children, source, leaf.continued)


def _row(line: str) -> tuple[Inlines, ...]:
    return tuple(inlines.parse(cell) for cell in cells(line))
