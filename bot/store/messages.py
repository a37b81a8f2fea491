"""The messages that an answer's parts became."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, RowMapping, and_, select

from bot.store.database import Database
from bot.store.journal import Journal, Kind, Row
from bot.store.places import columns_of, in_place, is_message, place_of
from bot.store.tables import insert_into, messages, runs
from connectors.base import MessageRef, Place


@dataclass(frozen=True, slots=True)
class MessageRow:
    """The message that shows a part, and the decoration that its layout put around the answer.

    `chars` is how much of the answer is between `head` and `tail`; None in rows from before.
    """

    part: int
    ref: MessageRef
    lead: str = ""
    head: str = ""
    tail: str = ""
    trail: str = ""
    chars: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer that a message of the bot's is a part of."""

    run_id: UUID
    part: int
    generated_text: str
    """The whole answer; empty while it is written, and once its retention is over."""


class Messages:
    """Takes messages without waiting, and finds runs by them."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal

    def add(self, run_id: UUID, message: MessageRow) -> None:
        """Takes a part's message; a later one of the same part replaces it."""
        self._journal.add((_MESSAGE, run_id, message))

    async def read(self, run_id: UUID) -> list[MessageRow]:
        """The messages of a run by part, as far as they are durable."""
        query = select(messages).where(messages.c.run_id == str(run_id)).order_by(messages.c.part)

        def work(connection: Connection) -> list[MessageRow]:
            return [_message(row) for row in connection.execute(query).mappings()]

        return await self._database.read(work)

    async def run_of(self, ref: MessageRef) -> UUID | None:
        """The run whose answer a message shows."""
        query = select(messages.c.run_id).where(is_message(messages, ref)).limit(1)
        found = await self._database.read(lambda connection: connection.scalar(query))
        return UUID(found) if found else None

    async def any_in(self, place: Place) -> bool:
        """Whether the bot has ever answered there."""
        query = select(messages.c.part).where(in_place(messages, place)).limit(1)
        return await self._database.read(lambda connection: connection.scalar(query)) is not None

    async def answers(self, refs: Iterable[MessageRef]) -> dict[MessageRef, Answer]:
        """The answers that these messages are parts of; those that show none are left out."""
        by_place = defaultdict[Place, list[str]](list)
        for ref in refs:
            by_place[ref.place].append(ref.id)

        def work(connection: Connection) -> dict[MessageRef, Answer]:
            found = [_answers(connection, place, ids) for place, ids in by_place.items()]
            return {ref: answer for answers in found for ref, answer in answers.items()}

        return await self._database.read(work)


def _answers(connection: Connection, place: Place, ids: list[str]) -> dict[MessageRef, Answer]:
    query = (
        select(messages.c.message_id, messages.c.run_id, messages.c.part, runs.c.generated_text)
        .join(runs, runs.c.run_id == messages.c.run_id)
        .where(and_(in_place(messages, place), messages.c.message_id.in_(ids)))
    )
    return {
        MessageRef(place, message_id): Answer(UUID(run_id), part, text or "")
        for message_id, run_id, part, text in connection.execute(query)
    }


def _message(found: RowMapping) -> MessageRow:
    ref = MessageRef(place_of(found), found["message_id"])
    return MessageRow(
        found["part"], ref, found["lead"], found["head"], found["tail"], found["trail"],
        found["chars"],
    )  # fmt: skip


def _write(connection: Connection, rows: list[Row]) -> None:
    insert = insert_into(connection, messages)
    key = ["run_id", "part"]
    replaced = {c.name: insert.excluded[c.name] for c in messages.c if c.name not in key}
    connection.execute(
        insert.on_conflict_do_update(index_elements=key, set_=replaced),
        [_values(run_id, message) for _, run_id, message in rows],
    )


def _values(run_id: UUID, message: MessageRow) -> dict[str, str | int | None]:
    return {
        "run_id": str(run_id),
        "part": message.part,
        **columns_of(message.ref.place),
        "message_id": message.ref.id,
        "lead": message.lead,
        "head": message.head,
        "tail": message.tail,
        "trail": message.trail,
        "chars": message.chars,
    }


_MESSAGE = Kind("message", 3, _write)
