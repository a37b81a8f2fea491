"""Brakes: what admins have stopped for now, for every process of the deployment at once.

A brake holds everywhere, or in one place and all that lies in it. Where something must not happen
under it, the statement that would let it happen says so itself (`braked`): no process has to hear.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, delete, exists, select

from bot.identity import Account
from bot.store.columns import NOW, columns_of, place_of
from bot.store.database import Database
from bot.store.schema import brakes, insert_into
from connectors.base import Place

Braked = Literal["tools"]
"""What can be stopped. `tools`: calls of tools."""

EVERYWHERE = Place("", "", "", "")


@dataclass(frozen=True, slots=True)
class Brake:
    """A brake that is on; times are microseconds since the epoch."""

    what: Braked
    place: Place
    by: str | None
    """The account that stopped it; None: the operator, on the machine itself."""
    since_us: int


def braked(what: Braked, place: Place = EVERYWHERE) -> ColumnElement[bool]:
    """That a brake is on in a place or around it, as part of a statement."""
    columns = columns_of(place).items()
    around = (brakes.c[name].in_(sorted({"", value})) for name, value in columns)
    return exists().where(brakes.c.what == what, *around)


class BrakeStore:
    """Puts brakes on, and takes them off. Raises `StoreUnavailable`."""

    def __init__(self, database: Database, now: ColumnElement[int] = NOW) -> None:
        self._database = database
        self._now = now

    async def put_on(
        self, what: Braked, by: Account | None = None, place: Place = EVERYWHERE
    ) -> bool:
        """Stops something from now on; false where this very brake was on."""
        values: dict[str, Any] = {
            "what": what,
            **columns_of(place),
            "approver": None if by is None else str(by),
            "since_us": self._now,
        }

        def work(connection: Connection) -> bool:
            insert = insert_into(connection, brakes).values(values).on_conflict_do_nothing()
            return connection.execute(insert.returning(brakes.c.what)).first() is not None

        return await self._database.run(work)

    async def take_off(self, what: Braked, place: Place = EVERYWHERE) -> bool:
        """Lets it go on; false where this very brake was off."""
        here = and_(*(brakes.c[name] == value for name, value in columns_of(place).items()))
        off = delete(brakes).where(brakes.c.what == what, here)
        return await self._database.run(lambda connection: connection.execute(off).rowcount) > 0

    async def on(self, what: Braked, place: Place = EVERYWHERE) -> bool:
        """Whether a brake is on in a place or around it."""
        query = select(braked(what, place))
        return await self._database.read(lambda connection: bool(connection.scalar(query)))

    async def every(self) -> list[Brake]:
        """The brakes that are on, oldest first."""
        query = select(brakes).order_by(brakes.c.since_us)

        def work(connection: Connection) -> list[Brake]:
            return [_brake(row) for row in connection.execute(query).mappings()]

        return await self._database.read(work)


def _brake(row: RowMapping) -> Brake:
    return Brake(row["what"], place_of(row), row["approver"], row["since_us"])
