"""The seam to the database: what it takes, what it refuses, and that nothing waits for ever."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import Connection, Engine, event, insert, text
from sqlalchemy.exc import DBAPIError

from bot.store import SqlDatabase, Store, StoreUnavailable, open_store, upgrade
from bot.store.database import database_url
from bot.store.schema import conversations, runs
from tests.doubles.stored import add_tokens, count_tokens, question, start, texts_of

RUN = UUID(int=1)

real_time = pytest.mark.real_time


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("sqlite:///bot.db", "sqlite+aiosqlite:///bot.db"),
        ("sqlite:////data/bot.db", "sqlite+aiosqlite:////data/bot.db"),
        ("sqlite+aiosqlite:///bot.db", "sqlite+aiosqlite:///bot.db"),
        ("postgres://u:p@h/d?sslmode=require", "postgresql+psycopg://u:p@h/d?sslmode=require"),
        ("postgresql://h/d", "postgresql+psycopg://h/d"),
        ("postgresql+psycopg://h/d", "postgresql+psycopg://h/d"),
    ],
)
def test_a_url_gets_the_driver_that_we_use(given: str, used: str) -> None:
    assert database_url(given) == used


@pytest.mark.parametrize("given", ["mysql://u:hunter2@h/d", "bot.db", "", "postgresql+asyncpg://h"])
def test_another_databases_url_is_refused_and_not_repeated(given: str) -> None:
    with pytest.raises(ValueError, match="sqlite:/// or postgresql://") as raised:
        open_store(given)
    assert "hunter2" not in str(raised.value)


@real_time
async def test_work_is_one_transaction(store: Store) -> None:
    def work(connection: Connection) -> None:
        connection.execute(text("DELETE FROM runs"))
        raise RuntimeError("in the middle")

    store.runs.begin(start(RUN))
    await store.settled(RUN, 10)
    with pytest.raises(RuntimeError, match="in the middle"):
        await store.database.run(work)
    assert await store.runs.get(RUN) is not None


@real_time
async def test_many_writers_and_readers_do_not_lock_each_other_out(store: Store) -> None:
    async def ask(n: int) -> None:
        assert await store.inbox.add(question(str(n)), n) is not None
        add_tokens(store, RUN, ["x"], first=n)
        await store.runs.recent(10)

    await asyncio.gather(*(ask(n) for n in range(100)))
    assert len(await store.inbox.unanswered()) == 100


@real_time
async def test_a_row_that_is_refused_is_no_outage(store: Store) -> None:
    def work(connection: Connection) -> None:
        connection.execute(insert(runs).values(run_id=str(RUN), question=None))

    with pytest.raises(DBAPIError):
        await store.database.run(work)


@real_time
@pytest.mark.sockets
async def test_a_value_beyond_the_databases_limits_is_no_outage(postgres_url: str) -> None:
    def work(connection: Connection) -> None:
        place = dict.fromkeys(("connector", "workspace", "channel"), "x")
        thread = "".join(chr(33 + n * n % 3000) for n in range(20_000))
        connection.execute(insert(conversations).values(**place, thread=thread, forgotten_us=1))

    async with opened(postgres_url) as database:
        with pytest.raises(DBAPIError):
            await database.run(work)


@real_time
async def test_a_database_that_was_never_made_names_the_cure(url: str) -> None:
    store = open_store(url)
    with pytest.raises(StoreUnavailable, match=r"run `.*everytoken db upgrade`"):
        await store.inbox.add(question(), 1)
    await store.aclose()


class opened:  # noqa: N801 - reads as a word at the call
    """A database for a block, up to date."""

    def __init__(self, url: str, deadline: float = 10.0) -> None:
        self._url = url
        self._deadline = deadline

    async def __aenter__(self) -> SqlDatabase:
        await upgrade(self._url)
        self._database = SqlDatabase(self._url, deadline=self._deadline)
        return self._database

    async def __aexit__(self, *_error: object) -> None:
        await self._database.aclose()


@contextmanager
def locked(url: str) -> Iterator[None]:
    """Another connection that keeps the database for itself."""
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield


@real_time
async def test_while_sqlite_is_locked_questions_are_refused_and_tokens_are_kept(
    sqlite_url: str,
) -> None:
    async with opened(sqlite_url) as database:
        store = Store(database)
        with locked(sqlite_url):
            add_tokens(store, RUN, [str(n) for n in range(100)])
            with pytest.raises(StoreUnavailable, match="locked"):
                await store.inbox.add(question(), 1)
            with pytest.raises(StoreUnavailable, match="100 rows wait"):
                await store.settled(RUN, 0.1)
            assert await texts_of(store, RUN) == []
        await store.settled(RUN, 10)
        assert await store.inbox.add(question(), 1) is not None
        assert await texts_of(store, RUN) == [str(n) for n in range(100)]


@real_time
async def test_a_full_database_loses_nothing_and_goes_on_once_there_is_room(
    sqlite_url: str,
) -> None:
    async with opened(sqlite_url) as database:
        store = Store(database)
        pages = await database.read(_pages)
        room = [pages + 1]

        # Set with each transaction: the limit is the connection's, and there are several.
        def limit(connection: Connection) -> None:
            connection.exec_driver_sql(f"PRAGMA max_page_count = {room[0]}").all()

        with listening("begin", limit):
            big = "x" * 200_000  # more than the pages that migrations have left free
            add_tokens(store, RUN, [big] * 20)
            with pytest.raises(StoreUnavailable, match="rows wait") as raised:
                await store.settled(RUN, 1)
            assert "full" in str(raised.value.__cause__)
            with pytest.raises(StoreUnavailable, match="full"):
                await store.inbox.add(question(text=big), 1)
            room[0] = 1_000_000
            await store.settled(RUN, 10)
            assert await texts_of(store, RUN) == [big] * 20
            assert store.lost(RUN) == 0


@contextmanager
def listening(name: str, heard: Callable[[Connection], None]) -> Iterator[None]:
    """Hears of an event of every engine for a while."""
    event.listen(Engine, name, heard)
    try:
        yield
    finally:
        event.remove(Engine, name, heard)


def _pages(connection: Connection) -> int:
    count: int = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    return count


@real_time
async def test_a_damaged_file_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "bot.db").write_bytes(b"no database at all, but long enough to be looked at" * 99)
    store = open_store(f"sqlite:///{tmp_path}/bot.db")
    with pytest.raises(StoreUnavailable, match="not a database"):
        await store.probe()
    await store.aclose()


@real_time
@pytest.mark.parametrize("work", ["probe", "upgrade"])
async def test_a_server_that_is_away_is_unavailable_and_its_password_stays_ours(
    work: str,
) -> None:
    url = "postgresql://bot:hunter2@127.0.0.1:1/bot"
    store = open_store(url)
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1") as raised:
        await (store.probe() if work == "probe" else upgrade(url))
    assert "hunter2" not in str(raised.value)
    await store.aclose()


@real_time
@pytest.mark.sockets
async def test_a_server_that_ends_our_connections_costs_nothing(postgres_url: str) -> None:
    async with opened(postgres_url) as database:
        store = Store(database)
        for n in range(20):
            add_tokens(store, RUN, [str(n)], first=n)
            await store.settled(RUN, 10)
            await asyncio.to_thread(_end_connections, postgres_url)
        assert await texts_of(store, RUN) == [str(n) for n in range(20)]


@real_time
@pytest.mark.sockets
async def test_a_connection_that_ends_in_mid_transaction_is_an_outage(postgres_url: str) -> None:
    async with opened(postgres_url) as database:
        with pytest.raises(StoreUnavailable):
            await database.run(_end_myself)
        assert await database.read(count_tokens) == 0


def _end_myself(connection: Connection) -> None:
    connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


def _end_connections(url: str) -> None:
    """Ends every other connection of this test."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = current_setting('application_name')"
            " AND pid <> pg_backend_pid()"
        )


