"""One line of Markdown: its columns, and the blocks that it begins or goes on with."""

from __future__ import annotations

import re
from dataclasses import dataclass

from connectors.markdown.nodes import Align

CODE_INDENT = 4
FENCE = re.compile(r"(`{3,})([^`]*)|(~{3,})(.*)", re.S)
HEADING = re.compile(r"(#{1,6})(?:[ \t]+|$)")
RULE = re.compile(r"([-*_])[ \t]*(?:\1[ \t]*){2,}")
ITEM = re.compile(r"([-+*]|\d{1,9}[.)])(?=[ \t]|$)", re.A)
_DELIMITER = re.compile(r"[ \t]*(:?)-+(:?)[ \t]*")
_CELL_END = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True, slots=True)
class Container:
    """An open quote (`>`), or an open list item and the columns by which its content stands in."""

    mark: str
    width: int = 0
    empty: bool = False
    """An item with nothing in it yet."""


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
    """A row's cells as they are written, but for escaped bars."""
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
