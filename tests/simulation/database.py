"""The store's tables in memory, and each process's way to them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection

from bot.store import InlineDatabase, StoreUnavailable
from bot.store.database import translated
from tests.doubles.way import START_US

T = TypeVar("T")

_SLOWEST_S = 4.0
_EPOCH_DAYS = 2440587.5
_STEPS = """
CREATE TABLE steps (call TEXT, old TEXT, new TEXT, by TEXT, owner TEXT);
CREATE TRIGGER asked AFTER INSERT ON tool_calls BEGIN
  INSERT INTO steps VALUES (NEW.run_id || '/' || NEW.n, '', NEW.state, NULL, NULL);
  SELECT stepped(NEW.state);
END;
CREATE TRIGGER stepped AFTER UPDATE OF state ON tool_calls BEGIN
  INSERT INTO steps VALUES (NEW.run_id || '/' || NEW.n, OLD.state, NEW.state, NEW.owner,
    (SELECT owner FROM runs WHERE run_id = COALESCE(NEW.sender, NEW.run_id)));
  SELECT stepped(NEW.state);
END;
"""
"""Each step of a call, as the database saw it, and who owned the run that makes it just then."""


class OpenDatabase(InlineDatabase):
    """Keeps its connection: to take one for each transaction is a tenth of what a seed costs."""

    def __init__(self) -> None:
        super().__init__()
        self._connection = self._engine.connect()
        driver: Any = self._connection.connection.driver_connection
        driver.create_function("julianday", 1, _day)
        driver.create_function("stepped", 1, self._stepped)
        driver.executescript(_STEPS)
        self._with_steps = driver.serialize()
        self.on_step: Callable[[str], None] = _unheard
        """Hears of the state that a call comes to."""

    def forget(self) -> None:
        """Is as it was made."""
        self.on_step = _unheard
        driver: Any = self._connection.connection.driver_connection
        driver.deserialize(self._with_steps)

    def _stepped(self, state: str) -> None:
        self.on_step(state)

    async def run(self, work: Callable[[Connection], T]) -> T:
        """See `Database.run`."""
        with translated(), self._connection.begin():
            return work(self._connection)


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
        self.stalled_until = 0.0
        """Nothing gets through before, and all of it then."""
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
        if _now() < self.stalled_until:
            await asyncio.sleep(self.stalled_until - _now())
        if self._weather.slow_odds and self._chance.random() < self._weather.slow_odds:
            await asyncio.sleep(self._chance.uniform(0.0, _SLOWEST_S))
        if self.cut or _now() < self._weather.away_until:
            raise StoreUnavailable("the database is away")
        self._fail("the database failed")

    def _fail(self, why: str) -> None:
        if self._weather.odds and self._chance.random() < self._weather.odds / 2:
            raise StoreUnavailable(why)


def _unheard(_state: str) -> None: ...


def _day(_when: str) -> float:
    """The database's clock is the loop's."""
    return _EPOCH_DAYS + (START_US / 1e6 + _now()) / 86_400


def _now() -> float:
    return asyncio.get_running_loop().time()
