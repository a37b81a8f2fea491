"""One seam to the database: work over a synchronous connection, run as one transaction; and what
can go wrong with it.
"""

from __future__ import annotations

import asyncio
import errno
import sqlite3
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

import sqlalchemy.exc
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import QueuePool

from bot.store.schema import complete_for_postgresql
from bot.words import Sentence, english

# What can go wrong with the database, and which of it passes.


UPGRADE = Sentence("cure.store.old")

_UNDEFINED_TABLE = "42P01"
_UNDEFINED_COLUMN = "42703"
_PROGRAM_LIMIT = "54"
_READ_ONLY = "25006"
_FULL = ("53100", "53400")
"""PostgreSQL's: the disk is full, a limit of its configuration is reached."""
_NO_ROOM_TO_GROW = (sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE)
"""SQLite's, where the file, or the one beside it that processes share, can't grow."""
_SQLITE_BAD_ROW = {
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_RANGE,
    sqlite3.SQLITE_TOOBIG,
}


class StoreUnavailable(Exception):
    """The database is locked, full, away, too slow or not upgraded; the same may work later.

    Whether a write was done is not known: every write of the store can be repeated. The cause
    is kept; the message holds nothing that was to be stored. `cure` says what mends it.
    """

    def __init__(self, message: str, cure: str = "store.unreached") -> None:
        super().__init__(message)
        self.cure = Sentence(f"cure.{cure}")


@contextmanager
def translated() -> Iterator[None]:
    """Raises `StoreUnavailable` for a failure that may pass; a bad row or a bug stays as it is."""
    try:
        yield
    except (sqlalchemy.exc.SQLAlchemyError, OSError) as error:
        translation = _translation(error)
        if translation is None:
            raise
        raise translation from error


def _translation(error: Exception) -> StoreUnavailable | None:
    if isinstance(error, sqlalchemy.exc.DBAPIError):
        return _from_driver(error)
    if _is_full(error):
        return _full()
    if isinstance(error, (sqlalchemy.exc.TimeoutError, OSError)):
        return StoreUnavailable(f"the database can't be reached: {type(error).__name__}")
    return None


def _from_driver(error: sqlalchemy.exc.DBAPIError) -> StoreUnavailable | None:
    cause = error.orig
    sqlstate = getattr(cause, "sqlstate", None) or ""
    if sqlstate in (_UNDEFINED_TABLE, _UNDEFINED_COLUMN) or _lacks_schema(cause):
        return StoreUnavailable(f"the database is not up to date: {english(UPGRADE)}", "store.old")
    if sqlstate in _FULL or _is_full(cause):
        return _full()
    if error.connection_invalidated or sqlstate == _READ_ONLY or _passes(error, sqlstate):
        return StoreUnavailable(f"the database failed: {_first_line(cause)}")
    return None


def _full() -> StoreUnavailable:
    return StoreUnavailable(english(Sentence("store.full")), "store.full")


def _is_full(cause: BaseException | None) -> bool:
    """Whether there is no room left, on the disk or by a quota."""
    if isinstance(cause, sqlite3.OperationalError):
        code = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        return code & 0xFF == sqlite3.SQLITE_FULL or code in _NO_ROOM_TO_GROW
    return isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT)


def _passes(error: sqlalchemy.exc.DBAPIError, sqlstate: str) -> bool:
    cause = error.orig
    if isinstance(cause, sqlite3.DatabaseError):
        # A damaged file is a plain DatabaseError; bad values have classes of their own.
        code = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        plain = type(cause) in (sqlite3.OperationalError, sqlite3.DatabaseError)
        return plain and code not in _SQLITE_BAD_ROW
    if isinstance(error, sqlalchemy.exc.OperationalError):
        return not sqlstate.startswith(_PROGRAM_LIMIT)
    return False


def _lacks_schema(cause: BaseException | None) -> bool:
    text = str(cause)
    return isinstance(cause, sqlite3.OperationalError) and (
        text.startswith(("no such table", "no such column")) or "has no column named" in text
    )


def _first_line(cause: BaseException | None) -> str:
    """Operational errors name hosts, files and limits, never the values of a row."""
    lines = str(cause).strip().splitlines()
    return lines[0] if lines else type(cause).__name__


T = TypeVar("T")

BUSY_TIMEOUT = 1.0
"""Seconds that SQLite waits for another process's lock."""
CONNECT_TIMEOUT = 5
"""Seconds until PostgreSQL has to have answered a new connection."""

_POOL = 2
"""Connections of one process to PostgreSQL: transactions are short, and processes are many."""

