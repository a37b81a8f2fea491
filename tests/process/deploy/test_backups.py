"""Backups are made and restored by the commands of docs/keeping.md."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest

from bot.store import open_store, upgrade
from tests.doubles.databases import POSTGRES, postgres_schema
from tests.doubles.stored import add_tokens, end, start, texts_of
from tests.unit.deploy.files import ROOT

pytestmark = [pytest.mark.real_time, pytest.mark.timeout(120)]

PAGE = (ROOT / "docs" / "keeping.md").read_text()


def commands(beginning: str) -> list[str]:
    """The lines of the block of the page in which one begins so."""
    blocks = re.findall(r"^```\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    found: str = next(block for block in blocks if re.search(f"^{beginning}", block, re.MULTILINE))
    return found.splitlines()


def done(line: str, folder: Path, **environment: str) -> None:
    """Runs a line of the page; who lacks `sqlite3` runs what the page names in its place."""
    if line.startswith("sqlite3 ") and shutil.which("sqlite3") is None:
        _, database, statement = shlex.split(line)
        code = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute(sys.argv[2])"
        line = shlex.join(["python3", "-c", code, database, statement])
    given = os.environ | environment
    subprocess.run(["sh", "-c", line], cwd=folder, env=given, check=True, capture_output=True)


async def _answered(url: str, said: str) -> UUID:
    """One answer more in the database; a store that is open, as the bot's is."""
    store, run_id = open_store(url), uuid4()
    try:
        store.runs.begin(start(run_id, 1))
        add_tokens(store, run_id, [said])
        store.runs.end(run_id, end(generated_text=said))
        await store.settled(run_id, 10)
    finally:
        await store.aclose()
    return run_id


async def _says(url: str, run_id: UUID) -> list[str]:
    store = open_store(url)
    try:
        return await texts_of(store, run_id)
    finally:
        await store.aclose()


async def test_sqlite_is_backed_up_while_it_is_open_and_restored(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    url = f"sqlite:///{tmp_path}/data/everytoken.db"
    await upgrade(url)
    kept = await _answered(url, "before the backup")
    open_still = open_store(url)
    await texts_of(open_still, kept)
    for line in commands("sqlite3"):
        done(line, tmp_path)
    lost = await _answered(url, "after it")
    await open_still.aclose()
    for line in commands("cp backup.db|rm -f"):
        done(line, tmp_path)
    await upgrade(url)
    assert await _says(url, kept) == ["before the backup"]
    assert await _says(url, lost) == []


@pytest.mark.skipif(shutil.which("pg_dump") is None, reason="pg_dump is missing")
async def test_postgresql_is_backed_up_while_it_is_open_and_restored(tmp_path: Path) -> None:
    """Of a schema of the test's own, since others share the database."""
    with postgres_schema() as url:
        schema = re.search(r"application_name=(\w+)", url)
        assert schema is not None
        await upgrade(url)
        kept = await _answered(url, "before the backup")
        (dump,), (restore,) = commands("pg_dump"), commands("pg_restore")
        done(dump.replace("pg_dump ", f"pg_dump -n {schema[1]} "), tmp_path, DATABASE_URL=POSTGRES)
        lost = await _answered(url, "after it")
        with psycopg.connect(POSTGRES, autocommit=True) as connection:
            connection.execute(f'DROP TABLE "{schema[1]}".runs CASCADE'.encode())
        done(restore, tmp_path, DATABASE_URL=POSTGRES)
        await upgrade(url)
        assert await _says(url, kept) == ["before the backup"]
        assert await _says(url, lost) == []
