"""What the reading of a line depends on: its columns, and the blocks that are open.

Those that are open at the end of a slice are its `State`. At last they become nodes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal

from connectors.markdown import inlines
from connectors.markdown.nodes import (
    Align,
    Block,
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

CODE_INDENT = 4
FENCE = re.compile(r"(`{3,})([^`]*)|(~{3,})(.*)", re.S)
HEADING = re.compile(r"(#{1,6})(?:[ \t]+|$)")
RULE = re.compile(r"([-*_])[ \t]*(?:\1[ \t]*){2,}")
ITEM = re.compile(r"([-+*]|\d{1,9}[.)])(?=[ \t]|$)", re.A)
_DELIMITER = re.compile(r"[ \t]*(:?)-+(:?)[ \t]*")
_CELL_END = re.compile(r"(?<!\\)\|")
_TASK = re.compile(r"\[([ xX])\][ \t]+(?=\S)")


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


@dataclass(slots=True)
class OpenLeaf:
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

    @property
    def last(self) -> str:
        """Its last line; empty where that began in the slice before."""
        if not self.lines or (self.begun and len(self.lines) == 1):
            return ""
        return self.lines[-1]


@dataclass(slots=True)
class OpenBox:
    """A quote or item being read, or the whole."""

    container: Container
    continued: bool = False
    children: list[OpenBox | OpenLeaf | Rule] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether there is nothing in it, in this slice and those before."""
        return not self.children and (self.container.empty or not self.continued)


# Lines.


@dataclass(frozen=True, slots=True)
class LineRest:
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

    def without(self, columns: int) -> LineRest:
        """Without so many columns of white space, or as many as there are."""
        taken = at = 0
        while taken < columns and self.text[at : at + 1] in (" ", "\t"):
            at += 1
            taken = self._width(at)
        taken = self._width(at)
        surplus = " " * max(0, taken - columns)
        return LineRest(
            surplus + self.text[at:], self.column + min(taken, columns) if at else self.column
        )

    def after_quote(self) -> LineRest:
        """After the `>` that it begins with, and one column of white space."""
        at = len(self.text) - len(self.bare) + 1
        return LineRest(self.text[at:], self.column + self._width(at - 1) + 1).without(1)

    def _width(self, characters: int) -> int:
        """Columns of so many characters of white space."""
        column = self.column
        for character in self.text[:characters]:
            column += 4 - column % 4 if character == "\t" else 1
        return column - self.column


def opened_by(rest: LineRest, *, in_paragraph: bool) -> tuple[Container, LineRest] | None:
    """The quote or item that a line opens, and what is left of the line.

    In a paragraph an empty item opens nothing, nor does a number other than 1.
    """
    if rest.indent >= CODE_INDENT:
        return None
    bare = rest.bare
    if bare.startswith(">"):
        return Container(">"), rest.after_quote()
    found = ITEM.match(bare)
    if found is None or RULE.fullmatch(bare):
        return None
    mark, indent = found[1], rest.indent
    after = LineRest(bare[len(mark) :], rest.column + indent + len(mark))
    if in_paragraph and (after.blank or (mark[0].isdigit() and mark[:-1] != "1")):
        return None
    spaces = 1 if after.blank or after.indent > CODE_INDENT else after.indent
    return Container(mark, indent + len(mark) + spaces), after.without(spaces)


def aligns_of(delimiters: str, header: str) -> tuple[Align, ...]:
    """The alignments that a line gives to the table whose header is above it; () for no table."""
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
    """A row's cells as they are written, with escaped bars as bars."""
    inner = row.strip(" \t").removeprefix("|")
    found, start = [], 0
    for mark in _CELL_END.finditer(inner):
        found.append(inner[start : mark.start()])
        start = mark.end()
    if inner[start:].strip() or not found:
        found.append(inner[start:])
    return [cell.replace("\\|", "|").strip(" \t") for cell in found]


def ends_in_bar(row: str) -> bool:
    """Whether a row's last cell is over."""
    bare = row.rstrip(" \t")
    return bare.endswith("|") and not bare.endswith("\\|")


# Nodes.


def built(children: Sequence[OpenBox | OpenLeaf | Rule], before: str) -> Iterator[Block]:
    """The nodes of what was read; `before` is the character before the slice."""
    for kind, alike in groupby(children, _list_kind):
        if kind:
            items = (_item(child, before) for child in alike if isinstance(child, OpenBox))
            yield List(tuple(items))
        else:
            for child in alike:
                yield from _block(child, before)


def _list_kind(child: OpenBox | OpenLeaf | Rule) -> str:
    """What the items of one list have in common: their bullet, or what follows their number.

    Empty where it is no item.
    """
    if isinstance(child, OpenBox) and child.container.width:
        return child.container.mark[-1]
    return ""


def _block(child: OpenBox | OpenLeaf | Rule, before: str) -> Iterator[Block]:
    if isinstance(child, Rule):
        yield child
    elif isinstance(child, OpenLeaf):
        yield from _leaf(child, before if child.begun else "")
    elif child.children or not child.continued:
        yield Quote(tuple(built(child.children, before)), child.continued)


def _item(box: OpenBox, before: str) -> Item:
    done: bool | None = None
    first = next(iter(box.children), None)
    if isinstance(first, OpenLeaf) and first.state.kind == "paragraph" and not first.continued:
        task = None if box.continued else _TASK.match(first.lines[0])
        if task is not None:
            done = task[1] != " "
            first.lines[0] = first.lines[0][task.end() :]
    children = tuple(built(box.children, before))
    return Item(box.container.mark, children, done, box.continued)


def _leaf(leaf: OpenLeaf, before: str) -> Iterator[Block]:
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
