"""A few of the kills of `make kills`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.process.faults.kills import TOKENS, killed

pytestmark = [pytest.mark.real_time, pytest.mark.timeout(300)]


async def test_after_kills_nothing_is_left_writing_doubled_or_lost(tmp_path: Path) -> None:
    counts = await killed(3, seed=7, folder=tmp_path)
    assert counts.faults == 0, counts
    assert counts.questions == 6
    assert sum(counts.outcomes.values()) == 6
    assert counts.most_tokens_lost < TOKENS / 2
