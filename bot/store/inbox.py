"""The inbox: every question is stored before the platform is told that it was taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Connection, RowMapping, select, update

from bot.store.accounts import person_columns, person_of
from bot.store.database import Database
from bot.store.files import files_column, files_of
from bot.store.places import columns_of, in_place, is_message, place_of
from bot.store.tables import inbox, insert_into, storable, unindexed
from connectors.base import Asked, MessageRef

State = Literal["waiting", "running", "done", "refused"]


@dataclass(frozen=True, slots=True)
class Question:
    """One question of the inbox; `received_us` in microseconds since the epoch."""

    id: int
    asked: Asked
    received_us: int
    state: State
    run_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """A question that was kept, and the process that sees to it."""

    inbox_id: int
    owner: str


class Inbox:
    """Keeps questions, each once; `owner` is this process. Nothing here goes by the journal."""

    def __init__(self, database: Database, owner: str) -> None:
        self._database = database
        self._owner = owner

    async def add(self, asked: Asked, received_us: int, run_id: UUID | None = None) -> int | None:
        """Keeps a question and returns its id; None where its message was there before.

        `run_id` is the run that is to answer it. The question is durable when this returns;
        raises `StoreUnavailable` otherwise.
        """
        return await self._database.run(
            lambda connection: insert_question(connection, asked, received_us, run_id, self._owner)
        )

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

    async def unanswered(self) -> list[Question]:
        """The questions that are waiting or running, oldest first."""
        query = (
            select(inbox)
            .where(inbox.c.state.in_(["waiting", "running"]))
            .order_by(unindexed(inbox.c.id))
        )

        def work(connection: Connection) -> list[Question]:
            return [question_of(row) for row in connection.execute(query).mappings()]

        return await self._database.read(work)

    async def received_us(self, ref: MessageRef) -> int | None:
        """When a message was received, in microseconds since the epoch; None where it was not."""
        query = select(inbox.c.received_us).where(is_message(inbox, ref))
        return await self._database.read(lambda connection: connection.scalar(query))

    async def answered(self, ref: MessageRef) -> bool:
        """Whether a message was a question, and has its answer."""
        query = select(inbox.c.id).where(is_message(inbox, ref), inbox.c.state == "done")
        return await self._database.read(lambda connection: connection.scalar(query)) is not None

    async def changed_since(self, question: Question, message_id: str) -> bool:
        """Whether what a question's message asks was changed, and kept, after this question."""
        changed = inbox.c.message_id.startswith(storable(f"edited:{message_id}:"), autoescape=True)
        query = (
            select(inbox.c.id)
            .where(in_place(inbox, question.asked.message.place), changed)
            .where(inbox.c.id > question.id)
            .limit(1)
        )
        return await self._database.read(lambda connection: connection.scalar(query)) is not None


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
        "addressed": asked.addressed,
    }


def question_of(row: RowMapping) -> Question:
    """The question of a row; one from before knows neither outsiders nor who was not addressed."""
    message = MessageRef(place_of(row), row["message_id"])
    person = person_of(row, external=bool(row["external"]))
    addressed = row["addressed"] is not False
    asked = Asked(message, person, row["text"], files_of(row["files"]), addressed)
    run_id = UUID(row["run_id"]) if row["run_id"] else None
    return Question(row["id"], asked, row["received_us"], row["state"], run_id)
