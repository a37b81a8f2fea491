"""Servers that others wrote, called in answers on Slack, Discord, the page and the terminal: those
that need no npm. `make mcp` has them all.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.process.tools.others.places import everywhere
from tests.process.tools.others.servers import installed_with_the_tests

pytestmark = pytest.mark.real_time


async def test_each_is_answered_everywhere_in_runs_that_are_verified(tmp_path: Path) -> None:
    async with (
        installed_with_the_tests(tmp_path) as others,
        everywhere(tmp_path, others) as places,
    ):
        found = await places.ask_all(others)
    assert [each for each in found if not each.right] == []
    assert len({(each.place, each.server) for each in found}) == 8
