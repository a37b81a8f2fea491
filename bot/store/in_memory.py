"""The store's tables in memory, for tests and simulations: many databases, made in no time."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import StaticPool
from sqlalchemy.util import LRUCache

from bot.store.database import transacted
from bot.store.schema import metadata

T = TypeVar("T")


class InlineDatabase:
    """The store's tables in memory. Work is run at once, without threads: for virtual time."""

    def __init__(self) -> None:
        first = _in_memory()
        # Each has a connection of its own; all have the statements that one has compiled.
        self._engine = Engine(
            first.pool.recreate(),
            first.dialect,
            first.url,
            execution_options={"compiled_cache": _COMPILED},
            hide_parameters=True,
        )
        event.listen(self._engine, "begin", _begin_in_memory)
        self.empty()

    def empty(self) -> None:
        """Forgets everything that it holds."""
        _driver(self._engine).deserialize(_empty_tables())

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Runs work that may write; it is committed when this returns."""
        return transacted(self._engine, work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Runs work that only reads."""
        return await self.run(work)

    async def aclose(self) -> None:
        """Closes the connection, and with it all that it holds."""
        self._engine.dispose()


def _begin_in_memory(connection: Connection) -> None:
    # Nothing else has it, so nothing can fail here that SQLAlchemy would have to translate.
    cast("sqlite3.Connection", connection.connection.driver_connection).execute("BEGIN")


_COMPILED = LRUCache[Any, Any](1000)
"""What SQLAlchemy has compiled for any database in memory: more than a store has statements."""


@cache
def _in_memory() -> Engine:
    engine = create_engine(
        "sqlite://", poolclass=StaticPool, connect_args={"isolation_level": None}
    )
    engine.connect().close()  # the dialect learns of the driver what it can
    return engine


@cache
def _empty_tables() -> bytes:
    """The tables as SQLite writes them: to make them statement by statement takes 25 ms."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    metadata.create_all(engine)
    empty = _driver(engine).serialize()
    engine.dispose()
    return empty


def _driver(engine: Engine) -> sqlite3.Connection:
    """SQLite's own connection, where there is but one."""
    with engine.connect() as connection:
        return cast("sqlite3.Connection", connection.connection.driver_connection)
