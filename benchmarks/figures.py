"""Figures: what was measured, and what it should be."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Figure:
    """One measured value; smaller is better where there is an aim."""

    name: str
    value: float
    unit: str
    aim: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the aim is reached; None where there is none."""
        return None if self.aim is None else self.value <= self.aim


def show(figures: Sequence[Figure], *, as_json: bool) -> None:
    """Prints figures as a table, or as JSON."""
    if as_json:
        told = [{**asdict(figure), "met": figure.met} for figure in figures]
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
        return
    for figure in figures:
        aim = "" if figure.aim is None else f"  (aim {figure.aim:g})"
        sys.stdout.write(f"{figure.name:<36}{figure.value:>10g} {figure.unit}{aim}\n")
