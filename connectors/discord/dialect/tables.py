"""Lays tables out as code: Discord's client draws none.

Fruit │ Price
──────┼──────
Apple │     3
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from connectors.discord.dialect.decoration import COLUMNS
from connectors.markdown.nodes import Align


def laid_out(
    rows: Sequence[Sequence[str]], aligns: Sequence[Align], *, aligned: bool
) -> tuple[list[str], str] | None:
    """A table's rows as lines, and the rule below the first of them.

    None where there is none, or where the lines would not say what the cells are.
    """
    cells = [cell for row in rows for cell in row]
    if not cells or any(cell != cell.strip() or "\t" in cell for cell in cells):
        return None
    free = ((bar, cross) for bar, cross in COLUMNS if not any(bar in cell for cell in cells))
    bar, cross = next(free, ("", ""))
    if not bar:
        return None
    return _aligned(rows, aligns, bar, cross) if aligned else _unaligned(rows, bar, cross)


def _unaligned(rows: Sequence[Sequence[str]], bar: str, cross: str) -> tuple[list[str], str]:
    single = all(len(row) < 2 for row in rows)
    return [bar.join(row) for row in rows], "───" if single else f"─{cross}─"


def _aligned(
    rows: Sequence[Sequence[str]], aligns: Sequence[Align], bar: str, cross: str
) -> tuple[list[str], str]:
    widths = [max(map(_width, column)) or 1 for column in zip_longest(*rows, fillvalue="")]
    sides = [*aligns, *[""] * (len(widths) - len(aligns))]
    lines = [
        f" {bar} ".join(map(_padded, _filled(row, len(widths)), widths, sides)).rstrip()
        for row in rows
    ]
    rule = f"─{cross}─".join("─" * width for width in widths)
    return lines, rule if len(widths) > 1 else f"{rule}─"


def _filled(row: Sequence[str], columns: int) -> Iterator[str]:
    yield from row
    yield from [""] * (columns - len(row))


def _padded(cell: str, width: int, align: str) -> str:
    room = width - _width(cell)
    left = {"right": room, "center": room // 2}.get(align, 0)
    return " " * left + cell + " " * (room - left)


def _width(text: str) -> int:
    """Columns that a text takes where all characters are equally wide, or twice as wide."""
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Cf", "Me", "Mn"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
