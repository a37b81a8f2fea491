"""The database goes away under answers of two real processes, and comes back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.doubles.databases import postgres_schema
from tests.process.faults.outage import outlived

pytestmark = [pytest.mark.real_time, pytest.mark.timeout(300)]

AWAY_S = 20.0
"""Longer than a lease: who only looked at the clock would take the other for dead."""


async def test_answers_outlive_the_database_and_are_verified_late(tmp_path: Path) -> None:
    with postgres_schema() as url:
        counts = await outlived(4, AWAY_S, url, tmp_path)
    assert counts.whole, counts
