"""A database for each test: a SQLite file, and a schema of its own on a PostgreSQL server."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from bot.store import Store, open_store
from bot.store.schema import metadata

POSTGRES = os.environ.get("TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/test")


@cache
def postgres_fault() -> str:
    """Why the PostgreSQL server can't be used, or nothing."""
    try:
        psycopg.connect(POSTGRES, connect_timeout=2).close()
    except psycopg.OperationalError as error:
        return str(error).splitlines()[0]
    return ""


@contextmanager
def postgres_schema() -> Iterator[str]:
    """The URL of an empty schema that nobody else uses."""
    if fault := postgres_fault():
        pytest.skip(f"no PostgreSQL server can be reached: {fault}")
    name = f"store_{uuid4().hex}"
    with psycopg.connect(
        POSTGRES, autocommit=True, options="-csynchronous_commit=off"
    ) as connection:
        connection.execute(f'CREATE SCHEMA "{name}"'.encode())
        try:
            # A test's server need not survive a power cut: commits need not wait for the disk.
            options = f"-csearch_path%3D{name}%20-csynchronous_commit%3Doff"
            separator = "&" if "?" in POSTGRES else "?"
            yield f"{POSTGRES}{separator}options={options}&application_name={name}"
        finally:
            connection.execute(f'DROP SCHEMA "{name}" CASCADE'.encode())


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A SQLite file that does not exist yet, in a folder that doesn't either."""
    return f"sqlite:///{tmp_path}/data/bot.db"


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """An empty schema."""
    with postgres_schema() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """An empty database of each kind."""
    fixture = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    found: str = request.getfixturevalue(fixture)
    return found


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    """A store in a database of each kind; its tables are made the quick way."""
    store = open_store(url)
    await store.database.run(metadata.create_all)
    yield store
    await store.aclose()
