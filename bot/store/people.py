"""All that is kept of one person: found, shown and erased.

A person is known by the platform and their id there. What others wrote about them, and what models
answered others, can't be told from any other text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, func, select

from bot.store.counting import anonymize
from bot.store.database import Database
from bot.store.tables import (
    edits,
    feedback,
    inbox,
    messages,
    processes,
    runs,
    tokens,
    usage_resets,
)

_ALIVE_US = 60_000_000
_BATCH = 20
"""Runs that are erased in one transaction, so that nobody waits long for the writer."""

_OF_RUNS = (tokens, edits, messages, feedback)
"""What goes with a run."""

Rows = Mapping[str, list[dict[str, Any]]]
"""Rows by their table's name, as they are stored."""


@dataclass(frozen=True, slots=True)
class Whom:
    """Somebody on a platform."""

    connector: str
    id: str

    def __str__(self) -> str:
        return f"{self.connector}:{self.id}"


class People:
    """Finds and erases what is kept of people. Raises `StoreUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def connectors(self, person_id: str) -> set[str]:
        """The platforms on which somebody of this id has used the bot."""

        def work(connection: Connection) -> set[str]:
            return {
                name
                for table in (inbox, runs, usage_resets)
                for name in connection.scalars(
                    select(table.c.connector).where(table.c.person_id == person_id).distinct()
                )
            }

        return await self._database.read(work)

    async def unfinished(self, whom: Whom, now_us: int) -> int:
        """Their questions and answers that a living process has not done with."""
        living = select(processes.c.id).where(processes.c.beat_us > now_us - _ALIVE_US)
        waiting = inbox.c.state.in_(["waiting", "running"])
        queries = (
            _count(runs, whom).where(runs.c.ended_us.is_(None), runs.c.owner.in_(living)),
            _count(inbox, whom).where(waiting, inbox.c.owner.in_(living)),
        )
        return await self._database.read(
            lambda connection: max(connection.scalar(query) or 0 for query in queries)
        )

    async def run_ids(self, whom: Whom) -> list[UUID]:
        """Their runs, oldest first."""
        query = select(runs.c.run_id).where(_theirs(runs, whom)).order_by(runs.c.started_us)
        return await self._database.read(
            lambda connection: [UUID(run_id) for run_id in connection.scalars(query)]
        )

    async def data(self, whom: Whom) -> Rows:
        """All that is kept of them."""
        mine = select(runs.c.run_id).where(_theirs(runs, whom))
        wanted = {
            inbox: _theirs(inbox, whom),
            runs: _theirs(runs, whom),
            tokens: tokens.c.run_id.in_(mine),
            edits: edits.c.run_id.in_(mine),
            messages: messages.c.run_id.in_(mine),
            feedback: _rated(whom),
            usage_resets: _theirs(usage_resets, whom),
        }

        def work(connection: Connection) -> Rows:
            return {table.name: _rows(connection, table, which) for table, which in wanted.items()}

        return await self._database.read(work)

    async def erase(self, whom: Whom) -> Counter[str]:
        """Deletes all that is kept of them; the rows that are gone, by table.

        What fails half way can be done again.
        """
        gone: Counter[str] = Counter()
        while some := await self._database.run(lambda connection: _erase_runs(connection, whom)):
            gone += some
        return gone + await self._database.run(lambda connection: _erase_rest(connection, whom))


def _theirs(table: Table, whom: Whom) -> ColumnElement[bool]:
    return and_(table.c.connector == whom.connector, table.c.person_id == whom.id)


def _rated(whom: Whom) -> ColumnElement[bool]:
    """What they thought of answers; of a run that is gone nobody knows the platform."""
    elsewhere = select(runs.c.run_id).where(
        runs.c.run_id == feedback.c.run_id, runs.c.connector != whom.connector
    )
    return and_(feedback.c.person_id == whom.id, ~elsewhere.exists())


def _count(table: Table, whom: Whom) -> Any:
    return select(func.count()).select_from(table).where(_theirs(table, whom))


def _rows(connection: Connection, table: Table, which: ColumnElement[bool]) -> list[dict[str, Any]]:
    ordered = select(table).where(which).order_by(*table.primary_key.columns)
    return [dict(row) for row in connection.execute(ordered).mappings()]


def _erase_runs(connection: Connection, whom: Whom) -> Counter[str]:
    """Some of their runs, with all that goes with them."""
    query = select(runs.c.run_id).where(_theirs(runs, whom)).limit(_BATCH)
    ids = connection.scalars(query).all()
    if not ids:
        return Counter()
    return _deleted(connection, {table: table.c.run_id.in_(ids) for table in (*_OF_RUNS, runs)})


def _erase_rest(connection: Connection, whom: Whom) -> Counter[str]:
    anonymize(connection, whom.connector, whom.id)
    others = {table: _theirs(table, whom) for table in (inbox, usage_resets)}
    return _deleted(connection, others | {feedback: _rated(whom)})


def _deleted(connection: Connection, which: Mapping[Table, ColumnElement[bool]]) -> Counter[str]:
    return Counter(
        {
            table.name: connection.execute(delete(table).where(rows)).rowcount
            for table, rows in which.items()
        }
    )
