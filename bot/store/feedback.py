"""What readers thought of an answer."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from sqlalchemy import Connection, select

from bot.identity import Account
from bot.store.database import Database
from bot.store.tables import feedback, insert_into

Value = Literal[-1, 1]


class Feedback:
    """One value for each person and run; a later one replaces it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def set(self, run_id: UUID, account: Account, value: Value, at_us: int) -> None:
        """Keeps a person's value: 1 for up, -1 for down; `at_us` since the epoch."""

        def work(connection: Connection) -> None:
            insert = insert_into(connection, feedback).values(
                run_id=str(run_id), person_id=account.name, value=value, at_us=at_us
            )
            replaced = {"value": insert.excluded.value, "at_us": insert.excluded.at_us}
            key = ["run_id", "person_id"]
            connection.execute(insert.on_conflict_do_update(index_elements=key, set_=replaced))

        await self._database.run(work)

    async def read(self, run_id: UUID) -> dict[str, Value]:
        """The values of a run by the account's name on its platform: `realm/id` or `id`."""
        columns = (feedback.c.person_id, feedback.c.value)
        query = select(*columns).where(feedback.c.run_id == str(run_id))

        def work(connection: Connection) -> dict[str, Value]:
            return {row.person_id: row.value for row in connection.execute(query)}

        return await self._database.read(work)
