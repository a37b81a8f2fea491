"""Whatever can hold a person, or what they said, is shown, erased, and does not stay for ever.

Every column of every table is filed here. One that is not fails the test: whoever adds it has to
say whether it can hold a person, and then it is followed through show, erase and retention.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    LargeBinary,
    MetaData,
    String,
    Table,
    insert,
    select,
)

from bot.identity import Account, Named
from bot.store import SqlDatabase, Store, upgrade
from bot.store.schema import SafeText, metadata
from connectors.slack import installations
from connectors.web import WebConnector, messages
from tests.contract.store.test_migrations import known_tables

pytestmark = pytest.mark.real_time

PERSON = {
    "inbox": {"person_id", "person_name", "person_realm", "person_language"},
    "runs": {"person_id", "person_name", "person_realm"},
    "feedback": {"person_id"},
    "usage_resets": {"person_id", "person_realm"},
    "run_hours": {"summary"},
    "errands": {"event"},
    "grants": {"person_id", "person_realm"},
    "tool_calls": {"approver"},
    "tool_rules": {"person_id", "person_realm", "approver"},
    "brakes": {"approver"},
    "scope_changes": {"approver"},
    "web_messages": {"author_id", "author_name", "key", "reader_id"},
    "web_files": {"person_id"},
    "web_sessions": {"person_id", "name"},
}
"""Who somebody is."""
SAID = {
    "inbox": {"text", "files"},
    "runs": {"question", "files", "generated_text"},
    "tokens": {"text"},
    "messages": {"lead", "head", "tail", "trail"},
    "grants": {"sealed"},
    "masks": {"sealed"},
    "tool_calls": {"arguments", "loop", "result", "error"},
    "answer_files": {"name", "media_type", "upload"},
    "file_contents": {"content"},
    "web_messages": {"text", "files", "footer"},
    "web_files": {"name", "media_type", "content"},
}
"""What somebody said or attached, or was answered: gone with the retention at the latest."""
WHERE = {"connector", "workspace", "channel", "thread", "conversation", "message_id", "question_id"}
"""Where and in which message: the platform's own ids, which are kept for the totals."""
OURS = {
    "inbox": {"id", "received_us", "state", "run_id", "owner", "external", "addressed"},
    "runs": {
        "run_id", "model", "kind", "parent_run_id", "started_us", "first_token_us", "first_text_us",
        "ended_us", "outcome", "verdict", "finish_reason", "finish_word", "error", "tokens",
        "input_tokens", "output_tokens", "cached_input_tokens", "usage_estimated", "cost_microusd",
        "attempts", "receipt", "text_deleted_us", "owner", "epoch", "made_with", "language",
    },
    "scope_settings": {"scope", "name", "value", "change"},
    "scope_changes": {"id", "at_us", "scope", "name", "before", "after"},
    "run_hours": {"hour_us", "anonymized"},
    "tool_calls": {
        "run_id", "n", "call_id", "server", "tool", "arguments_sha256", "config_sha256",
        "tool_sha256", "state", "reason", "reason_params", "rule_id", "until_us", "owner", "epoch",
        "sender", "step", "asked_us", "decided_us", "approved_us", "sent_us", "ended_us",
        "result_sha256",
        "result_bytes", "late_us", "late_sha256", "late_bytes", "restate_us",
    },
    "answer_files": {
        "run_id", "n", "size", "sha256", "state", "shown_size", "shown_sha256", "reason", "made_us",
    },
    "file_contents": {"run_id", "sha256"},
    "tool_rules": {
        "id", "server", "tool", "config_sha256", "tool_sha256", "made_us", "until_us", "revoked_us",
    },
    "brakes": {"what", "since_us"},
    "masks": {"run_id"},
    "tokens": {"run_id", "seq", "at_us", "kind"},
    "edits": {
        "run_id", "n", "part", "call", "at_us", "latency_us", "position", "sha256", "error",
    },
    "messages": {"run_id", "part", "chars"},
    "feedback": {"run_id", "value", "at_us"},
    "whispers": {"run_id", "kind", "claimed_by", "at_us"},
    "conversations": {"forgotten_us"},
    "usage_resets": {"at_us"},
    "processes": {"id", "beat_us", "machine", "pid", "connectors", "budgets"},
    "budget_mode": {"id", "mode", "epoch", "deployment", "since_us"},
    "budget_slots": {"budget", "owner", "held", "growing", "gone_us"},
    "floors": {"owner"},
    "errands": {"id", "owner", "at_us"},
    "grants": {"until_us"},
    "web_messages": {
        "seq", "id", "by_bot", "controls", "run_id", "part", "last", "version", "at_us", "deleted",
        "changed_us", "about", "failed", "instead",
    },
    "web_files": {"id", "size", "at_us"},
    "web_sessions": {"id", "area", "way", "proof", "until_us"},
    "web_keys": {"id", "key", "made_us"},
    "slack_installations": {"team", "name", "token", "installed_us"},
    "slack_oauth_states": {"nonce", "used_us"},
}  # fmt: skip
"""Ours: numbers, times, words of the bot's and the services' own."""
HIDDEN = {("web_files", "content"), ("file_contents", "content"), ("web_messages", "key")}
"""Shown without: a file's bytes, and the key, which has the person's own id."""
ALL = known_tables()

ADA = Account("web", "playground", "ada-visitor-1")
RUN = str(uuid4())


def test_every_column_of_every_table_is_filed() -> None:
    for name, table in ALL.tables.items():
        filed = [group.get(name, set()) for group in (PERSON, SAID, OURS)]
        columns = {column.name for column in table.columns}
        assert columns - WHERE - set().union(*filed) == set(), f"{name}: whose is that?"
        assert sum(map(len, filed)) == len(set().union(*filed)), f"{name}: filed twice"
        assert set().union(*filed) <= columns, f"{name} has no such column any more"


