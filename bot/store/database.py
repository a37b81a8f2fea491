"""One seam to the database: work over a synchronous connection, run as one transaction.

SQLite runs in WAL mode with `synchronous=NORMAL`: what was committed survives a `kill -9` of the
process; a power cut can cost the newest transactions, but never damages the file.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import StaticPool

from bot.store.errors import StoreUnavailable, translated
from bot.store.tables import metadata

T = TypeVar("T")

BUSY_TIMEOUT = 1.0
"""Seconds that SQLite waits for another process's lock."""
CONNECT_TIMEOUT = 5
"""Seconds until PostgreSQL has to have answered a new connection."""

_IMMEDIATE = {"begin": "BEGIN IMMEDIATE"}


class Database(Protocol):
    """Runs work as transactions. Both methods raise `StoreUnavailable`, the cause kept."""

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Runs work that may write; it is committed when this returns."""
        ...

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Runs work that only reads, beside any writer."""
        ...

    async def aclose(self) -> None:
        """Closes every connection."""
        ...


class SqlDatabase:
    """SQLite (one writer at a time, readers beside it) or PostgreSQL.

    Neither its turn nor the transaction itself may take longer than `deadline` seconds.
    """

    def __init__(self, url: str, *, deadline: float = 10.0) -> None:
        self._deadline = deadline
        self.engine = open_engine(url, deadline=deadline)
        """For a connector's own table: the same connections, but no turns and no deadlines."""
        self._writing = self.engine.execution_options(**_IMMEDIATE)
        self._sqlite = self.engine.dialect.name == "sqlite"
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Runs work that may write; it is committed when this returns."""
        if not self._sqlite:
            return await self._in_time(_transact(self.engine, work))
        try:
            async with asyncio.timeout(self._deadline):
                await self._turn.acquire()
        except TimeoutError:
            raise StoreUnavailable(f"others wrote for longer than {self._deadline:g} s") from None
        return await self._in_time(self._write(work))

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Runs work that only reads, beside any writer."""
        return await self._in_time(_transact(self.engine, work))

    async def aclose(self) -> None:
        """Closes every connection; transactions that are late get `deadline` seconds to end."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._deadline)
        await self.engine.dispose()

    async def _write(self, work: Callable[[Connection], T]) -> T:
        try:
            return await _transact(self._writing, work)
        finally:
            self._turn.release()

    async def _in_time(self, transaction: Coroutine[Any, Any, T]) -> T:
        # A task of its own, because what is late must not hold us up. On SQLite it goes on, and
        # keeps its turn: a cancel does not end the statement, and can leave the file locked.
        # PostgreSQL is told to end it.
        task = asyncio.create_task(transaction)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        try:
            done, _ = await asyncio.wait({task}, timeout=self._deadline)
        finally:
            if not self._sqlite:
                task.cancel()
        if not done:
            raise StoreUnavailable(f"the database took longer than {self._deadline:g} s")
        return task.result()

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # seen, also where nobody waits for it any more


class InlineDatabase:
    """The store's tables in memory. Work is run at once, without threads: for virtual time."""

    def __init__(self) -> None:
        self._engine = create_engine(
            "sqlite://",
            poolclass=StaticPool,
            hide_parameters=True,
            connect_args={"isolation_level": None},
        )
        prepare_sqlite(self._engine)
        metadata.create_all(self._engine)

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Runs work that may write; it is committed when this returns."""
        with translated(), self._engine.begin() as connection:
            return work(connection)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Runs work that only reads."""
        return await self.run(work)

    async def aclose(self) -> None:
        """Forgets everything."""
        self._engine.dispose()


def database_url(url: str) -> str:
    """The URL with the driver that we use; `ValueError` where the database is not one of ours."""
    scheme, separator, rest = url.partition("://")
    if separator and scheme in ("postgres", "postgresql", "postgresql+psycopg"):
        return f"postgresql+psycopg://{rest}"
    if separator and scheme in ("sqlite", "sqlite+aiosqlite"):
        return f"sqlite+aiosqlite://{rest}"
    raise ValueError(
        "the database's URL has to begin with sqlite:/// or postgresql://, "
        f"not with {scheme[:20]!r}"
    )


def prepare_sqlite(engine: Engine, busy_timeout: float = BUSY_TIMEOUT) -> None:
    """Sets up each connection, and begins each transaction as the `begin` option says."""

    def set_up(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {round(busy_timeout * 1000)}")
        _use_wal(cursor, busy_timeout)
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.close()

    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))

    event.listen(engine, "connect", set_up)
    event.listen(engine, "begin", begin)


def _use_wal(cursor: Any, busy_timeout: float) -> None:
    # SQLite waits for no lock here: of two processes that open a new file at once, one would fail.
    until = time.monotonic() + busy_timeout
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
        time.sleep(0.01)


def make_folder(url: URL) -> None:
    """Makes the folder of a SQLite file; raises `StoreUnavailable` where that can't be."""
    if url.database and url.database != ":memory:":
        folder = Path(url.database).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreUnavailable(
                f"the database's folder {folder} can't be made: {error.strerror}"
            ) from error


async def _transact(engine: AsyncEngine, work: Callable[[Connection], T]) -> T:
    with translated():
        async with engine.begin() as connection:
            return await connection.run_sync(work)


def open_engine(url: str, *, deadline: float) -> AsyncEngine:
    """An engine over the database at `url`, set up as the store's own.

    PostgreSQL ends each statement after `deadline` seconds. Raises `ValueError` for a URL that is
    neither SQLite's nor PostgreSQL's.
    """
    parsed = make_url(database_url(url))
    if parsed.get_backend_name() == "sqlite":
        return _sqlite_engine(parsed)
    return _postgresql_engine(parsed, deadline)


def _sqlite_engine(url: URL) -> AsyncEngine:
    make_folder(url)
    engine = create_async_engine(url, hide_parameters=True, connect_args={"isolation_level": None})
    prepare_sqlite(engine.sync_engine)
    return engine


def _postgresql_engine(url: URL, deadline: float) -> AsyncEngine:
    engine = create_async_engine(
        url,
        hide_parameters=True,
        pool_pre_ping=True,
        pool_timeout=deadline,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT,
            "prepare_threshold": None,  # poolers such as PgBouncer lose prepared statements
        },
    )
    _limit_statements(engine.sync_engine, deadline)
    return engine


def _limit_statements(engine: Engine, seconds: float) -> None:
    """PostgreSQL itself ends what nobody waits for any more."""

    def set_up(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(f"SET statement_timeout = {round(seconds * 1000)}")
        cursor.execute(f"SET idle_in_transaction_session_timeout = {round(seconds * 1000)}")
        cursor.close()
        connection.commit()

    event.listen(engine, "connect", set_up)
