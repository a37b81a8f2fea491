"""What was used is counted from the runs' rows, on each kind of database."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from bot.identity import Account
from bot.store import Running, Spent, SqlDatabase, Store, UsageScope, open_store, upgrade
from bot.store.usage import _ended
from connectors.base import Person, Place
from tests.doubles.stored import PLACE, add_tokens, end, leases_of, start

pytestmark = pytest.mark.real_time

DAY, MONTH, NOW = 1_000_000, 500_000, 1_900_000
ADA_HERSELF = Account("slack", "", "U1")
ADA = UsageScope("slack", person=ADA_HERSELF)
ALL = UsageScope("slack", workspace="T1")


async def ended(store: Store, started_us: int, microusd: int | None = 5, **changes: Any) -> UUID:
    """A run that used 10 and 3 tokens."""
    run_id = uuid4()
    store.runs.begin(start(run_id, started_us, **changes))
    store.runs.end(run_id, end(input_tokens=10, output_tokens=3, cost_microusd=microusd))
    await store.settled(run_id, 10)
    return run_id


async def running(store: Store, tokens: int = 0, **changes: Any) -> UUID:
    """A run that was given 7 tokens and has made some."""
    run_id = uuid4()
    store.runs.begin(start(run_id, NOW - 1, **changes))
    store.runs.asked(run_id, 7)
    add_tokens(store, run_id, ["x"] * tokens)
    await store.settled(run_id, 10)
    return run_id


async def spent(store: Store, scope: UsageScope = ADA, **options: Any) -> Spent:
    """What was used by now."""
    times = {"day_us": DAY, "month_us": MONTH, "now_us": NOW}
    return await store.usage.spent(scope, **times | options)


async def test_who_has_used_nothing_has_spent_nothing(store: Store) -> None:
    assert await spent(store) == Spent()


async def test_runs_and_tokens_count_since_the_day_began_and_money_since_the_month(
    store: Store,
) -> None:
    for started_us in (MONTH - 1, MONTH, DAY - 1, DAY, DAY + 1):
        await ended(store, started_us)
    assert await spent(store) == Spent(2, 26, 20)


async def test_the_first_of_a_month_counts_the_day_and_the_month_alike(store: Store) -> None:
    for started_us in (DAY - 1, DAY):
        await ended(store, started_us)
    assert await spent(store, month_us=DAY) == Spent(1, 13, 5)


async def test_a_run_without_a_known_price_counts_its_tokens_only(store: Store) -> None:
    await ended(store, DAY, microusd=None)
    assert await spent(store) == Spent(1, 13, 0)


async def test_a_person_s_runs_in_every_workspace_are_theirs_and_nobody_else_s(
    store: Store,
) -> None:
    await ended(store, DAY)
    await ended(store, DAY, place=replace(PLACE, workspace="T2"))
    await ended(store, DAY, person=Person("U2", "Bob"))
    await ended(store, DAY, place=Place("discord", "T1", "C"))
    assert (await spent(store)).runs_today == 2
    assert (await spent(store, ALL)).runs_today == 2


async def test_a_run_under_way_counts_with_what_it_was_given_and_has_made(store: Store) -> None:
    await leases_of(store).beat(NOW - 1)
    mine = await running(store, tokens=4)
    await running(store, person=Person("U2"))
    assert await spent(store) == Spent(1, 0, 0, (Running("scripted:x", 7, 4),))
    assert len((await spent(store, ALL)).running) == 2
    assert await spent(store, apart=[mine]) == Spent()


async def test_a_run_whose_process_is_silent_is_not_under_way(store: Store) -> None:
    await leases_of(store).beat(NOW - 61_000_000)
    await running(store)
    assert (await spent(store)).running == ()


async def test_the_runs_of_another_process_count_too(url: str, store: Store) -> None:
    other = open_store(url)
    await leases_of(other).beat(NOW)
    await running(other, tokens=2)
    await ended(other, DAY)
    assert await spent(store) == Spent(2, 13, 5, (Running("scripted:x", 7, 2),))
    await other.aclose()


async def test_after_a_reset_only_what_follows_counts(store: Store) -> None:
    for started_us in (DAY, DAY + 1, DAY + 2):
        await ended(store, started_us)
    await store.usage.reset(ADA_HERSELF, DAY + 2)
    assert await spent(store) == Spent(1, 13, 5)
    assert (await spent(store, ALL)).runs_today == 3
    await store.usage.reset(ADA_HERSELF, DAY + 3)
    assert await spent(store) == Spent()


async def test_an_estimate_stands_until_the_end_and_not_longer(store: Store) -> None:
    run_id = await running(store)
    row = await store.runs.get(run_id)
    assert row is not None
    assert (row.end, row.asked_tokens) == (None, 7)
    store.runs.end(run_id, end())
    await store.settled(run_id, 10)
    row = await store.runs.get(run_id)
    assert row is not None
    assert row.end == end()


async def test_totals_are_by_person_by_workspace_and_by_model(store: Store) -> None:
    await ended(store, 1)
    await ended(store, 2, microusd=None, person=Person("U2", "Bob"))
    await ended(store, 3, microusd=9, model="scripted:y")
    await running(store)
    people = await store.usage.totals("person", 0)
    assert [(t.key, t.name, t.runs, t.unfinished, t.microusd, t.unpriced) for t in people] == [
        ("slack:U1", "Ada", 3, 1, 14, 0),
        ("slack:U2", "Bob", 1, 0, 0, 1),
    ]
    [workspace] = await store.usage.totals("workspace", 0)
    assert (workspace.key, workspace.input_tokens, workspace.output_tokens) == ("slack:T1", 37, 9)
    models = await store.usage.totals("model", 0)
    assert [(t.key, t.runs) for t in models] == [("scripted:y", 1), ("scripted:x", 3)]
    assert [t.estimated for t in models] == [0, 1]


async def test_totals_can_be_had_over_time(store: Store) -> None:
    for started_us in (99, 100, 150, 200, 300):
        await ended(store, started_us)
    found = await store.usage.totals("model", 100, until_us=300, bucket_us=100)
    assert [(t.bucket_us, t.runs) for t in found] == [(100, 2), (200, 1)]


async def test_counting_needs_no_look_at_every_run(sqlite_url: str) -> None:
    """The index finds a person's runs since a time."""
    await upgrade(sqlite_url)
    database = SqlDatabase(sqlite_url)
    query = _ended(ADA.where(), DAY, MONTH).compile(compile_kwargs={"literal_binds": True})
    plan = await database.read(lambda c: c.execute(text(f"EXPLAIN QUERY PLAN {query}")).all())
    assert "ix_runs_person (connector=? AND person_id=? AND started_us>?)" in str(plan)
    await database.aclose()


async def test_many_resets_at_once_leave_one(store: Store) -> None:
    await asyncio.gather(*(store.usage.reset(ADA_HERSELF, n) for n in range(5)))
    rows = await store.database.read(lambda c: c.execute(text("SELECT * FROM usage_resets")).all())
    assert len(rows) == 1
