"""The database's history leads to the very tables that the code knows."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, inspect, text

from bot.store import SqlDatabase, Store, StoreUnavailable, migrate, open_store, upgrade
from bot.store.schema import metadata
from connectors.slack import installations
from connectors.web import messages
from tests.doubles.stored import add_tokens, start, texts_of

pytestmark = pytest.mark.real_time


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    """A store in a database of each kind, made by the migrations."""
    await upgrade(url)
    store = open_store(url)
    yield store
    await store.aclose()


def known_tables() -> MetaData:
    """The store's tables, the playground's, and those for Slack's workspaces."""
    known = MetaData()
    for tables in (metadata, messages.metadata, installations.metadata):
        for table in tables.sorted_tables:
            table.to_metadata(known)
    return known


def differences(connection: Connection) -> list[Any]:
    """What would have to change for the database to be as the code knows it."""
    context = MigrationContext.configure(connection, opts={"compare_server_default": True})
    return list(compare_metadata(context, known_tables()))


async def test_the_migrations_make_the_tables_that_the_code_knows(url: str) -> None:
    await upgrade(url)
    database = SqlDatabase(url)
    assert await database.read(differences) == []
    await database.aclose()


async def test_a_column_that_the_migrations_lack_would_be_found(store: Store) -> None:
    await store.database.run(
        lambda c: c.execute(text("ALTER TABLE runs DROP COLUMN finish_reason"))
    )
    assert [change[0] for change in await store.database.read(differences)] == ["add_column"]


async def test_token_rows_have_no_row_id_in_sqlite(sqlite_url: str) -> None:
    await upgrade(sqlite_url)
    database = SqlDatabase(sqlite_url)
    options = await database.read(lambda c: inspect(c).get_table_options("tokens"))
    assert options == {"sqlite_with_rowid": False}
    await database.aclose()


async def test_upgrading_again_changes_nothing_and_keeps_what_is_there(url: str) -> None:
    await upgrade(url)
    store = open_store(url)
    run = start()
    add_tokens(store, run.run_id, ["x"])
    await store.settled(run.run_id, 10)
    await upgrade(url)
    assert await texts_of(store, run.run_id) == ["x"]
    await store.aclose()


async def test_an_up_to_date_database_passes_the_probe(store: Store) -> None:
    await store.probe()


async def test_the_probe_of_an_empty_database_names_the_cure(url: str) -> None:
    store = open_store(url)
    with pytest.raises(StoreUnavailable, match=r"no tables yet: run `.*everytoken db upgrade`"):
        await store.probe()
    await store.aclose()


async def test_the_probe_of_a_newer_database_asks_for_a_newer_program(store: Store) -> None:
    await store.database.run(
        lambda c: c.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    )
    with pytest.raises(StoreUnavailable, match="update everytoken"):
        await store.probe()


async def test_a_newer_database_is_not_upgraded_but_refused_with_the_cure(
    url: str, store: Store
) -> None:
    await store.database.run(
        lambda c: c.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    )
    newer = r"newer version \(revision 9999.*update everytoken"
    for tried in (upgrade(url), store.probe()):
        with pytest.raises(StoreUnavailable, match=newer) as told:
            await tried
        assert told.value.cure.id == "cure.store.newer", "the doctor names no address or password"


async def test_an_upgrade_that_fails_half_way_leaves_nothing(url: str) -> None:
    database = SqlDatabase(url)
    await database.run(lambda c: c.execute(text("CREATE TABLE web_messages (seq INTEGER)")))
    with pytest.raises(Exception, match="already exists"):
        await upgrade(url)
    names = await database.read(lambda c: inspect(c).get_table_names())
    assert names == ["web_messages"]
    await database.aclose()


async def test_upgrades_at_the_same_moment_wait_for_each_other(url: str) -> None:
    await asyncio.gather(*(upgrade(url) for _ in range(5)))
    store = open_store(url)
    await store.probe()
    await store.aclose()


async def test_an_upgrade_waits_for_whoever_has_the_new_file_locked(tmp_path: Path) -> None:
    """SQLite itself would fail at once: the switch to its write-ahead log waits for nobody."""
    other = sqlite3.connect(tmp_path / "bot.db", isolation_level=None)
    other.execute("CREATE TABLE theirs (x)")
    other.execute("BEGIN IMMEDIATE")
    upgrading = asyncio.create_task(upgrade(f"sqlite:///{tmp_path}/bot.db"))
    done, _ = await asyncio.wait({upgrading}, timeout=0.2)
    assert not done
    other.execute("COMMIT")
    await upgrading
    other.close()


async def test_a_folder_that_can_not_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable, match=r"folder .*/file/data can't be made: Not a dir"):
        await upgrade(f"sqlite:///{tmp_path}/file/data/bot.db")


async def test_a_folder_with_odd_characters_can_hold_the_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/50% of é/a b/bot.db"
    await upgrade(url)
    assert (tmp_path / "50% of é" / "a b" / "bot.db").exists()
    store = open_store(url)
    await store.probe()
    await store.aclose()


@pytest.mark.sockets
async def test_a_user_who_may_make_no_tables_is_told_so(postgres_url: str) -> None:
    nowhere = postgres_url.replace("search_path%3D", "search_path%3Dnot_")
    with pytest.raises(StoreUnavailable, match="needs the right to create tables") as told:
        await upgrade(nowhere)
    assert told.value.cure.id == "cure.store.rights"


def test_the_newest_migration_is_known_without_alembic() -> None:
    """It is imported only where there is something to do, which the file names tell."""
    scripts = ScriptDirectory(str(Path(migrate.__file__).parent / "migrations"))
    assert migrate.head() == scripts.get_current_head()
