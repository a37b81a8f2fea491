"""The inbox: every question is stored before the platform is told that it was taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Connection, RowMapping, select, update

from bot.store.database import Database
from bot.store.places import columns_of, place_of
from bot.store.tables import inbox, insert_into
from connectors.base import Asked, MessageRef, Person

State = Literal["waiting", "running", "done", "refused"]


@dataclass(frozen=True, slots=True)
class Question:
    """One question of the inbox; `received_us` in microseconds since the epoch."""

    id: int
    asked: Asked
    received_us: int
    state: State
    run_id: UUID | None = None


class Inbox:
    """Keeps questions, each once. Nothing here goes through the journal."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, asked: Asked, received_us: int) -> int | None:
        """Keeps a question and returns its id; None where its message was there before.

        The question is durable when this returns; raises `StoreUnavailable` otherwise.
        """
        values = _values(asked, received_us)

        def work(connection: Connection) -> int | None:
            insert = insert_into(connection, inbox).values(values)
            stored = insert.on_conflict_do_nothing().returning(inbox.c.id)
            return connection.execute(stored).scalar_one_or_none()

        return await self._database.run(work)

    async def mark(self, id: int, state: State, run_id: UUID | None = None) -> None:  # noqa: A002 - the question's id
        """Says what became of a question; without a `run_id` the one it has stays."""
        values = {"state": state} | ({"run_id": str(run_id)} if run_id else {})
        change = update(inbox).where(inbox.c.id == id).values(values)
        await self._database.run(lambda connection: connection.execute(change))

    async def unanswered(self) -> list[Question]:
        """The questions that are waiting or running, oldest first."""
        query = select(inbox).where(inbox.c.state.in_(["waiting", "running"])).order_by(inbox.c.id)

        def work(connection: Connection) -> list[Question]:
            return [_question(row) for row in connection.execute(query).mappings()]

        return await self._database.read(work)


def _values(asked: Asked, received_us: int) -> dict[str, Any]:
    return {
        **columns_of(asked.message.place),
        "message_id": asked.message.id,
        "person_id": asked.person.id,
        "person_name": asked.person.name,
        "text": asked.text,
        "received_us": received_us,
        "state": "waiting",
    }


def _question(row: RowMapping) -> Question:
    message = MessageRef(place_of(row), row["message_id"])
    asked = Asked(message, Person(row["person_id"], row["person_name"]), row["text"])
    run_id = UUID(row["run_id"]) if row["run_id"] else None
    return Question(row["id"], asked, row["received_us"], row["state"], run_id)
