"""A database for each test: a SQLite file, and a schema of its own on a PostgreSQL server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bot.store import Store, open_store
from bot.store.schema import metadata
from tests.doubles.databases import postgres_schema


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A SQLite file that does not exist yet, in a folder that doesn't either."""
    return f"sqlite:///{tmp_path}/data/bot.db"


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """An empty schema."""
    with postgres_schema() as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.sockets)])
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