def mark(table: str, column: str) -> str:
    """What can be found again."""
    return f"<{table}.{column}>"


LINKS: dict[str, Any] = {
    "connector": ADA.connector, "workspace": ADA.realm, "channel": "C1", "thread": "",
    "conversation": "C1", "person_id": ADA.id, "person_realm": ADA.realm, "author_id": ADA.id,
    "run_id": RUN, "by_bot": False, "deleted": False, "last": False, "state": "done",
    "ended_us": 9, "text_deleted_us": None, "owner": "nobody",
}  # fmt: skip
EVENT = {
    "kind": "edited", "version": "1", "text": mark("errands", "event"), "files": None,
    "message": {"id": "1", "person_realm": ADA.realm, "place": {
        "connector": "web", "workspace": ADA.realm, "channel": "C1", "thread": ""}},
    "person": {"id": ADA.id, "name": "Ada", "external": False},
}  # fmt: skip
SPENT = {"runs": 1, "tokens": 1, "microusd": 0, "unpriced": 0, "estimated": 0}
HOUR = {
    "runs": 1, "limited": 0, "outcomes": {}, "verdicts": {}, "first_token": {}, "first_text": {},
    "lag": {}, "models": {},
    "people": {
        f"web\n{ADA.realm}\n{ADA.id}": {**SPENT, "name": mark("run_hours", "summary")},
    },
}  # fmt: skip


SPECIAL: dict[tuple[str, str], Any] = {
    ("feedback", "person_id"): ADA.name,
    ("tool_calls", "approver"): str(ADA),
    ("tool_rules", "approver"): str(ADA),
    ("brakes", "approver"): str(ADA),
    ("scope_changes", "approver"): str(ADA),
    ("web_messages", "key"): f"re:x:{ADA.id}:note",
    ("errands", "event"): EVENT,
    ("run_hours", "summary"): HOUR,
}


def value(column: Column[Any]) -> Any:
    """A value for a column that says where it stands, as far as it can hold text."""
    table = column.table.name
    if (table, column.name) in SPECIAL or column.name in LINKS:
        return SPECIAL.get((table, column.name), LINKS.get(column.name))
    if column.name == "files":
        listed = [{"id": "f", "name": mark(table, "files"), "media_type": "t", "size": 1}]
        return json.dumps(listed) if table == "web_messages" else listed
    if isinstance(column.type, LargeBinary):
        return mark(table, column.name).encode()
    if isinstance(column.type, SafeText | String):
        return mark(table, column.name)[: getattr(column.type, "length", None)]
    return {JSON: None, Boolean: False}.get(type(column.type), 1)


def fill(connection: Connection) -> None:
    """One row of Ada's in every table."""
    for table in ALL.sorted_tables:
        row = {column.name: value(column) for column in table.columns}
        connection.execute(insert(table).values(row))


def everything(connection: Connection) -> dict[str, str]:
    """What each table holds, as text."""
    return {
        name: str([tuple(row) for row in connection.execute(select(table))])
        for name, table in ALL.tables.items()
    }


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    """A database in which every table has a row of Ada's."""
    await upgrade(url)
    store = Store(SqlDatabase(url))
    await store.database.run(fill)
    yield store
    await store.aclose()


def page(store: Store) -> WebConnector:
    """The connector that keeps something itself."""
    assert isinstance(store.database, SqlDatabase)
    return WebConnector(store.database.engine, about="")


def followed(groups: tuple[dict[str, set[str]], ...]) -> list[tuple[str, str]]:
    """The tables and columns that are followed."""
    return [
        (table, column)
        for group in groups
        for table, columns in group.items()
        for column in sorted(columns)
    ]


async def test_all_that_can_hold_a_person_is_shown(store: Store) -> None:
    assert await store.people.find(Named(ADA.id)) == {ADA}
    rows = dict(await store.people.data(ADA))
    ids = await store.people.run_ids(ADA)
    shown = str(rows | {"web": await page(store).data_of(ADA.id, ids)})
    for table, column in followed((PERSON, SAID)):
        if (table, column) in HIDDEN:
            continue
        wanted = value(ALL.tables[table].c[column])
        text = mark(table, column) if isinstance(wanted, dict | list) else str(wanted)
        text = mark(table, "files") if column == "files" else text
        assert text in shown, f"{table}.{column} is not shown"


async def test_nothing_that_can_hold_a_person_is_left_once_it_was_erased(store: Store) -> None:
    web = page(store)
    await web.erase(ADA.id, await store.people.run_ids(ADA))
    await store.people.erase(ADA)
    left = await store.database.read(everything)
    for table, column in followed((PERSON, SAID)):
        assert mark(table, column) not in left[table], f"{table}.{column} is not erased"
        assert ADA.id not in left[table], f"{table} still knows her"
    assert all(ADA.id not in text for text in left.values())


async def test_nothing_that_somebody_said_outlives_the_retention(store: Store) -> None:
    web = page(store)
    await store.retention.delete_before(10**15, now_us=10**15)
    await web.delete_before(10**15)
    left = await store.database.read(everything)
    for table, column in followed((SAID,)):
        assert mark(table, column) not in left[table], f"{table}.{column} stays"
    assert mark("errands", "event") not in left["errands"]


def test_a_new_column_would_be_noticed() -> None:
    """The filing is of what there is, and of nothing else."""
    unfiled = Table("inbox", MetaData(), Column("nickname"))
    columns = {column.name for column in unfiled.columns}
    assert columns - WHERE - PERSON["inbox"] - SAID["inbox"] - OURS["inbox"] == {"nickname"}
    known = (metadata, messages.metadata, installations.metadata)
    assert set(ALL.tables) == {name for each in known for name in each.tables}
