"""Retention: what was said goes; what proves that it was handled well stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, inspect, text

from bot.store import DeletedCounts, Store
from connectors.base import File
from tests.doubles.stored import (
    FaultyDatabase,
    add_tokens,
    edit,
    end,
    message,
    question,
    start,
    texts_of,
)

T = TypeVar("T")

SECRET = "the secret"


async def answered(store: Store, started_us: int) -> UUID:
    """A run with a secret wherever text can be."""
    run_id = uuid4()
    store.runs.begin(start(run_id, started_us, question=SECRET))
    add_tokens(store, run_id, [SECRET, SECRET])
    store.edits.add(run_id, edit())
    store.messages.add(run_id, message(0, f"m{started_us}", tail=SECRET))
    store.runs.end(run_id, end(generated_text=SECRET, receipt={"sha256": "ab"}))
    kept = await store.inbox.add(question(str(started_us), SECRET), started_us)
    assert kept is not None
    await store.inbox.mark(kept, "done", run_id)
    await store.settled(run_id, 10)
    return run_id


def everything(connection: Connection) -> str:
    """All that all tables hold."""
    names = inspect(connection).get_table_names()
    return str([connection.execute(text(f"SELECT * FROM {name}")).all() for name in names])


@pytest.mark.real_time
async def test_no_text_is_left_and_the_proof_stays(store: Store) -> None:
    run_id = await answered(store, 1)
    deleted = await store.retention.delete_before(5, now_us=77)
    assert deleted == DeletedCounts(runs=1, tokens=2, edits=1, questions=1)
    assert SECRET not in await store.database.read(everything)
    row = await store.runs.get(run_id)
    assert row is not None
    assert row.text_deleted_us == 77
    assert row.start == start(run_id, 1, question="")
    assert row.end == end(generated_text="", receipt={"sha256": "ab"})
    assert await store.messages.read(run_id) == [message(0, "m1")]


@pytest.mark.real_time
async def test_what_is_young_is_untouched(store: Store) -> None:
    young = await answered(store, 5)
    await answered(store, 4)
    files = (File("f", "secret.png", "image/png", 3),)
    with_files = replace(question("with files", SECRET), files=files)
    await store.inbox.add(with_files, 5)
    await store.retention.delete_before(5, now_us=77)
    row = await store.runs.get(young)
    assert row is not None
    assert row.text_deleted_us is None
    assert (row.start.question, await texts_of(store, young)) == (SECRET, [SECRET, SECRET])
    assert [kept.asked for kept in await store.inbox.unanswered()] == [with_files]


@pytest.mark.real_time
async def test_a_second_time_there_is_nothing_to_delete(store: Store) -> None:
    await answered(store, 1)
    await store.retention.delete_before(5, now_us=77)
    assert await store.retention.delete_before(5, now_us=99) == DeletedCounts()


class Watched(FaultyDatabase):
    """Notes how many runs and questions each transaction deleted."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Runs work and notes what it deleted."""
        done = await super().run(work)
        if isinstance(done, DeletedCounts):
            self.sizes.append(done.runs + done.questions)
        return done


async def test_many_are_deleted_in_small_transactions() -> None:
    database = Watched()
    store = Store(database)
    for n in range(45):
        await answered(store, n)
    deleted = await store.retention.delete_before(100, now_us=200, batch=10)
    assert deleted == DeletedCounts(runs=45, tokens=90, edits=45, questions=45)
    assert database.sizes == [10, 10, 10, 10, 5, 0] * 2
    await store.aclose()


async def test_a_question_that_waited_all_that_time_is_refused() -> None:
    store = Store(FaultyDatabase())
    await store.inbox.add(question(text=SECRET), 1)
    assert await store.retention.delete_before(5, now_us=77) == DeletedCounts(questions=1)
    assert await store.inbox.unanswered() == []
    await store.aclose()


@pytest.mark.real_time
async def test_a_question_of_files_alone_loses_their_names(store: Store) -> None:
    asked = replace(question(text=""), files=(File("f", SECRET, "text/plain", 1),))
    assert await store.inbox.add(asked, 1) is not None
    assert await store.retention.delete_before(5, now_us=77) == DeletedCounts(questions=1)
    assert await store.retention.delete_before(5, now_us=77) == DeletedCounts()
    assert SECRET not in await store.database.read(everything)
