"""The store's tables in memory, made once for all simulations, and each process's way to them."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection

from bot.store import InlineDatabase, StoreUnavailable
from bot.store.database import translated

T = TypeVar("T")

_SLOWEST_S = 4.0


class OpenDatabase(InlineDatabase):
    """Keeps its connection: to take one for each transaction is a tenth of what a seed costs."""

    def __init__(self) -> None:
        super().__init__()
        self._connection = self._engine.connect()

    async def run(self, work: Callable[[Connection], T]) -> T:
        """See `Database.run`."""
        with translated(), self._connection.begin():
            return work(self._connection)


class Databases:
    """One database for one simulation after the other: emptied, not made anew."""

    def __init__(self) -> None:
        self.database = OpenDatabase()
        self._empty = self._driver().serialize()

    def fresh(self) -> InlineDatabase:
        """The database as it was made."""
        self._driver().deserialize(self._empty)
        return self.database

    def _driver(self) -> sqlite3.Connection:
        with self.database._engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        return driver


@dataclass(slots=True)
class Weather:
    """How the database is: for all processes alike."""

    away_until: float = 0.0
    full_until: float = 0.0
    odds: float = 0.0
    slow_odds: float = 0.0


class Line:
    """A process's way to the database; it can be cut, and is when the process dies.

    Work is done at once when its time has come, and whole or not at all: what a process that was
    killed had not committed is dropped. Writers take turns, as with `SqlDatabase`.
    """

    def __init__(self, database: InlineDatabase, weather: Weather, chance: random.Random) -> None:
        self.cut = False
        self._database = database
        self._weather = weather
        self._chance = chance
        self._turn = asyncio.Lock()

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Runs work that may write."""
        async with self._turn:
            await self._wait()
            if _now() < self._weather.full_until:
                raise StoreUnavailable("the database is full")
            result = await self._database.run(work)
            self._fail("the commit's answer was lost")
            return result

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Runs work that only reads."""
        await self._wait()
        return await self._database.run(work)

    async def aclose(self) -> None:
        """The database is everybody's."""

    async def _wait(self) -> None:
        if self._weather.slow_odds and self._chance.random() < self._weather.slow_odds:
            await asyncio.sleep(self._chance.uniform(0.0, _SLOWEST_S))
        if self.cut or _now() < self._weather.away_until:
            raise StoreUnavailable("the database is away")
        self._fail("the database failed")

    def _fail(self, why: str) -> None:
        if self._weather.odds and self._chance.random() < self._weather.odds / 2:
            raise StoreUnavailable(why)


def _now() -> float:
    return asyncio.get_running_loop().time()
