"""Brings a database up to date, and says whether it is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, func, make_url, select, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool

from bot.store.database import CONNECT_TIMEOUT, database_url, make_folder, prepare_sqlite
from bot.store.errors import UPGRADE, StoreUnavailable, translated

LOCK_TIMEOUT = 60
"""Seconds that an upgrade waits for one that another process makes."""

_ADVISORY_LOCK = 0x65766572_79746F6B
"""Any number that nobody else locks on a shared PostgreSQL: the letters of our name."""


async def upgrade(url: str) -> None:
    """Makes and migrates the database at `url`; where it is up to date, nothing happens.

    Several processes may do so at once: one does it, the others wait. All of it is one
    transaction. Raises `StoreUnavailable`, or `ValueError` for a URL that is not one of ours.
    """
    await asyncio.to_thread(_upgrade, url)


def _upgrade(url: str) -> None:
    engine = _engine(make_url(database_url(url)))
    try:
        with translated(), _alone(engine) as connection:
            command.upgrade(_config(connection), "head")
    except ProgrammingError as error:
        raise StoreUnavailable(
            f"the database's tables can't be made ({str(error.orig).splitlines()[0]}): "
            "its user needs the right to create tables in its schema"
        ) from error
    finally:
        engine.dispose()


def check(connection: Connection) -> None:
    """Raises `StoreUnavailable` with the cure where the database is not up to date."""
    revision = MigrationContext.configure(connection).get_current_revision()
    scripts = ScriptDirectory.from_config(_config(connection))
    if revision == scripts.get_current_head():
        return
    if revision is None:
        raise StoreUnavailable(f"the database has no tables yet: {UPGRADE}")
    if revision not in {script.revision for script in scripts.walk_revisions()}:
        raise StoreUnavailable(
            f"the database is of a newer version (revision {revision}): update everytoken"
        )
    raise StoreUnavailable(f"the database is not up to date: {UPGRADE}")


def _config(connection: Connection) -> Config:
    config = Config()
    folder = str(Path(__file__).parent / "migrations")
    config.set_main_option("script_location", folder.replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        make_folder(url)
        engine = create_engine(
            url.set(drivername="sqlite"),
            poolclass=NullPool,
            connect_args={"isolation_level": None, "timeout": LOCK_TIMEOUT},
        )
        prepare_sqlite(engine, busy_timeout=LOCK_TIMEOUT)
        return engine
    return create_engine(url, poolclass=NullPool, connect_args={"connect_timeout": CONNECT_TIMEOUT})


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    """A transaction in which no other process upgrades."""
    with engine.execution_options(begin="BEGIN EXCLUSIVE").begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}s'"))
            connection.execute(select(func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
        yield connection
