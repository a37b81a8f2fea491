"""All that is kept of a person is found, and after it was erased nothing of it is left."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, event, inspect, text

from bot.identity import Account, Named
from bot.store import SqlDatabase, Store, open_store, scrub, upgrade
from connectors.base import Asked, File, MessageRef, Person, Place
from tests.doubles.stored import PLACE, add_tokens, edit, end, leases_of, message, start

pytestmark = pytest.mark.real_time

WANTED = Account("slack", "T1", "UWANTED7")
OTHER = Account("slack", "T1", "UOTHER8")
ADA = Person("UWANTED7", "Ada Wanted7", realm="T1")
BOB = Person("UOTHER8", "Bob", realm="T1")
SECRET = "Wanted7 secret"
"""Whatever is Ada's has this mark; nothing else has."""
MARK = "anted7"
MARK_OF_ID = "WANTED7"


async def lives(store: Store, person: Person, words: str, place: Place = PLACE) -> UUID:
    """Somebody has asked, was answered, and has rated that; the words are wherever text can be."""
    run_id = uuid4()
    asked = Asked(
        MessageRef(place, f"q{run_id}"), person, words, (File("f", words, "text/plain", 1),)
    )
    inbox_id = await store.inbox.add(asked, 1, run_id)
    assert inbox_id is not None
    store.runs.begin(
        start(run_id, 1, person=person, question=words, place=place, files=asked.files)
    )
    add_tokens(store, run_id, [words, words])
    store.edits.add(run_id, edit(error=words))
    store.messages.add(run_id, message(0, f"m{run_id}", tail=words))
    store.runs.end(run_id, end(generated_text=words, error=words))
    await store.inbox.mark(inbox_id, "done", run_id)
    await store.settled(run_id, 10)
    await store.feedback.set(run_id, Account.of(place, person), 1, 1)
    await store.whispers.claim(run_id, "shown.cut_there", uuid4(), 1)
    return run_id


def everything(connection: Connection) -> dict[str, list[Any]]:
    """All that all tables hold."""
    names = inspect(connection).get_table_names()
    return {name: list(connection.execute(text(f"SELECT * FROM {name}")).all()) for name in names}


async def test_all_of_a_person_is_shown_and_nothing_of_others(store: Store) -> None:
    ids = [await lives(store, ADA, SECRET) for _ in range(2)]
    await lives(store, BOB, "other")
    await store.feedback.set(ids[0], OTHER, -1, 1)
    await store.usage.reset(WANTED, 7)
    rows = await store.people.data(WANTED)
    counts = {name: len(found) for name, found in rows.items()}
    assert counts == {
        "inbox": 2, "runs": 2, "tokens": 4, "edits": 2, "messages": 2, "feedback": 2,
        "whispers": 2, "usage_resets": 1, "errands": 0, "run_hours": 0, "grants": 0,
        "tool_calls": 0, "tool_rules": 0, "scope_changes": 0, "brakes": 0, "masks": 0,
        "answer_files": 0,
    }  # fmt: skip
    assert "other" not in str(rows)
    assert BOB.id not in str(rows)
    assert set(await store.people.run_ids(WANTED)) == set(ids)


async def test_what_is_erased_is_in_no_table_and_all_of_others_stays(store: Store) -> None:
    await lives(store, BOB, "other")
    before = await store.database.read(everything)
    for _ in range(45):
        run_id = await lives(store, ADA, SECRET)
    await store.feedback.set(run_id, OTHER, -1, 1)
    bobs = (await store.people.run_ids(OTHER))[0]
    await store.feedback.set(bobs, WANTED, -1, 1)
    await store.usage.reset(WANTED, 7)
    await store.hours.count(10 * 3_600_000_000)
    assert MARK in str(await store.database.read(everything))
    gone = await store.people.erase(WANTED)
    after = await store.database.read(everything)
    assert MARK not in str(after)
    assert MARK_OF_ID not in str(after)
    del after["run_hours"]
    hours, _ = await store.hours.read(0, 10 * 3_600_000_000)
    assert sum(hour.runs for hour in hours.values()) == 46, "what it cost stays"
    assert after == {name: rows for name, rows in before.items() if name != "run_hours"}
    assert (gone["runs"], gone["tokens"], gone["inbox"], gone["feedback"]) == (45, 90, 45, 47)
    assert not sum((await store.people.erase(WANTED)).values())


