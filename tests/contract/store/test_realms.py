"""Rows from before realms were known, and those that older versions write during an upgrade."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from alembic import command
from sqlalchemy import Connection, text

from bot.cluster.mailbox import Mailbox
from bot.identity import Account, Named
from bot.store import SqlDatabase, Store, UsageScope, migrate, upgrade
from connectors.base import Commanded, MessageRef, Person, Place
from tests.doubles.stored import PLACE, question

pytestmark = pytest.mark.real_time

HOME, STRANGER, ON_DISCORD, VISITOR = (str(uuid4()) for _ in range(4))
_RUN = """
INSERT INTO runs (run_id, connector, workspace, channel, thread, question_id, person_id,
                  person_name, question, model, kind, started_us)
VALUES (:run, :connector, :workspace, 'C1', '', '1', :id, 'Ada', 'why?', 'm', 'ask', 5)
"""
_ASKED = """
INSERT INTO inbox (connector, workspace, channel, thread, message_id, person_id, person_name, text,
                   received_us, state, run_id, external)
VALUES (:connector, :workspace, 'C1', '', :id, :id, 'Ada', 'why?', 5, 'done', :run, :external)
"""
_RATED = """
INSERT INTO feedback (run_id, person_id, value, at_us) VALUES (:run, :id, :value, 5)
ON CONFLICT (run_id, person_id) DO UPDATE SET value = excluded.value
"""
LIVES = (
    (HOME, "slack", "T1", "U1", None),
    (STRANGER, "slack", "T1", "U9", True),
    (ON_DISCORD, "discord", "G1", "123", None),
    (VISITOR, "web", "playground", "abc", None),
)
HERS = Account("slack", "T1", "U1")


def old_rows(connection: Connection) -> None:
    """Writes what an older version writes of four people: a question, its run, and a thumb."""
    for run, connector, workspace, id_, external in LIVES:
        values: dict[str, Any] = {
            "run": run, "connector": connector, "workspace": workspace, "id": id_,
            "external": external, "value": 1,
        }  # fmt: skip
        for statement in (_RUN, _ASKED, _RATED):
            connection.execute(text(statement), values)


def everybody(connection: Connection) -> dict[str, tuple[str, str, str]]:
    """The realm of each run, of its question, and the thumb below it."""
    query = (
        "SELECT runs.run_id, runs.person_realm, inbox.person_realm, feedback.person_id FROM runs "
        "JOIN inbox ON inbox.run_id = runs.run_id JOIN feedback ON feedback.run_id = runs.run_id"
    )
    return {run: (*realms,) for run, *realms in connection.execute(text(query))}


KNOWN = {
    HOME: ("T1", "T1", "T1/U1"),
    STRANGER: ("?", "?", "T1/U9"),
    ON_DISCORD: ("", "", "123"),
    VISITOR: ("playground", "playground", "playground/abc"),
}


def _to(connection: Connection, revision: str) -> None:
    command.upgrade(migrate._config(connection), revision)


async def test_rows_from_before_are_told_their_realm(url: str) -> None:
    database = SqlDatabase(url)
    await database.run(lambda c: _to(c, "0013"))
    await database.run(old_rows)
    hour = {"people": {"slack\nU1": {"runs": 1}, "discord\n123": {}, "": {}}, "models": {}}
    await database.run(lambda c: _one(c, "INSERT INTO run_hours (hour_us, summary) VALUES (0, :x)",
                                      x=json.dumps(hour)))  # fmt: skip
    reset = "INSERT INTO usage_resets (connector, person_id, at_us) VALUES (:x, :y, 7)"
    for connector, id_ in (("slack", "U1"), ("slack", "U0"), ("discord", "123")):
        await database.run(lambda c, x=connector, y=id_: _one(c, reset, x=x, y=y))  # type: ignore[misc]  # they are bound
    await database.aclose()
    await upgrade(url)
    store = Store(SqlDatabase(url))
    assert await store.database.read(everybody) == KNOWN
    summary = await store.database.read(lambda c: c.scalar(text("SELECT summary FROM run_hours")))
    found = json.loads(summary) if isinstance(summary, str) else summary
    assert set(found["people"]) == {"slack\nT1\nU1", "discord\n\n123", ""}
    assert found["people"]["slack\nT1\nU1"] == {"runs": 1}
    resets = "SELECT connector, person_realm, person_id FROM usage_resets ORDER BY 1, 3"
    rows = await store.database.read(lambda c: c.execute(text(resets)).all())
    assert rows == [("discord", "", "123"), ("slack", "", "U0"), ("slack", "T1", "U1")]
    await store.aclose()


def _one(connection: Connection, statement: str, **values: Any) -> None:
    connection.execute(text(statement), values)


@pytest.fixture
async def upgraded(url: str) -> Store:
    """An up-to-date database in which an older version has written since."""
    await upgrade(url)
    store = Store(SqlDatabase(url))
    await store.database.run(old_rows)
    return store


async def test_what_an_older_version_writes_meanwhile_counts_for_its_person(
    upgraded: Store,
) -> None:
    used = await upgraded.usage.spent(UsageScope("slack", HERS), day_us=1, month_us=1, now_us=9)
    assert used.runs_today == 1
    for run, realm in ((HOME, "T1"), (ON_DISCORD, ""), (VISITOR, "playground")):
        row = await upgraded.runs.get(UUID(run))
        assert row is not None
        assert row.start.person.realm == realm
    await upgraded.aclose()


async def test_what_an_older_version_writes_meanwhile_is_mended(upgraded: Store) -> None:
    # She has changed her mind since, by a press that a new process heard of.
    await upgraded.feedback.set(UUID(HOME), HERS, -1, 6)
    await upgraded.people.fill_realms()
    assert await upgraded.database.read(everybody) == KNOWN
    assert await upgraded.feedback.read(UUID(HOME)) == {"T1/U1": -1}
    assert await upgraded.people.find(Named("U1")) == {HERS}
    assert await upgraded.people.find(Named("U9")) == {
        Account("slack", "?", "U9"), Account("slack", "T1", "U9")
    }  # fmt: skip
    await upgraded.people.fill_realms()
    assert await upgraded.database.read(everybody) == KNOWN
    await upgraded.aclose()


async def test_an_errand_can_be_read_by_versions_without_realms(store: Store) -> None:
    """They make a `Person` of what they find below that name, and of nothing else."""
    here, there = store, Store(store.database)
    ada = Person("U1", "Ada", realm="T1")
    stranger = Person("U1", "Nobody", external=True, realm="T2")
    run_id = uuid4()
    asked = question()
    asked = type(asked)(asked.message, ada, asked.text)
    await there.inbox.add(asked, 1, run_id)
    errands = Mailbox(here.database, here.me)
    stop = Commanded(MessageRef(PLACE, "2"), stranger, "stop")
    assert await errands.leave(stop, 5) == 0, "somebody else's question"
    assert await errands.leave(Commanded(MessageRef(PLACE, "3"), ada, "stop"), 5) == 1
    (event,) = await store.database.read(
        lambda c: [row for (row,) in c.execute(text("SELECT event FROM errands"))]
    )
    said = json.loads(event) if isinstance(event, str) else event
    assert set(said["person"]) == {"id", "name", "external"}
    assert set(Place.__slots__) == set(said["message"]["place"])
    (taken,) = await Mailbox(there.database, there.me).take()
    assert taken.person == ada  # type: ignore[union-attr]  # it is a press
