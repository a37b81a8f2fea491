"""The page about providers says what the recorded streams come to."""

from __future__ import annotations

from tests.unit.providers import services
from tests.unit.providers.table import documented, table


def test_the_table_of_streams_is_what_the_tests_of_streams_hold() -> None:
    """If it is not, `python -m tests.unit.providers.table` writes it anew."""
    assert documented() == table()


def test_the_table_of_services_is_as_the_page_has_it() -> None:
    """If it is not, `python -m tests.unit.providers.services` writes it anew."""
    assert documented(services.BEGIN) == services.table()
