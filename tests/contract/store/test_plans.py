"""What is asked often reads a few rows of a large log: SQLite says which index it takes.

It has no statistics here, as in a bot's own database: it would take the same for a million runs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Connection, Engine, event, text

from bot.identity import Account
from bot.store import Filters, SqlDatabase, Store, UsageScope, upgrade
from tests.doubles.stored import leases_of

pytestmark = pytest.mark.real_time

Call = Callable[[Store], Awaitable[object]]
ADA = UsageScope("slack", person=Account("slack", "T1", "U1"))


def left_runs(store: Store, *connectors: str) -> Awaitable[object]:
    """The runs that others than this process left."""
    return leases_of(store).orphaned_runs(["me"], connectors)


def left_questions(store: Store, *connectors: str) -> Awaitable[object]:
    """The questions that others than this process left."""
    return leases_of(store).orphaned_questions(["me"], connectors)


OPEN_RUNS = {"ix_runs_unended"}
WAITING = {"ix_inbox_state"}
CALLS: dict[str, tuple[Call, set[str]]] = {
    "a look": (
        lambda s: leases_of(s).snapshot(),
        {"ix_runs_unended", "ix_inbox_state", "ix_floors_owner", "ix_errands_owner"},
    ),
    "left runs": (lambda s: left_runs(s, "slack", "web"), OPEN_RUNS),
    "left runs of one": (lambda s: left_runs(s, "slack"), OPEN_RUNS),
    "left questions": (lambda s: left_questions(s, "slack", "web"), WAITING),
    "left questions of one": (lambda s: left_questions(s, "slack"), WAITING),
    "open runs": (lambda s: s.runs.open(), OPEN_RUNS),
    "unanswered": (lambda s: s.inbox.unanswered(), WAITING),
    "kept for a run": (lambda s: s.inbox.kept_for(uuid4()), {"ix_inbox_run_id"}),
    "a person's": (
        lambda s: s.usage.spent(ADA, day_us=1, month_us=1, now_us=2),
        {"COVERING INDEX ix_runs_person", "ix_runs_unended"},
    ),
    "a workspace's": (
        lambda s: s.usage.spent(
            UsageScope("slack", workspace="T1"), day_us=1, month_us=1, now_us=2
        ),
        {"COVERING INDEX ix_runs_workspace", "ix_runs_unended"},
    ),
    "retention": (
        lambda s: s.retention.delete_before(1, now_us=2),
        {"ix_runs_text_kept", "ix_inbox_said"},
    ),
    "a prefix": (lambda s: s.runs.find("0123"), {"sqlite_autoindex_runs_1"}),
    "the list": (lambda s: s.listing.page(Filters(), 100), {"COVERING INDEX ix_runs_listed"}),
    "a filter": (
        lambda s: s.listing.page(Filters(model="m", connector="slack"), 100),
        {"COVERING INDEX ix_runs_by_model (model=?)"},
    ),
    "a usual filter": (
        lambda s: s.listing.page(Filters(verdict="verified", model="m", until_us=9), 100),
        {"COVERING INDEX ix_runs_by_model (model=?"},
    ),
    "one person of a workspace": (
        lambda s: s.listing.page(Filters(person="slack:T1/U1", outcome="complete"), 100),
        {"COVERING INDEX ix_runs_by_person (person_id=?)"},
    ),
    "an absent outcome": (
        lambda s: s.listing.page(Filters(outcome="running", person="U1"), 100),
        {"COVERING INDEX ix_runs_by_person (person_id=?)"},
    ),
    "open hours": (
        lambda s: s.hours.read(1, 2),
        {"ix_runs_unended", "ix_run_hours_anonymized", "ix_runs_listed", "autoindex_run_hours"},
    ),
}
IGNORED = (
    "usage_resets",
    "processes",
    "budget_mode",
    "LIST SUBQUERY",
    "CORRELATED",
    "TEMP B-TREE",
    "CREATE",
    "CO-ROUTINE",
    "COMPOUND",
    "LEFT-MOST",
    "UNION ALL",
    "subquery",
    "CONSTANT",
)


async def plans(database: SqlDatabase, ask: Callable[[], Awaitable[object]]) -> list[str]:
    """How SQLite does what is asked of it: a line for each table and index that it reads."""
    asked: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, query: str, values: Any, *_: object) -> None:
        asked.append((query, values))

    event.listen(Engine, "before_cursor_execute", note)
    await ask()
    event.remove(Engine, "before_cursor_execute", note)
    queries = [(query, values) for query, values in asked if "SELECT" in query]

    def explain(connection: Connection) -> list[str]:
        return [
            str(row[3])
            for query, values in queries
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", values)
        ]

    return await database.read(explain)


@pytest.fixture
async def url(tmp_path: Path) -> str:
    """A database as the migrations make it."""
    url = f"sqlite:///{tmp_path}/bot.db"
    await upgrade(url)
    return url


async def test_what_is_asked_often_walks_an_index_that_fits(url: str) -> None:
    database = SqlDatabase(url)
    store = Store(database)
    for name, (call, indexes) in CALLS.items():
        lines = await plans(database, lambda call=call: call(store))  # type: ignore[misc]  # it is bound
        read = [line for line in lines if not any(word in line for word in IGNORED)]
        for index in indexes:
            assert any(index in line for line in read), (name, index, read)
        for line in read:
            fits = any(index in line for index in indexes) or "(run_id=?" in line
            assert fits, (name, line)
    await store.aclose()


async def test_an_index_that_lacks_would_be_found(url: str) -> None:
    database = SqlDatabase(url)
    store = Store(database)
    await database.run(lambda c: c.execute(text("DROP INDEX ix_runs_unended")))
    lines = await plans(database, lambda: left_runs(store, "slack"))
    assert not any("ix_runs_unended" in line for line in lines)
    await store.aclose()
