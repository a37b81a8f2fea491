"""What is known of a conversation as a whole."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection, case, func, or_, select

from bot.store.database import Database
from bot.store.places import columns_of, in_place
from bot.store.tables import conversations, insert_into
from connectors.base import Place


class Conversations:
    """Remembers from when on a conversation counts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def forget(self, place: Place, at_us: int) -> None:
        """Nothing that was said here before `at_us` (since the epoch) counts any more."""

        def work(connection: Connection) -> None:
            insert = insert_into(connection, conversations).values(
                **columns_of(place), forgotten_us=at_us
            )
            old, new = conversations.c.forgotten_us, insert.excluded.forgotten_us
            connection.execute(
                insert.on_conflict_do_update(
                    index_elements=list(columns_of(place)),
                    set_={"forgotten_us": case((new > old, new), else_=old)},
                )
            )

        await self._database.run(work)

    async def forgotten_us(self, place: Place) -> int:
        """Since when the conversation counts, in µs since the epoch; 0: from its start.

        What was forgotten in a channel outside of any thread is forgotten in all its threads.
        """
        here = in_place(conversations, place)
        around = in_place(conversations, replace(place, thread=""))
        query = select(func.max(conversations.c.forgotten_us)).where(or_(here, around))
        return await self._database.read(lambda connection: connection.scalar(query)) or 0
