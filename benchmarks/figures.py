"""Figures: what was measured, and what it should be."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One measured value; smaller is better where there is an aim, unless `more` is."""

    name: str
    value: float
    unit: str
    aim: float | None = None
    more: bool = False

    @property
    def met(self) -> bool | None:
        """Whether the aim is reached; None where there is none."""
        if self.aim is None:
            return None
        return self.value >= self.aim if self.more else self.value <= self.aim

    def as_dict(self) -> dict[str, Any]:
        """The figure as a program reads it."""
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "aim": self.aim,
            "met": self.met,
        }

    def as_line(self) -> str:
        """The figure as a person reads it."""
        if self.aim is None:
            verdict = ""
        else:
            least = "at least " if self.more else ""
            verdict = f"aim {least}{self.aim:g}: {'met' if self.met else 'MISSED'}"
        return f"{self.name:<44}{self.value:>12g}  {self.unit:<18}{verdict}".rstrip()


def show(figures: Sequence[Figure], *, as_json: bool) -> None:
    """Prints figures as a table, or as JSON."""
    if as_json:
        sys.stdout.write(json.dumps([each.as_dict() for each in figures], indent=2) + "\n")
        return
    for figure in figures:
        sys.stdout.write(figure.as_line() + "\n")


def keep(figures: Sequence[Figure], file: Path) -> list[dict[str, Any]]:
    """Writes figures into a file of results; those of parts that were not run stay in it.

    Returns all that are in it now.
    """
    found: list[dict[str, Any]] = json.loads(file.read_text()) if file.exists() else []
    new = {figure.name: figure.as_dict() for figure in figures}
    kept = [new.pop(each["name"], each) for each in found] + list(new.values())
    file.write_text(json.dumps(kept, indent=2) + "\n")
    return kept


def percentile(values: Sequence[float], part: float) -> float:
    """The value that `part` of all values don't exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]
