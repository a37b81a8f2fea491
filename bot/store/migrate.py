"""Brings a database up to date, and says whether it is.

Alembic takes a tenth of the bot's time to start and ten megabytes, so it is imported only where
there is something to do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    create_engine,
    func,
    inspect,
    make_url,
    select,
    text,
)
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool

from bot.store.database import (
    CONNECT_TIMEOUT,
    UPGRADE,
    StoreUnavailable,
    database_url,
    make_folder,
    prepare_sqlite,
    translated,
)
from bot.words import english

if TYPE_CHECKING:
    from alembic.config import Config

LOCK_TIMEOUT = 60
"""Seconds that an upgrade waits for one that another process makes."""

_MIGRATIONS = Path(__file__).parent / "migrations"

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
        with translated(), engine.connect() as connection:
            if _is_current(connection):
                return
        migrate = _migration()
        with translated(), _alone(engine) as connection:
            if not _is_current(connection):  # another may have done it meanwhile
                migrate(connection)
    except ProgrammingError as error:
        raise StoreUnavailable(
            f"the database's tables can't be made ({str(error.orig).splitlines()[0]}): "
            "its user needs the right to create tables in its schema",
            "store.rights",
        ) from error
    finally:
        engine.dispose()


def _is_current(connection: Connection) -> bool:
    """Whether the database is up to date. Raises `StoreUnavailable` where it is of a newer version:
    what a later program has made of it this one would misread.
    """
    revision = revision_of(connection)
    if revision is not None and revision not in _revisions():
        raise StoreUnavailable(
            f"the database is of a newer version (revision {revision}, this program knows up to "
            f"{head()}): update everytoken, or name another database",
            "store.newer",
        )
    return revision == head()


def _revisions() -> set[str]:
    """Each migration's number."""
    return {path.stem[1:5] for path in (_MIGRATIONS / "versions").glob("v[0-9]*.py")}


def head() -> str:
    """The revision of a database that is up to date: the newest migration's number."""
    return max(_revisions())


def revision_of(connection: Connection) -> str | None:
    """The database's revision; None where it has no tables yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(
        text("SELECT version_num FROM alembic_version")
    ).scalar_one_or_none()
    return found


def _migration() -> Callable[[Connection], None]:
    """Imported before the database is locked: others wait for it a second only."""
    from alembic import command

    return lambda connection: command.upgrade(_config(connection), "head")


def check(connection: Connection) -> None:
    """Raises `StoreUnavailable` with the cure where the database is not up to date."""
    if revision_of(connection) is None:
        raise StoreUnavailable(f"the database has no tables yet: {english(UPGRADE)}", "store.old")
    if not _is_current(connection):
        raise StoreUnavailable(f"the database is not up to date: {english(UPGRADE)}", "store.old")


def _config(connection: Connection) -> Config:
    from alembic.config import Config

    config = Config()
    folder = str(_MIGRATIONS)
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
