"""Who sees to what: one owner at a time, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.cluster import Cluster
from bot.cluster.leases import Process, Seat
from bot.store import Store, open_store, upgrade
from bot.store.database import SqlDatabase
from bot.store.token_log import _write
from connectors.base import Deleted, Place
from tests.doubles.stored import end, leases_of, question, start

pytestmark = pytest.mark.real_time

HOUR_US = 3_600_000_000
SLACK = ["slack"]


@pytest.fixture
async def others(url: str, store: Store) -> AsyncIterator[list[Store]]:  # noqa: ARG001 - its tables
    """Four further processes on the same database."""
    stores = [open_store(url) for _ in range(4)]
    yield stores
    for each in stores:
        await each.aclose()


async def begun(store: Store) -> UUID:
    """A run of a process, durable."""
    run = start()
    store.runs.begin(run)
    await store.settled(run.run_id, 10)
    return run.run_id


async def test_a_process_lives_from_its_first_beat_to_its_release(store: Store) -> None:
    leases, me, seat = leases_of(store), store.me, Seat("machine", 7)
    assert await leases.processes() == []
    await leases.beat(1_000, seat)
    await leases.beat(2_000, seat)
    assert await leases.processes() == [Process(me, 2_000, seat)]
    await leases.release()
    assert await leases.processes() == []


async def test_a_process_that_was_silent_for_long_is_forgotten(
    store: Store, others: list[Store]
) -> None:
    await leases_of(others[0]).beat(1_000)
    await leases_of(store).beat(2 * HOUR_US)
    assert [process.id for process in await leases_of(store).processes()] == [store.me]


async def test_what_is_unfinished_is_an_orphan_unless_its_owner_lives(
    store: Store, others: list[Store]
) -> None:
    run_id, ended = await begun(store), await begun(store)
    store.runs.end(ended, end())
    await store.settled(ended, 10)
    kept = await store.inbox.add(question("1"), 5, run_id)
    done = await store.inbox.add(question("2"), 5, uuid4())
    await store.inbox.mark(done or 0, "done")
    me, leases = store.me, leases_of(others[0])
    assert [(o.row.run_id, o.owner) for o in await leases.orphaned_runs([], SLACK)] == [
        (run_id, me)
    ]
    assert [(o.row.id, o.owner) for o in await leases.orphaned_questions([], SLACK)] == [(kept, me)]
    assert (found := await leases.question_of(run_id)) is not None
    assert found.row.id == kept
    for living, connectors in (([me], SLACK), ([], ["discord"])):
        assert await leases.orphaned_runs(living, connectors) == []
        assert await leases.orphaned_questions(living, connectors) == []


async def test_a_snapshot_says_who_beats_and_who_owns_what(
    store: Store, others: list[Store]
) -> None:
    mine, theirs = Cluster(store, lambda: 5), Cluster(others[0], lambda: 6)
    for cluster in (mine, theirs):
        await cluster.heartbeat.beat()
    empty = await mine.leases.snapshot()
    assert {process.id for process in empty.processes} == {mine.me, theirs.me}
    assert not any((empty.runs, empty.questions, empty.locks, empty.letters))
    for each in (store, others[0], others[0]):
        await begun(each)
    ended = await begun(store)
    store.runs.end(ended, end())
    await store.settled(ended, 10)
    own, run_id = uuid4(), uuid4()
    await mine.locks.keep(question("1"), 5, own)
    await mine.locks.keep(question("2"), 5, run_id)
    for number in "345":
        await others[0].inbox.add(question(number), 5, uuid4())
    refused = await others[0].inbox.add(question("6", place=Place("web", "", "C")), 5)
    await others[0].inbox.mark(refused or 0, "refused")
    assert await mine.mailbox.leave(Deleted(question("4").message), 7) == 1
    seen = await mine.leases.snapshot()
    assert sorted(seen.processes, key=lambda process: process.beat_us) == [
        Process(mine.me, 5, budgets={}), Process(theirs.me, 6, budgets={})
    ]  # fmt: skip
    assert seen.runs == {(mine.me, "slack"), (theirs.me, "slack")}
    assert seen.questions == {
        (mine.me, "slack", own), (mine.me, "slack", run_id), (theirs.me, "slack", None)
    }  # fmt: skip
    assert seen.locks == {mine.me}
    assert seen.letters == {theirs.me}
    orphaned = text("UPDATE runs SET owner = NULL")
    await store.database.run(lambda connection: connection.execute(orphaned))
    assert (await theirs.leases.snapshot()).runs == {(None, "slack")}


async def test_of_many_claims_at_once_exactly_one_wins(store: Store, others: list[Store]) -> None:
    run_id = await begun(store)
    kept = await store.inbox.add(question(), 5)
    owner = store.me
    runs = await asyncio.gather(*(leases_of(each).claim_run(run_id, owner) for each in others))
    questions = await asyncio.gather(
        *(leases_of(each).claim_question(kept or 0, owner) for each in others)
    )
    assert sorted(runs) == sorted(questions) == [False, False, False, True]
    winner = others[runs.index(True)]
    assert await leases_of(winner).claim_run(run_id, owner), "its own claim, asked again"
    assert not await leases_of(store).claim_run(run_id, owner)


async def test_what_has_ended_can_not_be_claimed(store: Store, others: list[Store]) -> None:
    run_id = await begun(store)
    store.runs.end(run_id, end())
    await store.settled(run_id, 10)
    kept = await store.inbox.add(question(), 5) or 0
    await store.inbox.mark(kept, "refused")
    assert not await leases_of(others[0]).claim_run(run_id, store.me)
    assert not await leases_of(others[0]).claim_question(kept, store.me)


async def test_an_end_counts_only_from_the_owner(store: Store, others: list[Store]) -> None:
    run_id = await begun(store)
    assert await leases_of(others[0]).claim_run(run_id, store.me)
    assert await leases_of(store).taken_runs([run_id, uuid4()]) == {run_id}
    others[0].runs.end(run_id, end(outcome="interrupted"))
    await others[0].settled(run_id, 10)
    store.runs.end(run_id, end(outcome="complete"))
    await store.settled(run_id, 10)
    row = await store.runs.get(run_id)
    assert row is not None
    assert row.end is not None
    assert row.end.outcome == "interrupted"


async def test_a_run_that_is_opened_again_belongs_to_nobody(
    store: Store, others: list[Store]
) -> None:
    run_id = await begun(store)
    await leases_of(others[0]).reopen([run_id])
    assert await leases_of(store).taken_runs([run_id]) == set(), (
        "it had not ended, and is not theirs"
    )
    store.runs.end(run_id, end())
    await store.settled(run_id, 10)
    await leases_of(store).reopen([run_id])
    (orphan,) = await leases_of(others[0]).orphaned_runs([store.me], SLACK)
    assert (orphan.row.run_id, orphan.owner) == (run_id, None)
    assert await leases_of(others[0]).claim_run(run_id, None)


async def test_a_run_that_was_taken_before_its_row_was_written_can_be_given_up(
    store: Store, others: list[Store]
) -> None:
    run_id = await begun(store)
    await leases_of(store).reopen([run_id])
    (orphan,) = await leases_of(others[0]).orphaned_runs([store.me], SLACK)
    assert (orphan.row.run_id, orphan.owner) == (run_id, None)
    store.runs.end(run_id, end())
    await store.settled(run_id, 10)
    row = await others[0].runs.get(run_id)
    assert row is not None
    assert row.end is None, "an end of whoever gave it up does not count"


async def test_a_run_without_a_row_is_taken_with_its_question(
    store: Store, others: list[Store]
) -> None:
    run_id = uuid4()
    inbox_id = await store.inbox.add(question("1"), 5, run_id)
    assert inbox_id is not None
    assert await leases_of(store).taken_runs([run_id]) == set()
    assert await leases_of(others[0]).claim_question(inbox_id, store.me)
    assert await leases_of(store).taken_runs([run_id]) == {run_id}


async def test_questions_that_were_taken_are_known(store: Store, others: list[Store]) -> None:
    ids = [await store.inbox.add(question(str(n)), 5) or 0 for n in range(3)]
    assert await leases_of(others[0]).claim_question(ids[1], store.me)
    assert await leases_of(store).taken_questions(ids) == {ids[1]}


async def test_a_close_hands_over_only_once_the_ends_are_written(
    url: str, store: Store, others: list[Store]
) -> None:
    closing = open_store(url)
    cluster = Cluster(closing, lambda: 1_000)
    await cluster.heartbeat.beat()
    ended, left = start(), start()
    closing.runs.begin(ended)
    closing.runs.begin(left)
    closing.runs.end(ended.run_id, end())
    await cluster.aclose()
    living = [process.id for process in await leases_of(others[0]).processes()]
    orphans = await leases_of(others[0]).orphaned_runs(living, SLACK)
    assert [orphan.row.run_id for orphan in orphans] == [left.run_id]
    assert await store.runs.get(ended.run_id) is not None


async def test_rows_from_before_the_leases_have_no_owner(url: str) -> None:
    await upgrade(url)
    old = open_store(url)
    run_id = await begun(old)
    await old.inbox.add(question(), 5)
    for table in ("runs", "inbox"):
        statement = text(f"UPDATE {table} SET owner = NULL")
        await old.database.run(lambda connection, s=statement: connection.execute(s))  # type: ignore[misc]
    (run,) = await leases_of(old).orphaned_runs([old.me], SLACK)
    (kept,) = await leases_of(old).orphaned_questions([old.me], SLACK)
    assert (run.owner, kept.owner) == (None, None)
    assert await leases_of(old).claim_run(run_id, None)
    assert await leases_of(old).claim_question(kept.row.id, None)
    await old.aclose()


async def test_a_change_that_was_kept_after_a_question_is_known(store: Store) -> None:
    await store.inbox.add(question("171.1"), 5)
    (kept,) = await store.inbox.unanswered()
    await store.inbox.add(question("edited:171.10:1"), 6)
    assert not await store.inbox.changed_since(kept, "171.1")
    await store.inbox.add(question("edited:171.1:1"), 7)
    assert await store.inbox.changed_since(kept, "171.1")


async def test_no_token_of_a_run_is_written_once_another_process_has_claimed_it(
    store: Store, others: list[Store]
) -> None:
    """That one ends the answer with what the log has: nothing may come after it."""
    run_id, unknown = await begun(store), uuid4()
    store.tokens.add(run_id, 0, 1, "before", "text")
    await store.settled(run_id, 10)
    assert await leases_of(others[0]).claim_run(run_id, store.me)
    store.tokens.add(run_id, 1, 2, "after", "text")
    store.tokens.add(unknown, 0, 2, "nobody's", "text")
    await store.settled(unknown, 10)
    assert [token.text for token in await store.tokens.read(run_id)] == ["before"]
    assert [token.text for token in await store.tokens.read(unknown)] == ["nobody's"]
    others[0].tokens.add(run_id, 1, 3, "by the new owner", "text")
    await others[0].settled(run_id, 10)
    assert len(await store.tokens.read(run_id)) == 2


async def test_a_claim_waits_for_the_tokens_that_are_being_written(
    store: Store, others: list[Store]
) -> None:
    """So whoever has claimed a run finds all in the log that will ever be there."""
    engine = store.database.engine if isinstance(store.database, SqlDatabase) else None
    if not isinstance(engine, AsyncEngine) or engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    run_id = await begun(store)
    rows = [(None, run_id, 0, 1, "late", "text")]
    async with engine.begin() as connection:
        await connection.run_sync(lambda connection: _write(store.me, connection, rows))
        claiming = asyncio.create_task(leases_of(others[0]).claim_run(run_id, store.me))
        await _until_somebody_waits(others[1])
        assert not claiming.done()
    assert await claiming
    assert [token.text for token in await others[0].tokens.read(run_id)] == ["late"]


async def _until_somebody_waits(store: Store) -> None:
    """Until a statement waits for a lock."""
    waits = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        " AND application_name = current_setting('application_name')"
    )
    async with asyncio.timeout(60):
        while not await store.database.read(  # noqa: ASYNC110 - the server tells nobody
            lambda connection: connection.scalar(waits)
        ):
            await asyncio.sleep(0.01)
