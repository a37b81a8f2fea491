"""The inbox: every question is stored before the platform is told that it was taken; with it
what is known of its conversation, and what a platform let the bot do about a message for a
while.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, Index, RowMapping, case, delete, func, or_, select, text, update

from bot.store.columns import (
    columns_of,
    files_column,
    files_of,
    in_place,
    is_message,
    person_columns,
    person_of,
    place_of,
)
from bot.store.database import Database, StoreUnavailable
from bot.store.schema import conversations, grants, inbox, insert_into, storable, unindexed
from connectors.base import Asked, Grant, MessageRef, Person, Place, Unavailable

State = Literal["waiting", "running", "done", "refused"]


@dataclass(frozen=True, slots=True)
class KeptQuestion:
    """One question of the inbox; `received_us` in microseconds since the epoch."""

    id: int
    asked: Asked
    received_us: int
    state: State
    run_id: UUID | None = None


_DISCORD = text("connector = 'discord'")
Index(
    "uq_inbox_discord_message",
    *(inbox.c[name] for name in ("connector", "workspace", "channel", "message_id")),
    unique=True,
    sqlite_where=_DISCORD,  # and on PostgreSQL by the migration: its dialect is imported when used
)
"""Processes may not agree in which thread a question of Discord's is answered."""


@dataclass(frozen=True, slots=True)
class Given:
    """A question that was kept, and the process that sees to it."""

    inbox_id: int
    owner: str
    older: frozenset[UUID] = frozenset()
    """The runs of the questions of the same conversation that were kept before and still wait."""


Condition = Callable[[Connection], bool]
"""What has to be done with a question, in one transaction; says whether it was."""
Followed = Literal["retry", "continue", "decided"]


class InboxId(NamedTuple):
    """What a kept question is, as its message's id in the inbox says it.

    `of` is the id of a message that was asked or edited, or of the run that a retry or a
    continuation follows, or that waited for a decision; `version` that of an edit, as the platform
    counts them, or the model that a retry asks, where somebody chose it.
    """

    kind: Literal["asked", "edited"] | Followed
    of: str
    version: str = ""

    @classmethod
    def read(cls, written: str) -> InboxId:
        """The other way round than `written`."""
        kind, _, rest = written.partition(":")
        match kind:
            case "retry":
                of, _, version = rest.partition(":")
                return cls(kind, of, version)
            case "continue" | "decided":
                return cls(kind, rest)
            case "edited":
                of, _, version = rest.partition(":")
                return cls(kind, of, version)
            case _:
                return cls("asked", written)

    @property
    def written(self) -> str:
        """A message's own id, or a word for what else it is, a colon, and the rest.

        Without its version an edit's is what those of all edits of a message begin with.
        """
        match self.kind:
            case "asked":
                return self.of
            case "edited":
                return f"edited:{self.of}:{self.version}"
            case "retry" if self.version:
                return f"retry:{self.of}:{self.version}"
            case _:
                return f"{self.kind}:{self.of}"


class Inbox:
    """Keeps questions, each once; `owner` is this process. Nothing here goes by the journal."""

    def __init__(self, database: Database, owner: str) -> None:
        self._database = database
        self._owner = owner

    async def add(
        self,
        asked: Asked,
        received_us: int,
        run_id: UUID | None = None,
        given: Condition | None = None,
    ) -> int | None:
        """Keeps a question and returns its id; None where its message was there before.

        `run_id` is the run that is to answer it. It is kept in one transaction with `given`, and
        not at all where that returns false. The question is durable when this returns; raises
        `StoreUnavailable` otherwise.
        """

        def work(connection: Connection) -> int | None:
            if given is not None and not given(connection):
                return None
            return insert_question(connection, asked, received_us, run_id, self._owner)

        return await self._database.run(work)

    async def kept_for(self, run_id: UUID) -> Given | None:
        """The question that a run is to answer; None where none was kept for it."""
        query = select(inbox.c.id, inbox.c.owner).where(inbox.c.run_id == str(run_id))

        def work(connection: Connection) -> Given | None:
            row = connection.execute(query).one_or_none()
            return None if row is None else Given(*row)

        return await self._database.read(work)

    async def mark(self, id: int, state: State, run_id: UUID | None = None) -> None:  # noqa: A002 - the question's id
        """Says what became of a question; without a `run_id` the one it has stays."""
        values = {"state": state} | ({"run_id": str(run_id)} if run_id else {})
        change = update(inbox).where(inbox.c.id == id).values(values)
        await self._database.run(lambda connection: connection.execute(change))

    async def unanswered(self) -> list[KeptQuestion]:
        """The questions that are waiting or running, oldest first."""
        query = (
            select(inbox)
            .where(inbox.c.state.in_(["waiting", "running"]))
            .order_by(unindexed(inbox.c.id))
        )

        def work(connection: Connection) -> list[KeptQuestion]:
            return [question_of(row) for row in connection.execute(query).mappings()]

        return await self._database.read(work)

    async def received_us(self, ref: MessageRef) -> int | None:
        """When a message was received, in microseconds since the epoch; None where it was not."""
        query = select(inbox.c.received_us).where(is_message(inbox, ref))
        return await self._database.read(lambda connection: connection.scalar(query))

    async def run_of(self, ref: MessageRef) -> UUID | None:
        """The run that answers what is kept under this id; None where there is none yet."""
        query = select(inbox.c.run_id).where(is_message(inbox, ref))
        found = await self._database.read(lambda connection: connection.scalar(query))
        return UUID(found) if found else None

    async def answered(self, ref: MessageRef) -> bool:
        """Whether a message was a question, and has its answer."""
        query = select(inbox.c.id).where(is_message(inbox, ref), inbox.c.state == "done")
        return await self._database.read(lambda connection: connection.scalar(query)) is not None

    async def changed_since(self, question: KeptQuestion, message_id: str) -> bool:
        """Whether what a question's message asks was changed, and kept, after this question."""
        edits = storable(InboxId("edited", message_id).written)
        changed = inbox.c.message_id.startswith(edits, autoescape=True)
        query = (
            select(inbox.c.id)
            .where(in_place(inbox, question.asked.message.place), changed)
            .where(inbox.c.id > question.id)
            .limit(1)
        )
        return await self._database.read(lambda connection: connection.scalar(query)) is not None


