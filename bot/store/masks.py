"""What stood for what in the requests of a run, sealed: the database alone tells nothing of it."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Column, Connection, String, Table, select

from bot.store.database import Database
from bot.store.schema import SafeText, insert_into, metadata
from bot.store.write_behind import Journal, Row, RowKind

# sealed: encrypted with a key that is not in this table, see `bot.app.masking`.
masks = Table(
    "masks",
    metadata,
    Column("run_id", String(36), primary_key=True),
    Column("sealed", SafeText, nullable=False),
)


class MaskStore:
    """Keeps each run's map while its texts are kept. `read` raises `StoreUnavailable`."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal

    def keep(self, run_id: UUID, sealed: str) -> None:
        """Keeps a run's map in place of the one before; never waits."""
        self._journal.add((_MAP, run_id, sealed))

    async def read(self, run_id: UUID) -> str | None:
        """A run's map, as far as it is durable; None where there is none."""
        query = select(masks.c.sealed).where(masks.c.run_id == str(run_id))
        return await self._database.read(lambda connection: connection.scalar(query))


def _write(connection: Connection, rows: list[Row]) -> None:
    insert = insert_into(connection, masks)
    replaced = insert.on_conflict_do_update(
        index_elements=["run_id"], set_={"sealed": insert.excluded.sealed}
    )
    newest = {str(run_id): sealed for _, run_id, sealed in rows}
    connection.execute(
        replaced, [{"run_id": run_id, "sealed": sealed} for run_id, sealed in newest.items()]
    )


_MAP = RowKind("mask map", 1, _write)
