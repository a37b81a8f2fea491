"""Each broken stream, on the bot's whole way: the outcome, what the reader sees, what is logged."""

from __future__ import annotations

import pytest

from tests.doubles.providers.ways import WAYS, Way
from tests.unit.providers.table import documented
from tests.wire.providers.broken import BEGIN, rows, table

pytestmark = pytest.mark.real_time


@pytest.mark.timeout(300)  # thirty bots, on a machine that may be busy
@pytest.mark.parametrize("way", WAYS)
async def test_the_table_of_broken_streams_is_what_comes_of_them(way: Way) -> None:
    """Both ways. If it is not, `python -m tests.wire.providers.broken` writes it anew."""
    found = await rows(way)
    assert documented(BEGIN) == table(found)
    for row in found:
        assert "verified" in row.outcome, row  # whatever broke, every token is shown
        assert "sk-secret" not in str(row)
        assert row.shown, row
        whole = row.outcome.startswith(("complete", "length", "filtered"))
        told = ("error ", "warning model.called_tools")
        assert whole or any(entry.startswith(told) for entry in row.logged), row
