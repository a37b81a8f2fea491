"""Two real processes on one PostgreSQL: each event has one answer, and the budget holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.doubles.databases import postgres_schema
from tests.process.faults.two import delivered_to_both

pytestmark = [pytest.mark.real_time, pytest.mark.timeout(300)]


@pytest.mark.parametrize("kill", [False, True])
async def test_each_event_that_both_hear_of_has_one_answer(tmp_path: Path, kill: bool) -> None:
    with postgres_schema() as url:
        counts = await delivered_to_both(30, url, tmp_path, kill=kill)
    assert counts.whole, counts


async def test_two_processes_stay_within_the_budget_of_one(tmp_path: Path) -> None:
    with postgres_schema() as url:
        counts = await delivered_to_both(12, url, tmp_path, kill=False, metered=True)
    assert counts.whole, counts
    assert counts.rate_limited == 0
