"""A short one of `make waiting`: how long it takes is not asked of a busy machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.process.faults.waiting import measured

pytestmark = pytest.mark.real_time


async def test_connections_that_wait_leave_the_bot_its_files(tmp_path: Path) -> None:
    """With 200 files and 300 connections all platforms answer, and pages stay open."""
    opened, _ = await measured(tmp_path, 1, silent=250, held=50, sockets=40, files=200)
    assert opened == 40
