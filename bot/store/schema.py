"""The tables. Times (`…_us`) are microseconds since the epoch, unless a column says otherwise.

There are no foreign keys: rows are written in groups, and a row that the database refuses must
not take others with it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Dialect,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    func,
    text,
)

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

Insert: TypeAlias = "sqlite.Insert | postgresql.Insert"


def storable(text: str) -> str:
    """The text with U+FFFD for what no database takes: NUL and lone surrogates."""
    if text.isascii() and "\x00" not in text:
        return text
    return _UNSTORABLE.sub("\ufffd", text)


class SafeText(TypeDecorator[str]):
    """Text from outside: stored, and looked up, as `storable` gives it."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        return None if value is None else storable(value)


def insert_into(connection: Connection, table: Table) -> Insert:
    """An insert that knows ON CONFLICT, in the dialect of the connection."""
    if connection.dialect.name == "sqlite":
        from sqlalchemy.dialects.sqlite import insert
    else:
        from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment]
    return insert(table)


def complete_for_postgresql() -> None:
    """Makes the partial indexes partial on PostgreSQL, too.

    They are told so only where there is one: SQLAlchemy imports its dialect then, which is 2 MB.
    """
    for index in (each for table in metadata.tables.values() for each in table.indexes):
        index.dialect_options["postgresql"]["where"] = index.dialect_options["sqlite"]["where"]


