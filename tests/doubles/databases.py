"""Databases for tests: a PostgreSQL server's schemas, and SQLite files that are up to date."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from bot.store import upgrade
from tests.doubles.guard import GUARD

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
    GUARD.refuse("PostgreSQL")
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


_MIGRATED: list[bytes] = []


async def migrated(file: Path) -> None:
    """Makes a SQLite file as the migrations do; they run once, for they take a quarter second."""
    if not _MIGRATED:
        await upgrade(f"sqlite:///{file}")
        _MIGRATED.append(_contents(file))
    else:
        _write(file, _MIGRATED[0])


def _contents(file: Path) -> bytes:
    """All of a database, also what is still in its log beside it."""
    with closing(sqlite3.connect(file)) as connection:
        return connection.serialize()


def _write(file: Path, contents: bytes) -> None:
    file.write_bytes(contents)