@real_time
@pytest.mark.sockets
async def test_no_transaction_takes_longer_than_its_deadline(postgres_url: str) -> None:
    async with opened(postgres_url, deadline=0.2) as database:
        with pytest.raises(StoreUnavailable):
            await database.run(lambda connection: connection.execute(text("SELECT pg_sleep(60)")))


@real_time
async def test_the_writers_queue_ends_at_the_deadline_too(sqlite_url: str) -> None:
    async with opened(sqlite_url, deadline=0.3) as database:
        with locked(sqlite_url):
            waiting = [database.run(count_tokens) for _ in range(10)]
            results = await asyncio.gather(*waiting, return_exceptions=True)
        assert {type(result) for result in results} == {StoreUnavailable}
        assert await _soon(database, count_tokens) == 0


async def _soon(database: SqlDatabase, work: Callable[[Connection], int]) -> int:
    """Work that may have to wait for a transaction that is late."""
    for _ in range(20):
        try:
            return await database.run(work)
        except StoreUnavailable:
            continue
    raise AssertionError("the database never came back")


@real_time
async def test_cancelled_work_leaves_the_database_usable(store: Store) -> None:
    for n in range(20):
        task = asyncio.create_task(store.inbox.add(question(str(n)), n))
        await asyncio.sleep(n / 5_000)
        task.cancel()
        await asyncio.wait({task})
    assert await store.inbox.add(question("last"), 1) is not None
