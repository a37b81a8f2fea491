"""Tables. Discord shows none, so they are set as aligned code; and what can be compared of them.

A table is set like this, between two fences:

    Fruit │ Price
    ──────┼──────
    Apple │     3

Compared are the cells' texts, row by row, without padding and rule: the same whether a table is
written in Markdown or set.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

_FENCE = "```"
_BAR = "│"
_OPENING = re.compile(r" {0,3}(`{3,}|~{3,})([^\n]*)")
_RULE = re.compile(r"─+(?:─┼─+)*")
_DELIMITERS = re.compile(r" {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*")
_NO_ROW = re.compile(r" {0,3}(?:[>#]|`{3}|~{3})| {4}|\t")
"""What begins something else in Markdown, though there may be a bar in it."""
_CELL_END = re.compile(r"(?<!\\)(?:\\\\)*\|")
_PADDED_BAR = re.compile(r"[ \t]*│[ \t]*")
_SPACE = re.compile(r"[ \t]+")
_BOLD = re.compile(r"\*\*(\S(?:.*?\S)?)\*\*")
_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True)
class Table:
    """A table in Markdown. `rows` begin with the header; `aligns` holds `<`, `>` or `^`."""

    lines: Sequence[str]
    rows: Sequence[Sequence[str]]
    aligns: Sequence[str]


@dataclass(frozen=True, slots=True)
class SetTable:
    """A table as it is set here: its rows, without fences and rule."""

    lines: Sequence[str]


Block = str | Table | SetTable
"""A line, or a table."""


def aligned(text: str) -> str:
    """The text with each table set as aligned code."""
    return _replaced(text, _aligned)


def unaligned(text: str) -> str:
    """The text with each table set as code, without padding: a few characters more per table."""
    return _replaced(text, _unaligned)


def comparable(text: str) -> str:
    """The text with each table, written or set, as its cells' texts."""
    return "\n".join(_comparable(block) for block in blocks(text.split("\n")))


def _replaced(text: str, set_table: Callable[[Table], Sequence[str]]) -> str:
    lines: list[str] = []
    for block in blocks(text.split("\n")):
        match block:
            case Table():
                lines += set_table(block)
            case SetTable():
                lines += _fenced(block.lines)
            case _:
                lines.append(block)
    return "\n".join(lines)


def _comparable(block: Block) -> str:
    match block:
        case Table():
            return "\n".join(_row(_BAR.join(map(_plain, row))) for row in block.rows)
        case SetTable():
            header, _, *rows = block.lines
            return "\n".join(_row(line) for line in (header, *rows))
        case _:
            return block


def _row(line: str) -> str:
    """A row without padding, and without the cells at its end that are empty."""
    return _PADDED_BAR.sub(_BAR, _SPACE.sub(" ", line)).strip().rstrip(_BAR)


def _plain(cell: str) -> str:
    """A cell without the marks that code does not show as anything but themselves."""
    return _CODE.sub(r"\1", _BOLD.sub(r"\1", cell)).replace("\\|", "|").strip()


# Setting.


def _aligned(table: Table) -> Sequence[str]:
    rows = [[_plain(cell) for cell in row] for row in table.rows]
    widths = [max(map(_width, column)) or 1 for column in zip_longest(*rows, fillvalue="")]
    padded = [
        f" {_BAR} ".join(map(_padded, row, widths, table.aligns)).rstrip()
        for row in (_filled(row, len(widths)) for row in rows)
    ]
    return _ruled(table, padded, "─┼─".join("─" * width for width in widths))


def _unaligned(table: Table) -> Sequence[str]:
    rows = [_BAR.join(map(_plain, row)) for row in table.rows]
    return _ruled(table, rows, "───")


def _ruled(table: Table, rows: Sequence[str], rule: str) -> Sequence[str]:
    if any(_FENCE in row for row in rows):
        return table.lines  # the fence would end in it
    header, *others = rows
    return _fenced([header, rule, *others])


def _fenced(lines: Sequence[str]) -> list[str]:
    return [_FENCE, *lines, _FENCE]


def _filled(row: Sequence[str], columns: int) -> Iterator[str]:
    yield from row
    yield from [""] * (columns - len(row))


def _padded(cell: str, width: int, align: str) -> str:
    room = width - _width(cell)
    left = {"<": 0, ">": room, "^": room // 2}[align]
    return " " * left + cell + " " * (room - left)


def _width(text: str) -> int:
    """Columns that a text takes where all characters are equally wide, or twice as wide."""
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Cf", "Me", "Mn"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


# Finding.


def blocks(lines: Sequence[str]) -> Iterator[Block]:
    """The tables of a text, and the lines between them."""
    at = 0
    while at < len(lines):
        end = _code_end(lines, at)
        if end > at:
            code = lines[at:end]
            if _is_set(code):
                yield SetTable(code[1:-1])
            else:
                yield from code
        elif end := _table_end(lines, at):
            yield _table(lines[at:end])
        else:
            yield lines[at]
            end = at + 1
        at = end


def _code_end(lines: Sequence[str], start: int) -> int:
    """Where the code that is fenced in here ends; `start` where none begins."""
    opening = _OPENING.fullmatch(lines[start])
    if opening is None or (opening[1][0] == "`" and "`" in opening[2]):
        return start
    closing = re.compile(rf" {{0,3}}{re.escape(opening[1])}{opening[1][0]}*[ \t]*")
    ends = (at + 1 for at in range(start + 1, len(lines)) if closing.fullmatch(lines[at]))
    return next(ends, len(lines))


def _is_set(code: Sequence[str]) -> bool:
    fenced = len(code) >= 4 and code[0] == code[-1] == _FENCE
    return fenced and _RULE.fullmatch(code[2]) is not None


def _table_end(lines: Sequence[str], start: int) -> int:
    """Where the table that begins here ends; 0 where none does."""
    if start + 1 >= len(lines) or not _is_row(lines[start]):
        return 0
    if not _DELIMITERS.fullmatch(lines[start + 1]):
        return 0
    if len(_cells(lines[start])) != len(_cells(lines[start + 1])):
        return 0
    rest = range(start + 2, len(lines))
    return next((at for at in rest if not _is_row(lines[at])), len(lines))


def _is_row(line: str) -> bool:
    return "|" in line and not _NO_ROW.match(line)


def _table(lines: Sequence[str]) -> Table:
    header, delimiters, *rows = lines
    cells = [_cells(line) for line in (header, *rows)]
    columns = max(map(len, cells))
    aligns = [_align(cell) for cell in _cells(delimiters)]
    return Table(lines, cells, aligns + ["<"] * (columns - len(aligns)))


def _align(delimiter: str) -> str:
    if delimiter.endswith(":"):
        return "^" if delimiter.startswith(":") else ">"
    return "<"


def _cells(line: str) -> list[str]:
    inner = line.strip(" \t").removeprefix("|")
    cells, start = [], 0
    for end in _CELL_END.finditer(inner):
        cells.append(inner[start : end.end() - 1].strip())
        start = end.end()
    if rest := inner[start:].strip():
        cells.append(rest)
    return cells or [""]
