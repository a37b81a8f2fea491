"""The blocks that are open: what one slice leaves to the next, and the nodes that they become."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal

from connectors.markdown import inlines
from connectors.markdown.lines import Container, cells
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

_TASK = re.compile(r"\[([ xX])\][ \t]+(?=\S)")


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
