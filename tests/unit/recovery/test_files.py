"""A process is killed while it sends a file: another one sees to it, and none is there twice."""

from __future__ import annotations

import pytest

from tests.doubles.file_kills import ends, killed


@pytest.mark.parametrize("seed", range(4))
async def test_a_kill_between_upload_and_message_doubles_nothing_and_loses_nothing_silently(
    seed: int,
) -> None:
    world = await killed(seed)
    assert set(ends(world)) <= {"shown", "told"}
    assert world.writing == []
