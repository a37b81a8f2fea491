"""What the asker alone is told of a run: each thing by one teller, whatever process is at it."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Connection, select

from bot.store.database import Database
from bot.store.tables import insert_into, whispers


class WhisperLog:
    """Says who may tell what. A claim is never given back: its teller may have been heard."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, run_id: UUID, kind: str, teller: UUID, at_us: int) -> bool:
        """Whether `teller` is the one to tell it; asked again it is told the same.

        `at_us` counts from the epoch. Raises `StoreUnavailable`.
        """

        def work(connection: Connection) -> bool:
            insert = insert_into(connection, whispers).values(
                run_id=str(run_id), kind=kind, claimed_by=str(teller), at_us=at_us
            )
            connection.execute(insert.on_conflict_do_nothing())
            key = (whispers.c.run_id == str(run_id)) & (whispers.c.kind == kind)
            return connection.scalar(select(whispers.c.claimed_by).where(key)) == str(teller)

        return await self._database.run(work)
