"""Reads the part of gettext's PO format that our catalogs have: no contexts and no plurals."""

from __future__ import annotations

import ast
from dataclasses import dataclass


@dataclass(slots=True)
class PoEntry:
    """One sentence: its id, its template, and the English that it was translated from."""

    id: str
    text: str
    english: str
    fuzzy: bool = False


def read_po(source: str) -> list[PoEntry]:
    """The entries of a catalog, without its header.

    Raises `ValueError` where a line is none that a catalog has.
    """
    blocks = (block.splitlines() for block in source.split("\n\n") if block.strip())
    return [entry for block in blocks if (entry := _entry(block)).id]


def _entry(lines: list[str]) -> PoEntry:
    entry, english, field = PoEntry("", "", ""), [], ""
    for line in lines:
        keyword, _, rest = line.partition(" ")
        if keyword == "#.":
            english.append(rest)
        elif keyword == "#,":
            entry.fuzzy = "fuzzy" in rest
        elif keyword in ("msgid", "msgstr") or line.startswith('"'):
            field = field if line.startswith('"') else keyword
            said = ast.literal_eval(line if line.startswith('"') else rest)
            if field == "msgid":
                entry.id += said
            else:
                entry.text += said
        elif not line.startswith("#"):
            raise ValueError(f"a catalog has no line like {line[:60]!r}")
    entry.english = " ".join(english)
    return entry
