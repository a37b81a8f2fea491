"""What is deployed runs as real processes, on the real clock."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.commands import Shell
from tests.doubles.databases import postgres_fault, postgres_schema


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """The real clock."""
    return "asyncio", {"loop_factory": asyncio.SelectorEventLoop}


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A shell in a folder of the test's own."""
    return Shell(tmp_path)


@pytest.fixture
def database(tmp_path: Path) -> Any:
    """An empty database, as Heroku writes its address; SQLite where no PostgreSQL server is."""
    if postgres_fault():
        yield f"sqlite:///{tmp_path}/everytoken.db"
        return
    with postgres_schema() as url:
        yield url.replace("postgresql://", "postgres://", 1)