_TAG = 35
"""Characters of a language's tag that are kept: BCP 47 has no longer ones."""


def insert_question(
    connection: Connection, asked: Asked, received_us: int, run_id: UUID | None, owner: str
) -> int | None:
    """Inserts a question and returns its id; None where its message was there before."""
    values = _values(asked, received_us) | {
        "run_id": str(run_id) if run_id else None,
        "owner": owner,
    }
    insert = insert_into(connection, inbox).values(values)
    stored = insert.on_conflict_do_nothing().returning(inbox.c.id)
    return connection.execute(stored).scalar_one_or_none()


def _values(asked: Asked, received_us: int) -> dict[str, Any]:
    return {
        **columns_of(asked.message.place),
        "message_id": asked.message.id,
        **person_columns(asked.person),
        "text": asked.text,
        "files": files_column(asked.files),
        "received_us": received_us,
        "state": "waiting",
        "external": asked.person.external,
        "person_language": asked.person.language[:_TAG] or None,
        "addressed": asked.addressed,
    }


def question_of(row: RowMapping) -> KeptQuestion:
    """The question of a row; one from before knows neither outsiders nor who was not addressed."""
    message = MessageRef(place_of(row), row["message_id"])
    person = person_of(row, external=bool(row["external"]))
    person = replace(person, language=row["person_language"] or "")
    addressed = row["addressed"] is not False
    asked = Asked(message, person, row["text"], files_of(row["files"]), addressed)
    run_id = UUID(row["run_id"]) if row["run_id"] else None
    return KeptQuestion(row["id"], asked, row["received_us"], row["state"], run_id)


# What is known of a conversation as a whole.


class ConversationStore:
    """Remembers from when on a conversation counts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def forget(self, place: Place, at_us: int) -> None:
        """Nothing that was said here before `at_us` (since the epoch) counts any more."""

        def work(connection: Connection) -> None:
            insert = insert_into(connection, conversations).values(
                **columns_of(place), forgotten_us=at_us
            )
            old, new = conversations.c.forgotten_us, insert.excluded.forgotten_us
            connection.execute(
                insert.on_conflict_do_update(
                    index_elements=list(columns_of(place)),
                    set_={"forgotten_us": case((new > old, new), else_=old)},
                )
            )

        await self._database.run(work)

    async def forgotten_us(self, place: Place) -> int:
        """Since when the conversation counts, in µs since the epoch; 0: from its start.

        What was forgotten in a channel outside of any thread is forgotten in all its threads.
        """
        here = in_place(conversations, place)
        around = in_place(conversations, replace(place, thread=""))
        query = select(func.max(conversations.c.forgotten_us)).where(or_(here, around))
        return await self._database.read(lambda connection: connection.scalar(query)) or 0


# What platforms let connectors do about a message for a while; see `connectors.base.Grants`.


class GrantStore:
    """Keeps grants as connectors seal them. Raises `Unavailable`, which connectors know."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, grant: Grant) -> None:
        """Keeps a grant; it is durable when this returns. One a message: the first stays."""
        values = columns_of(grant.message.place) | {
            "message_id": grant.message.id,
            "person_id": grant.person.id,
            "person_realm": grant.person.realm,
            "sealed": grant.sealed,
            "until_us": grant.until_us,
        }

        def work(connection: Connection) -> None:
            connection.execute(
                insert_into(connection, grants).values(values).on_conflict_do_nothing()
            )

        with _unavailable():
            await self._database.run(work)

    async def of(self, place: Place) -> Sequence[Grant]:
        """The grants about messages of a place. Their people have no names."""
        query = select(grants).where(in_place(grants, place))

        def work(connection: Connection) -> list[Grant]:
            return [
                Grant(
                    MessageRef(place_of(row), row["message_id"]),
                    Person(row["person_id"], realm=row["person_realm"]),
                    row["sealed"],
                    row["until_us"],
                )
                for row in connection.execute(query).mappings()
            ]

        with _unavailable():
            return await self._database.read(work)

    async def lapse(self, now_us: int) -> int:
        """Deletes what has lapsed by a time (microseconds since the epoch); how many."""
        late = delete(grants).where(grants.c.until_us <= now_us)
        with _unavailable():
            return await self._database.run(lambda connection: connection.execute(late).rowcount)


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except StoreUnavailable as error:
        raise Unavailable(str(error)) from error
