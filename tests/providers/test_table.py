"""The page about providers says what the recorded streams come to."""

from __future__ import annotations

from tests.providers.table import documented, table


def test_the_table_of_streams_is_what_the_tests_of_streams_hold() -> None:
    """If it is not, `python -m tests.providers.table` writes it anew."""
    assert documented() == table()
