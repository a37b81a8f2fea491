"""Wakes other processes: what was left for one is seen at once, not with its next look.

PostgreSQL carries it, by LISTEN and NOTIFY. A process looks by itself too, so one that hears
nothing, because its connection is lost or a pooler such as PgBouncer stands between, is only later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import structlog
from sqlalchemy import Connection, func, select

from bot.store import StoreUnavailable
from bot.store.database import Database

log = structlog.get_logger(__name__)

EVERYBODY = "all"

_AGAIN_S = 5.0
"""Seconds after which a lost connection is made again."""

_LOOK_S = 1.0
_HEARING_LOOK_S = 2.0
"""Seconds between two looks of a process that is woken."""

_CONNECT_S = 5
_PROVEN_S = 5.0
"""Seconds within which a process hears its own call, or can't be woken this way."""


def wake(connection: Connection, owners: Iterable[str]) -> None:
    """Wakes processes once this transaction is committed; on SQLite they look by themselves."""
    if connection.dialect.name == "postgresql":
        for owner in sorted(set(owners)):
            connection.execute(select(func.pg_notify(_channel(owner), "")))


def _channel(owner: str) -> str:
    return f"everytoken_{owner}"


class Wakes:
    """Hears, on a connection of its own, that the process `me` has to look."""

    def __init__(self, url: str, database: Database, me: str) -> None:
        """`url` is PostgreSQL's own, not a pooler's."""
        self._url = url.replace("postgresql+psycopg://", "postgresql://", 1)
        self._database = database
        self._me = me
        self._woken = asyncio.Event()
        self.hearing = False
        """Whether calls arrive."""

    async def rest(self) -> None:
        """Returns when it is time to look again."""
        try:
            async with asyncio.timeout(_HEARING_LOOK_S if self.hearing else _LOOK_S):
                await self._woken.wait()
        except TimeoutError:
            pass
        self._woken.clear()

    async def call(self, owner: str = EVERYBODY) -> None:
        """Wakes a process, or all. Raises `StoreUnavailable`."""
        await self._database.run(lambda connection: wake(connection, [owner]))

    async def listen(self) -> None:
        """Hears calls until it is cancelled."""
        while True:
            await self._failing(self._listen)
            self.hearing = False
            await asyncio.sleep(_AGAIN_S)

    async def _failing(self, work: Callable[[], Awaitable[None]]) -> None:
        import psycopg

        try:
            await work()
        except (psycopg.Error, OSError, StoreUnavailable) as error:
            log.debug("wakes.not_heard", error=type(error).__name__)

    async def _listen(self) -> None:
        import psycopg
        from psycopg import sql

        connecting = psycopg.AsyncConnection.connect(
            self._url, autocommit=True, connect_timeout=_CONNECT_S, keepalives_idle=30
        )
        async with await connecting as connection:
            for owner in (self._me, EVERYBODY):
                name = sql.Identifier(_channel(owner))
                await connection.execute(sql.SQL("LISTEN {}").format(name))
            await self.call(self._me)
            async for _ in connection.notifies(timeout=_PROVEN_S, stop_after=1):
                self.hearing = True
            if not self.hearing:
                log.warning("wakes.deaf")
                return
            async for _ in connection.notifies():
                self._woken.set()
