"""Processes that bring one database up to date."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from bot.store import open_store, upgrade
from tests.contract.store.conftest import postgres_url, sqlite_url, url

__all__ = ["postgres_url", "sqlite_url", "url"]

pytestmark = pytest.mark.real_time


async def test_processes_that_upgrade_at_once_do_it_once(url: str) -> None:
    script = "import asyncio, sys; from bot.store import upgrade; asyncio.run(upgrade(sys.argv[1]))"
    root = Path(__file__).parents[3]
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", script, url, cwd=root)
        for _ in range(3)
    ]
    assert [await process.wait() for process in processes] == [0, 0, 0]
    store = open_store(url)
    await store.probe()
    await store.aclose()


async def test_a_database_that_is_up_to_date_is_found_so_without_alembic(sqlite_url: str) -> None:
    """At every start but the first after an update."""
    await upgrade(sqlite_url)
    program = (
        "import asyncio, sys\nfrom bot.store import open_store, upgrade\n"
        "async def main(url):\n    await upgrade(url)\n    store = open_store(url)\n"
        "    await store.probe()\n    await store.aclose()\n"
        "asyncio.run(main(sys.argv[1]))\nassert 'alembic' not in sys.modules"
    )
    await asyncio.to_thread(subprocess.run, [sys.executable, "-c", program, sqlite_url], check=True)
