"""What is to be answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from bot.identity import Account
from bot.store import RunRow, RunStart
from connectors.base import Asked

Kind = Literal["ask", "retry", "continue"]


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be answered. A retry or a continuation names the run that it follows."""

    asked: Asked
    kind: Kind = "ask"
    parent: RunRow | None = None

    @property
    def account(self) -> Account:
        """Who asks."""
        return Account.of(self.asked.message.place, self.asked.person)

    def start(self, run_id: UUID, model: str, started_us: int) -> RunStart:
        """The run that answers it, as it begins; `started_us` since the epoch."""
        return RunStart(
            run_id=run_id,
            place=self.asked.message.place,
            question_id=self.asked.message.id,
            person=self.asked.person,
            question=self.asked.text,
            model=model,
            started_us=started_us,
            kind=self.kind,
            parent_run_id=None if self.parent is None else self.parent.run_id,
            files=self.asked.files,
        )
