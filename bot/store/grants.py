"""What platforms let connectors do about a message for a while; see `connectors.base.Grants`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, delete, select

from bot.store.database import Database
from bot.store.errors import StoreUnavailable
from bot.store.places import columns_of, in_place, place_of
from bot.store.tables import grants, insert_into
from connectors.base import Grant, MessageRef, Person, Place, Unavailable


class Grants:
    """Keeps grants as connectors seal them. Raises `Unavailable`, which connectors know."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, grant: Grant) -> None:
        """Keeps a grant; it is durable when this returns. One a message: the first stays."""
        values = columns_of(grant.message.place) | {
            "message_id": grant.message.id,
            "person_id": grant.person.id,
            "person_realm": grant.person.realm,
            "sealed": grant.sealed,
            "until_us": grant.until_us,
        }

        def work(connection: Connection) -> None:
            connection.execute(
                insert_into(connection, grants).values(values).on_conflict_do_nothing()
            )

        with _unavailable():
            await self._database.run(work)

    async def of(self, place: Place) -> Sequence[Grant]:
        """The grants about messages of a place. Their people have no names."""
        query = select(grants).where(in_place(grants, place))

        def work(connection: Connection) -> list[Grant]:
            return [
                Grant(
                    MessageRef(place_of(row), row["message_id"]),
                    Person(row["person_id"], realm=row["person_realm"]),
                    row["sealed"],
                    row["until_us"],
                )
                for row in connection.execute(query).mappings()
            ]

        with _unavailable():
            return await self._database.read(work)

    async def lapse(self, now_us: int) -> int:
        """Deletes what has lapsed by a time (microseconds since the epoch); how many."""
        late = delete(grants).where(grants.c.until_us <= now_us)
        with _unavailable():
            return await self._database.run(lambda connection: connection.execute(late).rowcount)


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except StoreUnavailable as error:
        raise Unavailable(str(error)) from error
