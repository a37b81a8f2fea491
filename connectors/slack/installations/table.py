"""Two tables in the bot's database, and every statement about them.

Each change is one statement, so that on SQLite none has to wait with a transaction half done.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import BigInteger, Column, Executable, MetaData, Table, Text, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.tables import Changes, reachable

metadata = MetaData()

slack_installations = Table(
    "slack_installations",
    metadata,
    Column("team", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("token", Text, nullable=False),  # encrypted
    Column("installed_us", BigInteger, nullable=False),
)

# Names of installations that were begun in a browser and came back: none may come back twice.
slack_oauth_states = Table(
    "slack_oauth_states",
    metadata,
    Column("nonce", Text, primary_key=True),
    Column("used_us", BigInteger, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Row:
    """A workspace with its token as it is stored."""

    team: str
    name: str
    token: str = field(repr=False)


class InstallationTable:
    """The statements. Each raises `Unavailable` where the database does not do its part."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._changes = Changes()

    async def find(self, team: str) -> Row | None:
        """The installation in a workspace; None where there is none."""
        rows = await self._rows(slack_installations.c.team == team)
        return next(iter(rows), None)

    async def all(self) -> Sequence[Row]:
        """Every installation, by the workspaces' ids."""
        return await self._rows()

    async def put(self, row: Row) -> None:
        """Stores an installation in place of an older one."""
        values = {"name": row.name, "token": row.token, "installed_us": _now_us()}
        insert = postgresql.insert if self._engine.dialect.name == "postgresql" else sqlite.insert
        added = insert(slack_installations).values(team=row.team, **values)
        await self._change(added.on_conflict_do_update(index_elements=["team"], set_=values))

    async def replace(self, row: Row, token: str) -> None:
        """Stores a token otherwise, unless it was changed meanwhile."""
        await self._change(update(slack_installations).where(_is(row)).values(token=token))

    async def remove(self, row: Row) -> None:
        """Forgets an installation, unless it was made again meanwhile."""
        await self._change(delete(slack_installations).where(_is(row)))

    async def use(self, nonce: str, lifetime_us: int) -> bool:
        """Whether a nonce is used for the first time. Those of other lifetimes are dropped."""
        now = _now_us()
        used = slack_oauth_states
        await self._change(delete(used).where(used.c.used_us < now - lifetime_us))
        try:
            await self._change(used.insert().values(nonce=nonce, used_us=now))
        except _TakenError:
            return False
        return True

    async def _rows(self, *which: Any) -> Sequence[Row]:
        columns = slack_installations.c
        wanted = select(columns.team, columns.name, columns.token).where(*which)
        with reachable():
            async with self._engine.connect() as connection:
                found = await connection.execute(wanted.order_by(columns.team))
            return [Row(*row) for row in found]

    async def aclose(self) -> None:
        """Waits for the changes that are running; the engine is its owner's to close."""
        await self._changes.aclose()

    async def _change(self, statement: Executable) -> None:
        await self._changes.whole(self._execute(statement))

    async def _execute(self, statement: Executable) -> None:
        with reachable():
            try:
                async with self._engine.begin() as connection:
                    await connection.execute(statement)
            except IntegrityError as error:
                raise _TakenError from error


class _TakenError(Exception):
    """There is such a row already."""


def _is(row: Row) -> Any:
    columns = slack_installations.c
    return (columns.team == row.team) & (columns.token == row.token)


def _now_us() -> int:
    return time.time_ns() // 1000
