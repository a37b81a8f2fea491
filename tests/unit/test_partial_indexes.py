"""Indexes of a few rows are partial on both databases, though PostgreSQL's dialect is told late."""

from __future__ import annotations

import pytest
from sqlalchemy import Index
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex

from bot.store.schema import complete_for_postgresql, metadata

INDEXES = [index for table in metadata.sorted_tables for index in sorted(table.indexes, key=str)]


def _where(index: Index, *, there: bool) -> str:
    dialect = postgresql.dialect() if there else sqlite.dialect()  # type: ignore[no-untyped-call]
    return str(CreateIndex(index).compile(dialect=dialect)).partition("WHERE")[2]


@pytest.mark.parametrize("index", INDEXES, ids=lambda index: index.name)
def test_an_index_has_the_same_rows_on_both(index: Index) -> None:
    complete_for_postgresql()
    assert _where(index, there=True) == _where(index, there=False)


def test_some_are_partial() -> None:
    assert len([index for index in INDEXES if _where(index, there=False)]) > 3
