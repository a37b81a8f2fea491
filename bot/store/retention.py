"""Deletes what people and models said once it is old; ids, counts, hashes and outcomes stay.

A SQLite file does not shrink: the room is used again.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, case, delete, select, text, update

from bot.store.database import Database, SqlDatabase, translated
from bot.store.files import answer_files, file_contents
from bot.store.masks import masks
from bot.store.schema import (
    SAID,
    edits,
    errands,
    grants,
    inbox,
    messages,
    runs,
    tokens,
    tool_calls,
    tool_rules,
    whispers,
)

PAUSE = 0.05
"""Seconds between two batches, in which other processes can write."""


@dataclass(frozen=True, slots=True)
class DeletedCounts:
    """How much was deleted: rows of tokens and edits, and texts of runs and questions."""

    runs: int = 0
    tokens: int = 0
    edits: int = 0
    questions: int = 0

    def __add__(self, other: DeletedCounts) -> DeletedCounts:
        sums = (getattr(self, f.name) + getattr(other, f.name) for f in fields(self))
        return DeletedCounts(*sums)


class Retention:
    """Deletes old text in small transactions, so that nobody waits long for the writer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def delete_before(self, us: int, *, now_us: int, batch: int = 20) -> DeletedCounts:
        """Deletes the text of runs and questions from before `us`, `batch` of them at a time.

        Both times are microseconds since the epoch. A question that nobody has answered by then
        is refused.
        """
        runs = await self._repeat(lambda connection: _runs(connection, us, now_us, batch))
        questions = await self._repeat(lambda connection: _questions(connection, us, batch))
        # Nobody has seen to them in all that time, and nobody will.
        await self._database.run(lambda c: c.execute(delete(errands).where(errands.c.at_us < us)))
        await self._database.run(lambda c: c.execute(delete(grants).where(grants.c.until_us < us)))
        over = delete(tool_rules).where(tool_rules.c.until_us < us)
        await self._database.run(lambda connection: connection.execute(over))
        return runs + questions

    async def remove(self, run_id: UUID) -> None:
        """Deletes all of a run, as if it had never been."""
        await self._database.run(lambda connection: _remove(connection, str(run_id)))

    async def _repeat(self, work: Callable[[Connection], DeletedCounts]) -> DeletedCounts:
        total = DeletedCounts()
        while (deleted := await self._database.run(work)) != DeletedCounts():
            total += deleted
            await asyncio.sleep(PAUSE)
        return total


def _runs(connection: Connection, before_us: int, now_us: int, batch: int) -> DeletedCounts:
    old = (runs.c.started_us < before_us) & runs.c.text_deleted_us.is_(None)
    query = select(runs.c.run_id).where(old).order_by(runs.c.started_us).limit(batch)
    ids = connection.scalars(query).all()
    if not ids:
        return DeletedCounts()
    connection.execute(
        update(messages)
        .where(messages.c.run_id.in_(ids))
        .values(lead="", head="", tail="", trail="")
    )
    connection.execute(
        update(tool_calls)
        .where(tool_calls.c.run_id.in_(ids))
        .values(arguments=None, loop=None, result=None, error=None)
    )
    connection.execute(delete(masks).where(masks.c.run_id.in_(ids)))
    connection.execute(
        update(answer_files)
        .where(answer_files.c.run_id.in_(ids))
        .values(name="", media_type="", upload=None)
    )
    connection.execute(delete(file_contents).where(file_contents.c.run_id.in_(ids)))
    connection.execute(
        update(runs)
        .where(runs.c.run_id.in_(ids))
        .values(question="", files=None, generated_text=None, text_deleted_us=now_us)
    )
    return DeletedCounts(len(ids), _delete_tokens(connection, ids), _delete_edits(connection, ids))


def _remove(connection: Connection, run_id: str) -> None:
    of_run = (tokens, edits, messages, whispers, tool_calls, masks, answer_files, file_contents)
    for table in (*of_run, runs):
        connection.execute(delete(table).where(table.c.run_id == run_id))


def _delete_tokens(connection: Connection, ids: Sequence[str]) -> int:
    return connection.execute(delete(tokens).where(tokens.c.run_id.in_(ids))).rowcount


def _delete_edits(connection: Connection, ids: Sequence[str]) -> int:
    return connection.execute(delete(edits).where(edits.c.run_id.in_(ids))).rowcount


def _questions(connection: Connection, before_us: int, batch: int) -> DeletedCounts:
    old = (inbox.c.received_us < before_us) & text(f"({SAID})")
    query = select(inbox.c.id).where(old).order_by(inbox.c.received_us).limit(batch)
    ids = connection.scalars(query).all()
    if not ids:
        return DeletedCounts()
    state = case((inbox.c.state == "waiting", "refused"), else_=inbox.c.state)
    connection.execute(
        update(inbox).where(inbox.c.id.in_(ids)).values(text="", files=None, state=state)
    )
    return DeletedCounts(questions=len(ids))


# Takes what was deleted out of a SQLite file, where it stays legible until its room is needed.


_TRIES = 20
_PAUSE_S = 0.25


async def scrub(database: Database) -> bool:
    """Writes the file again, without what was deleted, and empties its log; false where another
    process kept it busy. PostgreSQL does so by itself, later: there is nothing to do.

    It takes as long as it takes to copy the file.
    """
    if not isinstance(database, SqlDatabase) or database.engine.dialect.name != "sqlite":
        return True
    for _ in range(_TRIES):
        if await _scrubbed(database):
            return True
        await asyncio.sleep(_PAUSE_S)
    return False


async def _scrubbed(database: SqlDatabase) -> bool:
    with translated():
        async with database.engine.connect() as connection:
            # Past SQLAlchemy, which would begin a transaction: there is no VACUUM within one.
            raw: Any = (await connection.get_raw_connection()).driver_connection
            try:
                await raw.execute("VACUUM")
                async with raw.execute("PRAGMA wal_checkpoint(TRUNCATE)") as answer:
                    busy, _, _ = await answer.fetchone()
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                    raise
                return False
    return not busy