_IMMEDIATE = {"begin": "BEGIN IMMEDIATE"}
_THREADS = 4
"""So many transactions of one SQLite file run at once: one writer, and readers beside it."""


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
        """For a connector's own table: the same database, but no turns and no deadlines."""
        self._threads = _Threads(url) if self.engine.dialect.name == "sqlite" else None
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def on_postgresql(self) -> bool:
        """Whether it is PostgreSQL."""
        return self._threads is None

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Runs work that may write; it is committed when this returns."""
        if self._threads is None:
            return await self._in_time(_transact(self.engine, work))
        try:
            async with asyncio.timeout(self._deadline):
                await self._turn.acquire()
        except TimeoutError:
            raise StoreUnavailable(f"others wrote for longer than {self._deadline:g} s") from None
        return await self._in_time(self._write(self._threads, work))

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Runs work that only reads, beside any writer."""
        if self._threads is None:
            return await self._in_time(_transact(self.engine, work))
        return await self._in_time(self._threads.read(work))

    async def aclose(self) -> None:
        """Closes every connection; transactions that are late get `deadline` seconds to end."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._deadline)
        await self.engine.dispose()
        if self._threads is not None:
            self._threads.close()

    async def _write(self, threads: _Threads, work: Callable[[Connection], T]) -> T:
        try:
            return await threads.write(work)
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
            if self._threads is None:
                task.cancel()
        if not done:
            raise StoreUnavailable(f"the database took longer than {self._deadline:g} s")
        return task.result()

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # seen, also where nobody waits for it any more


class _Threads:
    """A SQLite file's transactions, each done whole by one thread.

    The asynchronous driver hands a thread every single step, ten for a small transaction: that
    costs more than what the steps do.
    """

    def __init__(self, url: str) -> None:
        self._engine = create_engine(
            make_url(database_url(url)).set(drivername="sqlite"),
            hide_parameters=True,
            poolclass=QueuePool,
            pool_size=_THREADS,
            max_overflow=0,
            connect_args={"isolation_level": None, "check_same_thread": False},
        )
        prepare_sqlite(self._engine)
        self._writing = self._engine.execution_options(**_IMMEDIATE)
        self._pool = ThreadPoolExecutor(_THREADS, "sqlite")

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Runs work that only reads."""
        return await asyncio.get_running_loop().run_in_executor(
            self._pool, transacted, self._engine, work
        )

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Runs work that may write; one at a time."""
        return await asyncio.get_running_loop().run_in_executor(
            self._pool, transacted, self._writing, work
        )

    def close(self) -> None:
        """Closes every connection; what still runs ends by itself."""
        self._pool.shutdown(wait=False)
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


def transacted(engine: Engine, work: Callable[[Connection], T]) -> T:
    """Runs work in a transaction of its own."""
    with translated(), engine.begin() as connection:
        return work(connection)


async def _transact(engine: AsyncEngine, work: Callable[[Connection], T]) -> T:
    with translated():
        async with engine.begin() as connection:
            return await connection.run_sync(work)


def open_engine(url: str, *, deadline: float) -> AsyncEngine:
    """An engine over the database at `url`, set up as the store's own.

    PostgreSQL ends each statement after `deadline` seconds, and SQLite waits so long for another
    writer. Raises `ValueError` for a URL that is neither SQLite's nor PostgreSQL's.
    """
    parsed = make_url(database_url(url))
    if parsed.get_backend_name() == "sqlite":
        return _sqlite_engine(parsed, deadline)
    return _postgresql_engine(parsed, deadline)


def _sqlite_engine(url: URL, deadline: float) -> AsyncEngine:
    make_folder(url)
    engine = create_async_engine(url, hide_parameters=True, connect_args={"isolation_level": None})
    prepare_sqlite(engine.sync_engine, busy_timeout=deadline)
    return engine


def _postgresql_engine(url: URL, deadline: float) -> AsyncEngine:
    complete_for_postgresql()
    engine = create_async_engine(
        url,
        hide_parameters=True,
        pool_pre_ping=True,
        pool_size=_POOL,
        max_overflow=0,
        pool_timeout=deadline,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT,
            "prepare_threshold": None,  # poolers such as PgBouncer lose prepared statements
        },
    )
    _limit_statements(engine.sync_engine, deadline)
    return engine


def _limit_statements(engine: Engine, seconds: float) -> None:
    """PostgreSQL itself ends what nobody waits for any more.

    Told in each transaction: what is set for a connection, a pooler gives to others.
    """
    limit = round(seconds * 1000)
    told = (
        f"SET LOCAL statement_timeout = {limit}; "
        f"SET LOCAL idle_in_transaction_session_timeout = {limit}"
    )

    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(told)

    event.listen(engine, "begin", begin)