def unindexed(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The column as an expression that no index has.

    Of a few unfinished rows among a million finished ones, a planner without statistics (SQLite's)
    rather walks an index that has the right order, or the right platform: all of it.
    """
    return func.coalesce(column, column)


metadata = MetaData()

_MICROSECONDS = BigInteger
_RUN_ID = String(36)
_SHA256 = String(64)
_OWNER = String(36)
"""The process that sees to a row: one of `processes`, which may have died. NULL: nobody."""

_COUNTED = (
    "run_id", "ended_us", "input_tokens", "output_tokens", "cached_input_tokens", "usage_estimated",
    "cost_microusd",
)  # fmt: skip
"""What limits and `usage` count, so that no row is looked up for it."""

SAID = "inbox.text != '' OR inbox.files IS NOT NULL"
"""The questions whose text is kept: as a query has to say it for their index to be used."""

FILTERED = {
    "person": "person_id",
    "verdict": "verdict",
    "outcome": "outcome",
    "model": "model",
    "connector": "connector",
}
"""The list's filters and their columns, by how few runs they usually leave."""


def _place() -> list[Column[str]]:
    names = ("connector", "workspace", "channel", "thread")
    return [Column(name, SafeText, nullable=False) for name in names]


def _without_realm(table: str, column: str) -> Index:
    """The few rows that an older version wrote, to be found without a walk."""
    which = text("person_realm IS NULL")
    name = f"ix_{table}_without_realm"
    return Index(name, column, sqlite_where=which)


inbox = Table(
    "inbox",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    *_place(),
    Column("message_id", SafeText, nullable=False),
    Column("person_id", SafeText, nullable=False),
    Column("person_name", SafeText, nullable=False),
    Column("text", SafeText, nullable=False),
    Column("files", JSON(none_as_null=True)),
    Column("received_us", _MICROSECONDS, nullable=False),
    Column("state", String(16), nullable=False),
    Column("run_id", _RUN_ID),
    Column("owner", _OWNER),
    Column("external", Boolean),
    Column("addressed", Boolean),
    Column("person_realm", SafeText),
    Column("person_language", String(35)),
    UniqueConstraint(
        "connector", "workspace", "channel", "thread", "message_id", name="uq_inbox_message"
    ),
    Index("ix_inbox_state", "state", "id"),
    Index("ix_inbox_run_id", "run_id"),
    _without_realm("inbox", "id"),
    Index("ix_inbox_said", "received_us", sqlite_where=text(SAID)),
)

runs = Table(
    "runs",
    metadata,
    Column("run_id", _RUN_ID, primary_key=True),
    *_place(),
    Column("question_id", SafeText, nullable=False),
    Column("person_id", SafeText, nullable=False),
    Column("person_name", SafeText, nullable=False),
    Column("question", SafeText, nullable=False),
    Column("files", JSON(none_as_null=True)),
    Column("model", SafeText, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("parent_run_id", _RUN_ID),
    Column("started_us", _MICROSECONDS, nullable=False),
    Column("first_token_us", _MICROSECONDS),
    Column("first_text_us", _MICROSECONDS),
    Column("ended_us", _MICROSECONDS),
    Column("outcome", String(16)),
    Column("verdict", String(16)),
    Column("finish_reason", String(16)),
    Column("finish_word", String(64)),
    Column("error", SafeText),
    Column("generated_text", SafeText),
    Column("tokens", BigInteger),
    Column("input_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    Column("cached_input_tokens", BigInteger),
    Column("usage_estimated", Boolean),
    Column("cost_microusd", BigInteger),
    Column("attempts", JSON(none_as_null=True)),
    Column("receipt", JSON(none_as_null=True)),
    Column("text_deleted_us", _MICROSECONDS),
    Column("owner", _OWNER),
    Column("person_realm", SafeText),
    Column("language", String(8)),
    # How often the run was taken over: what began under an older number is not the owner's.
    Column("epoch", Integer, nullable=False, server_default="0"),
    Column("made_with", JSON(none_as_null=True)),
    Index(
        "ix_runs_unended",
        "owner",
        sqlite_where=text("ended_us IS NULL"),
    ),
    Index(
        "ix_runs_person",
        *("connector", "person_id", "started_us", *_COUNTED, "person_name", "person_realm"),
    ),
    _without_realm("runs", "run_id"),
    Index("ix_runs_workspace", "connector", "workspace", "started_us", *_COUNTED),
    Index("ix_runs_place", "connector", "workspace", "channel", "thread", "started_us"),
    Index("ix_runs_listed", "started_us", "run_id"),
    # In each what the list can filter by: no row is looked up that it does not show.
    *(
        Index(
            f"ix_runs_by_{name}",
            column,
            "started_us",
            "run_id",
            *(other for other in FILTERED.values() if other != column),
            *(["person_realm"] if name == "person" else []),
        )
        for name, column in FILTERED.items()
    ),
    Index(
        "ix_runs_text_kept",
        "started_us",
        sqlite_where=text("text_deleted_us IS NULL"),
    ),
)

# What an hour's runs were: see `bot.store.counting`. anonymized: how often a name was taken out.
run_hours = Table(
    "run_hours",
    metadata,
    Column("hour_us", _MICROSECONDS, primary_key=True, autoincrement=False),
    Column("summary", JSON, nullable=False),
    Column("anonymized", Integer, nullable=False, server_default="0"),
    Index("ix_run_hours_anonymized", "anonymized"),  # the summaries are long
)

# at_us: since the run's start.
tokens = Table(
    "tokens",
    metadata,
    Column("run_id", _RUN_ID, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at_us", _MICROSECONDS, nullable=False),
    Column("text", SafeText, nullable=False),
    Column("kind", String(16), nullable=False),
    sqlite_with_rowid=False,
)

# at_us: since the run's start. position: the answer's characters that were shown up to here.
edits = Table(
    "edits",
    metadata,
    Column("run_id", _RUN_ID, primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("part", Integer, nullable=False),
    Column("call", String(8), nullable=False),
    Column("at_us", _MICROSECONDS, nullable=False),
    Column("latency_us", _MICROSECONDS, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("error", SafeText),
    sqlite_with_rowid=False,
)

# chars: so many characters of the answer are in the message, between head and tail.
messages = Table(
    "messages",
    metadata,
    Column("run_id", _RUN_ID, primary_key=True),
    Column("part", Integer, primary_key=True, autoincrement=False),
    *_place(),
    Column("message_id", SafeText, nullable=False),
    Column("lead", SafeText, nullable=False),
    Column("head", SafeText, nullable=False),
    Column("tail", SafeText, nullable=False),
    Column("trail", SafeText, nullable=False),
    Column("chars", Integer),
    Index("ix_messages_message", "connector", "workspace", "channel", "thread", "message_id"),
)

# person_id: `realm/id` where the person has a realm; a key can't get one more column while older
# versions run.
feedback = Table(
    "feedback",
    metadata,
    Column("run_id", _RUN_ID, primary_key=True),
    Column("person_id", SafeText, primary_key=True),
    Column("value", SmallInteger, nullable=False),
    Column("at_us", _MICROSECONDS, nullable=False),
)

# What the asker alone is told of a run. claimed_by: who tells it; see `bot.store.messages`.
whispers = Table(
    "whispers",
    metadata,
    Column("run_id", _RUN_ID, primary_key=True),
    Column("kind", String(32), primary_key=True),
    Column("claimed_by", String(36), nullable=False),
    Column("at_us", _MICROSECONDS, nullable=False),
)

# The tool calls of a run: see `bot.store.calls`. state, and what each way sets: there. step: which
# try made the last change. approver: an account, where a person allowed or denied it. result_bytes:
# in UTF-8. late_…: an answer that came after nobody knew any more whether one would.
tool_calls = Table(
    "tool_calls",
    metadata,
    Column("run_id", _RUN_ID, primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("call_id", SafeText, nullable=False),
    Column("server", SafeText, nullable=False),
    Column("tool", SafeText, nullable=False),
    Column("arguments", SafeText),
    Column("loop", SafeText),
    Column("arguments_sha256", _SHA256, nullable=False),
    Column("config_sha256", _SHA256, nullable=False),
    Column("tool_sha256", _SHA256, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", String(64)),
    Column("reason_params", JSON(none_as_null=True)),
    Column("approver", SafeText),
    Column("rule_id", String(36)),
    Column("until_us", _MICROSECONDS),
    Column("owner", _OWNER),
    Column("epoch", Integer),
    Column("sender", _RUN_ID),
    Column("step", String(36)),
    Column("asked_us", _MICROSECONDS, nullable=False),
    Column("decided_us", _MICROSECONDS),
    Column("approved_us", _MICROSECONDS),
    Column("sent_us", _MICROSECONDS),
    Column("ended_us", _MICROSECONDS),
    Column("result", SafeText),
    Column("result_sha256", _SHA256),
    Column("result_bytes", BigInteger),
    Column("error", SafeText),
    Column("late_us", _MICROSECONDS),
    Column("late_sha256", _SHA256),
    Column("late_bytes", BigInteger),
    Column("restate_us", _MICROSECONDS),
    Index("ix_tool_calls_ended_us", "ended_us"),
    Index("ix_tool_calls_restate_us", "restate_us", sqlite_where=text("restate_us IS NOT NULL")),
    Index(
        "ix_tool_calls_waiting",
        "until_us",
        sqlite_where=text("state = 'waiting'"),
    ),
    Index("ix_tool_calls_sender", "sender"),
)

# "Allow in this thread": calls of a tool, as it was described then, that need no press of its own.
tool_rules = Table(
    "tool_rules",
    metadata,
    Column("id", String(36), primary_key=True),
    *_place(),
    Column("person_id", SafeText, nullable=False),
    Column("person_realm", SafeText, nullable=False),
    Column("server", SafeText, nullable=False),
    Column("tool", SafeText, nullable=False),
    Column("config_sha256", _SHA256, nullable=False),
    Column("tool_sha256", _SHA256, nullable=False),
    Column("approver", SafeText),
    Column("made_us", _MICROSECONDS, nullable=False),
    Column("until_us", _MICROSECONDS, nullable=False),
    Column("revoked_us", _MICROSECONDS),
    Index("ix_tool_rules_person", "connector", "person_id"),
    Index("ix_tool_rules_until_us", "until_us"),
)

# What is stopped for now: see `bot.store.brakes`. A column of the place is empty where any will do.
# approver: None where the operator did it.
brakes = Table(
    "brakes",
    metadata,
    Column("what", String(32), primary_key=True),
    Column("connector", SafeText, primary_key=True),
    Column("workspace", SafeText, primary_key=True),
    Column("channel", SafeText, primary_key=True),
    Column("thread", SafeText, primary_key=True),
    Column("approver", SafeText),
    Column("since_us", _MICROSECONDS, nullable=False),
)

conversations = Table(
    "conversations",
    metadata,
    Column("connector", SafeText, primary_key=True),
    Column("workspace", SafeText, primary_key=True),
    Column("channel", SafeText, primary_key=True),
    Column("thread", SafeText, primary_key=True),
    Column("forgotten_us", _MICROSECONDS, nullable=False),
)

# at_us: what the person used before counts no more against their limits.
usage_resets = Table(
    "usage_resets",
    metadata,
    Column("connector", SafeText, primary_key=True),
    Column("person_realm", SafeText, primary_key=True),
    Column("person_id", SafeText, primary_key=True),
    Column("at_us", _MICROSECONDS, nullable=False),
)

# beat_us: when the process last said that it lives. machine, pid: see `bot.cluster.leases.Seat`.
# connectors: the names of those that it serves; NULL where it serves none. budgets: how it shares.
processes = Table(
    "processes",
    metadata,
    Column("id", _OWNER, primary_key=True),
    Column("beat_us", _MICROSECONDS, nullable=False),
    Column("machine", String(128)),
    Column("pid", Integer),
    Column("connectors", JSON(none_as_null=True)),
    Column("budgets", JSON(none_as_null=True)),
)

# The process that answers in a conversation; where there is no row, nobody does.
floors = Table(
    "floors",
    metadata,
    Column("connector", SafeText, primary_key=True),
    Column("workspace", SafeText, primary_key=True),
    Column("channel", SafeText, primary_key=True),
    Column("thread", SafeText, primary_key=True),
    Column("owner", _OWNER, nullable=False),
    Index("ix_floors_owner", "owner"),
)

# What a process is to see to that another one heard of. event: see `bot.cluster.mailbox`.
errands = Table(
    "errands",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("owner", _OWNER, nullable=False),
    Column("at_us", _MICROSECONDS, nullable=False),
    Column("event", JSON, nullable=False),
    Index("ix_errands_owner", "owner"),
)

# What a platform lets a connector do about a message, and until when.
# sealed: the connector's own, encrypted.
grants = Table(
    "grants",
    metadata,
    Column("connector", SafeText, primary_key=True),
    Column("workspace", SafeText, primary_key=True),
    Column("channel", SafeText, primary_key=True),
    Column("thread", SafeText, primary_key=True),
    Column("message_id", SafeText, primary_key=True),
    Column("person_id", SafeText, nullable=False),
    Column("person_realm", SafeText, nullable=False),
    Column("sealed", SafeText, nullable=False),
    Column("until_us", _MICROSECONDS, nullable=False),
    Index("ix_grants_until_us", "until_us"),
)