async def test_the_same_id_elsewhere_is_somebody_else(store: Store) -> None:
    """On another platform, or in another workspace, whose people may meet in one channel."""
    there = Place("discord", "G", "C")
    on_discord, stranger = replace(ADA, realm=""), replace(ADA, realm="T2", external=True)
    await lives(store, ADA, SECRET)
    elsewhere = await lives(store, on_discord, SECRET, there)
    beside = await lives(store, stranger, SECRET)
    await store.feedback.set(beside, WANTED, -1, 1)
    others = {Account.of(there, on_discord), Account.of(PLACE, stranger)}
    assert await store.people.find(Named(ADA.id)) == {WANTED, *others}
    assert await store.people.find(Named.of(f"slack:T1/{ADA.id}")) == {WANTED}
    assert len((await store.people.data(WANTED))["runs"]) == 1
    await store.people.erase(WANTED)
    assert await store.people.find(Named(ADA.id)) == others
    assert await store.feedback.read(elsewhere) == {ADA.id: 1}
    assert await store.feedback.read(beside) == {f"T2/{ADA.id}": 1}


async def test_who_has_only_rated_an_answer_is_found(store: Store) -> None:
    run_id = await lives(store, BOB, "other")
    await store.feedback.set(run_id, WANTED, -1, 1)
    assert await store.people.find(Named.of(f"slack:{ADA.id}")) == {WANTED}
    await store.people.erase(WANTED)
    assert await store.people.find(Named(ADA.id)) == set()


async def test_what_a_living_process_is_answering_is_told(store: Store) -> None:
    assert await store.people.unfinished(WANTED, 100) == 0
    await leases_of(store).beat(100)
    await store.inbox.add(Asked(MessageRef(PLACE, "1"), ADA, "?"), 1, uuid4())
    assert await store.people.unfinished(WANTED, 100) == 1
    assert await store.people.unfinished(WANTED, 100_000_000) == 0, "its process is silent"
    store.runs.begin(start(run := uuid4(), person=ADA))
    await store.settled(run, 10)
    assert await store.people.unfinished(WANTED, 100) == 1
    assert await store.people.unfinished(OTHER, 100) == 0


def leave_what_is_deleted(store: Store) -> None:
    """Some builds of SQLite overwrite what they delete; not all do."""

    def set_up(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA secure_delete = OFF")

    assert isinstance(store.database, SqlDatabase)
    event.listen(store.database.engine.sync_engine, "connect", set_up)


def legible(folder: Path) -> bool:
    """Whether any file of the database still has the mark."""
    contents = b"".join(path.read_bytes() for path in folder.iterdir())
    return MARK.encode() in contents or MARK_OF_ID.encode() in contents


async def test_what_was_erased_is_not_in_the_file_either(sqlite_url: str, tmp_path: Path) -> None:
    await upgrade(sqlite_url)
    store = open_store(sqlite_url)
    for _ in range(20):
        await lives(store, ADA, SECRET * 50)
        await lives(store, BOB, "other" * 50)
    await store.aclose()  # so that the rows are in the file itself, and not in its log
    store = open_store(sqlite_url)
    leave_what_is_deleted(store)
    await store.people.erase(WANTED)
    folder = tmp_path / "data"
    assert legible(folder), "SQLite leaves what it deletes where it was"
    assert await scrub(store.database)
    assert not legible(folder)
    assert len(await store.people.run_ids(OTHER)) == 20
    await store.aclose()


async def test_a_file_that_another_reads_is_not_said_to_be_scrubbed(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.store.retention._TRIES", 1)
    await upgrade(sqlite_url)
    store, other = open_store(sqlite_url), SqlDatabase(sqlite_url)
    await lives(store, ADA, SECRET)
    async with other.engine.connect() as reader:
        await reader.execute(text("SELECT * FROM runs"))
        await store.people.erase(WANTED)
        assert not await scrub(store.database)
    assert await scrub(store.database)
    await other.aclose()
    await store.aclose()
