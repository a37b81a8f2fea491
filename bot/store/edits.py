"""What was sent to the platform and when: hashes, never the text again."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal
from uuid import UUID

from sqlalchemy import Connection, select

from bot.store.database import Database
from bot.store.journal import Journal, Kind, Row
from bot.store.tables import edits, insert_into

LIMITED = "RateLimited"
"""So the error of a call begins that was refused with a 429: the name of its kind."""


@dataclass(frozen=True, slots=True)
class EditRow:
    """One call to the platform; `n` counts the run's calls from 0."""

    n: int
    part: int
    call: Literal["post", "edit"]
    at_us: int
    """When it was sent: microseconds since the run's start."""
    latency_us: int
    position: int
    """Characters of the answer that are shown up to here."""
    sha256: str
    """Of the text that was sent, as 64 hexadecimal digits."""
    error: str | None = None
    """The kind of error it ended with, or None."""

    @property
    def limited(self) -> bool:
        """Whether the platform refused it with a 429."""
        return self.error is not None and self.error.startswith(LIMITED)


class EditLog:
    """Takes calls without waiting, and reads them back."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal

    def add(self, run_id: UUID, edit: EditRow) -> None:
        """Takes one call."""
        self._journal.add_many((_EDIT, run_id, edit))

    async def read(self, run_id: UUID) -> list[EditRow]:
        """The calls of a run in order, as far as they are durable."""
        columns = [column for column in edits.c if column.name != "run_id"]
        query = select(*columns).where(edits.c.run_id == str(run_id)).order_by(edits.c.n)

        def work(connection: Connection) -> list[EditRow]:
            return [EditRow(**row) for row in connection.execute(query).mappings()]

        return await self._database.read(work)


def _write(connection: Connection, rows: list[Row]) -> None:
    connection.execute(
        insert_into(connection, edits).on_conflict_do_nothing(),
        [{"run_id": str(run_id), **asdict(edit)} for _, run_id, edit in rows],
    )


_EDIT = Kind("edit", 2, _write)
