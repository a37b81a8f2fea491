"""Takes what was deleted out of a SQLite file, where it stays legible until its room is needed."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import Any

from bot.store.database import Database, SqlDatabase
from bot.store.errors import translated

_TRIES = 20
_PAUSE_S = 0.25


async def scrub(database: Database) -> bool:
    """Writes the file anew, without what was deleted, and empties its log; false where another
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
