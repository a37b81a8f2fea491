"""What is to be answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bot.store import RunRow
from connectors.base import Asked

Kind = Literal["ask", "retry", "continue"]


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be answered. A retry or a continuation names the run that it follows."""

    asked: Asked
    kind: Kind = "ask"
    parent: RunRow | None = None
