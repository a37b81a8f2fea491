"""The journal: rows are taken at once, grouped, kept while the database is away, never mixed up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
import structlog
from structlog.typing import EventDict

from bot.store import Journal, Store, StoreUnavailable
from bot.store.write_behind import GROUP_ROWS
from tests.doubles.stored import (
    FaultyDatabase,
    add_tokens,
    count_tokens,
    edit,
    end,
    message,
    start,
    texts_of,
)

RUN = UUID(int=1)
OTHER = UUID(int=2)


@pytest.fixture
def database() -> FaultyDatabase:
    """A database in memory that can be away."""
    return FaultyDatabase()


@pytest.fixture
async def store(database: FaultyDatabase) -> AsyncIterator[Store]:
    """A store over it, on virtual time."""
    store = Store(database)
    yield store
    database.away = False
    await store.aclose()


def now() -> float:
    """Virtual seconds."""
    return asyncio.get_running_loop().time()


async def test_adding_never_waits_and_settled_means_durable(store: Store) -> None:
    add_tokens(store, RUN, ["a", "b"])
    assert await texts_of(store, RUN) == []
    await store.settled(RUN, 1)
    assert await texts_of(store, RUN) == ["a", "b"]


async def test_rows_of_all_runs_share_one_transaction_per_interval(
    store: Store, database: FaultyDatabase
) -> None:
    for seq in range(50):
        add_tokens(store, RUN, ["x"], first=seq)
        add_tokens(store, OTHER, ["y"], first=seq)
        await asyncio.sleep(0.002)
    await store.settled(OTHER, 1)
    assert len(await texts_of(store, RUN)) == len(await texts_of(store, OTHER)) == 50
    assert 2 <= database.commits <= 6


async def test_a_large_group_does_not_wait_for_the_interval(database: FaultyDatabase) -> None:
    store = Store(database, Journal(database, interval=3_600))
    add_tokens(store, RUN, ["x"] * GROUP_ROWS)
    await store.settled(RUN, 1)
    assert len(await texts_of(store, RUN)) == GROUP_ROWS
    await store.aclose()


async def test_a_flood_is_cut_into_groups_of_bounded_size(
    store: Store, database: FaultyDatabase
) -> None:
    add_tokens(store, RUN, ["x"] * (3 * GROUP_ROWS + 1))
    await store.settled(RUN, 5)
    assert database.commits == 4


async def test_nothing_is_lost_while_the_database_is_away(
    store: Store, database: FaultyDatabase
) -> None:
    database.away = True
    for seq in range(100):
        add_tokens(store, RUN, [str(seq)], first=seq)
        await asyncio.sleep(0.1)
    database.away = False
    await store.settled(RUN, 5)
    assert await texts_of(store, RUN) == [str(seq) for seq in range(100)]
    assert store.lost(RUN) == 0


async def test_tries_become_rarer_while_the_database_is_away(
    store: Store, database: FaultyDatabase
) -> None:
    database.away = True
    add_tokens(store, RUN, ["x"])
    await asyncio.sleep(60)
    assert 25 <= database.tries <= 40


async def test_an_outage_is_logged_once_each_way_and_without_text(
    store: Store, database: FaultyDatabase
) -> None:
    with structlog.testing.capture_logs() as logs:
        database.away = True
        add_tokens(store, RUN, ["secret"])
        await asyncio.sleep(30)
        database.away = False
        await store.settled(RUN, 5)
    assert [entry["event"] for entry in logs] == ["store.unavailable", "store.available"]
    assert "secret" not in str(logs)


async def test_settled_gives_up_in_time_and_names_the_cause(
    store: Store, database: FaultyDatabase
) -> None:
    database.away = True
    add_tokens(store, RUN, ["x"])
    before = now()
    with pytest.raises(StoreUnavailable, match="1 rows wait") as raised:
        await store.settled(RUN, 3)
    assert now() - before == pytest.approx(3)
    assert str(raised.value.__cause__) == "the database is away"


async def test_settled_of_a_run_that_waits_for_nothing_returns_at_once(
    store: Store, database: FaultyDatabase
) -> None:
    database.away = True
    add_tokens(store, OTHER, ["x"])
    before = now()
    await store.settled(RUN, 3)
    assert now() == before


async def test_settled_waits_for_what_a_slow_transaction_has_in_hand(
    store: Store, database: FaultyDatabase
) -> None:
    database.delay = 1
    add_tokens(store, RUN, ["x"])
    await asyncio.sleep(0.5)
    add_tokens(store, OTHER, ["y"])
    await store.settled(RUN, 3)
    assert await texts_of(store, RUN) == ["x"]
    assert await texts_of(store, OTHER) == []
    await store.settled(OTHER, 3)
    assert await texts_of(store, OTHER) == ["y"]


async def test_many_can_wait_for_the_same_rows_and_one_may_leave(
    store: Store, database: FaultyDatabase
) -> None:
    database.delay = 1
    add_tokens(store, RUN, ["x"])
    waiting = [asyncio.create_task(store.settled(RUN, 5)) for _ in range(3)]
    await asyncio.sleep(0.1)
    waiting[1].cancel()
    done = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in done] == [type(None), asyncio.CancelledError, type(None)]


async def test_a_begin_an_end_and_all_between_may_be_of_one_group(store: Store) -> None:
    store.runs.begin(start(RUN))
    add_tokens(store, RUN, ["x"])
    store.edits.add(RUN, edit())
    store.messages.add(RUN, message())
    store.runs.end(RUN, end())
    store.runs.begin(start(OTHER))
    store.runs.end(OTHER, end(outcome="stopped"))
    await store.settled(OTHER, 1)
    ended = [await store.runs.get(run_id) for run_id in (RUN, OTHER)]
    assert [row and row.end and row.end.outcome for row in ended] == ["complete", "stopped"]


async def test_a_group_that_was_written_without_our_knowing_can_be_written_again(
    store: Store, database: FaultyDatabase
) -> None:
    for _ in range(2):
        store.runs.begin(start(RUN))
        add_tokens(store, RUN, ["x"])
        store.edits.add(RUN, edit())
        store.messages.add(RUN, message(tail="```"))
        store.runs.end(RUN, end())
        await store.settled(RUN, 1)
    assert database.commits == 2
    assert await texts_of(store, RUN) == ["x"]
    assert await store.messages.read(RUN) == [message(tail="```")]
    assert store.lost(RUN) == 0


async def test_a_row_that_nobody_can_write_costs_only_itself(store: Store) -> None:
    add_tokens(store, RUN, [str(seq) for seq in range(500)])
    store.tokens.add(OTHER, 0, 2**70, "too late", "text")
    add_tokens(store, OTHER, ["fine"], first=1)
    add_tokens(store, RUN, [str(seq) for seq in range(500, 1_000)], first=500)
    with structlog.testing.capture_logs() as logs:
        await store.settled(RUN, 1)
    assert await texts_of(store, RUN) == [str(seq) for seq in range(1_000)]
    assert await texts_of(store, OTHER) == ["fine"]
    assert (store.lost(RUN), store.lost(OTHER)) == (0, 1)
    assert logs == [
        {
            "event": "journal.bad_row",
            "log_level": "error",
            "run_id": str(OTHER),
            "kind": "token",
            "error": "OverflowError",
        }
    ]


async def test_rows_stay_in_order_behind_a_bad_one(store: Store) -> None:
    store.tokens.add(OTHER, 0, 2**70, "bad", "text")
    add_tokens(store, RUN, ["x"] * (GROUP_ROWS - 2))
    store.messages.add(RUN, message(tail="in the bad row's group"))
    store.messages.add(RUN, message(tail="in the next group"))
    await store.settled(RUN, 1)
    assert await store.messages.read(RUN) == [message(tail="in the next group")]


async def test_a_group_of_bad_rows_only_blocks_nobody(store: Store) -> None:
    for seq in range(20):
        store.tokens.add(OTHER, seq, 2**70, "x", "text")
    await store.settled(OTHER, 1)
    add_tokens(store, RUN, ["x"])
    await store.settled(RUN, 1)
    assert await texts_of(store, RUN) == ["x"]
    assert store.lost(OTHER) == 20


async def test_an_outage_while_a_bad_row_is_sought_loses_nothing(
    store: Store, database: FaultyDatabase
) -> None:
    database.delay = 0.01
    add_tokens(store, RUN, ["x"] * 64)
    store.tokens.add(OTHER, 0, 2**70, "x", "text")
    await asyncio.sleep(0.06)
    database.away = True
    await asyncio.sleep(1)
    assert store.journal.pending > 0
    database.away = False
    await store.settled(OTHER, 5)
    assert len(await texts_of(store, RUN)) == 64
    assert store.lost(OTHER) == 1


async def test_over_its_limit_the_newest_rows_are_refused_and_counted_per_run(
    database: FaultyDatabase,
) -> None:
    store = Store(database, Journal(database, limit=100))
    database.away = True
    add_tokens(store, RUN, ["x"] * 90)
    add_tokens(store, OTHER, ["y"] * 30)
    assert store.journal.pending == 100
    assert (store.lost(RUN), store.lost(OTHER)) == (0, 20)
    database.away = False
    await store.settled(OTHER, 5)
    assert await texts_of(store, OTHER) == ["y"] * 10
    await store.aclose()


async def test_a_full_journal_still_has_room_for_beginnings_and_ends(
    database: FaultyDatabase,
) -> None:
    store = Store(database, Journal(database, limit=100))
    database.away = True
    store.runs.begin(start(RUN))
    add_tokens(store, RUN, ["x"] * 200)
    store.runs.end(RUN, end())
    for _ in range(20):
        store.runs.begin(start(uuid4()))
    assert store.journal.pending == 110
    database.away = False
    await store.settled(RUN, 5)
    row = await store.runs.get(RUN)
    assert row is not None
    assert row.end == end()
    await store.aclose()


async def test_a_refusal_is_logged_once_per_run(database: FaultyDatabase) -> None:
    store = Store(database, Journal(database, limit=1))
    with structlog.testing.capture_logs() as logs:
        add_tokens(store, RUN, ["x"] * 50)
    assert [_told(entry) for entry in logs] == [("journal.refused", str(RUN))]
    await store.aclose()


def _told(entry: EventDict) -> tuple[str, str]:
    return entry["event"], entry["run_id"]


async def test_the_losses_of_a_run_are_forgotten_with_its_end(database: FaultyDatabase) -> None:
    store = Store(database, Journal(database, limit=1))
    add_tokens(store, RUN, ["x"] * 50)
    assert store.lost(RUN) == 49
    store.runs.end(RUN, end())
    assert store.lost(RUN) == 0
    await store.aclose()


async def test_closing_writes_what_is_left_without_waiting_for_the_interval(
    database: FaultyDatabase,
) -> None:
    journal = Journal(database, interval=3_600)
    add_tokens(Store(database, journal), RUN, ["x"] * 10)
    before = now()
    assert await journal.aclose(5) == 0
    assert now() == before
    assert await database.read(count_tokens) == 10


async def test_closing_says_how_many_rows_were_lost_with_a_database_that_is_away(
    database: FaultyDatabase,
) -> None:
    journal = Journal(database)
    database.away = True
    add_tokens(Store(database, journal), RUN, ["x"] * 10)
    before = now()
    with structlog.testing.capture_logs() as logs:
        assert await journal.aclose(5) == 10
    assert now() - before == pytest.approx(5)
    assert logs[-1] == {"event": "journal.lost", "log_level": "error", "rows": 10}


async def test_what_is_added_after_closing_is_refused(database: FaultyDatabase) -> None:
    journal = Journal(database)
    store = Store(database, journal)
    assert await journal.aclose(1) == 0
    add_tokens(store, RUN, ["x"])
    store.runs.begin(start(RUN))
    assert store.lost(RUN) == 2
    assert journal.pending == 0
