"""The messages that an answer's parts became, what was sent to them and when, and what readers
thought of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal
from uuid import UUID

from sqlalchemy import Connection, RowMapping, and_, select

from bot.identity import Account
from bot.store.columns import columns_of, in_place, is_message, place_of
from bot.store.database import Database
from bot.store.schema import edits, feedback, insert_into, messages, runs, whispers
from bot.store.write_behind import Journal, Row, RowKind
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


class MessageStore:
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


_MESSAGE = RowKind("message", 3, _write)


# What was sent to the platform and when: hashes, never the text again.


LIMITED = "RateLimited"
"""So the error of a call begins that was refused with a 429: the name of its kind."""


@dataclass(frozen=True, slots=True)
class EditRow:
    """One call to the platform; `n` counts the run's calls from 0."""

    n: int
    part: int
    call: Literal["post", "edit"]
    at_us: int
    """When it was sent: microseconds since the run's start."""
    latency_us: int
    position: int
    """Characters of the answer that are shown up to here."""
    sha256: str
    """Of the text that was sent, as 64 hexadecimal digits."""
    error: str | None = None
    """The kind of error it ended with, or None."""

    @property
    def limited(self) -> bool:
        """Whether the platform refused it with a 429."""
        return self.error is not None and self.error.startswith(LIMITED)


class EditLog:
    """Takes calls without waiting, and reads them back."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal

    def add(self, run_id: UUID, edit: EditRow) -> None:
        """Takes one call."""
        self._journal.add_many((_EDIT, run_id, edit))

    async def read(self, run_id: UUID) -> list[EditRow]:
        """The calls of a run in order, as far as they are durable."""
        columns = [column for column in edits.c if column.name != "run_id"]
        query = select(*columns).where(edits.c.run_id == str(run_id)).order_by(edits.c.n)

        def work(connection: Connection) -> list[EditRow]:
            return [EditRow(**row) for row in connection.execute(query).mappings()]

        return await self._database.read(work)


def _write_edits(connection: Connection, rows: list[Row]) -> None:
    connection.execute(
        insert_into(connection, edits).on_conflict_do_nothing(),
        [{"run_id": str(run_id), **asdict(edit)} for _, run_id, edit in rows],
    )


_EDIT = RowKind("edit", 2, _write_edits)


# What readers thought of an answer.


Value = Literal[-1, 1]


class Feedback:
    """One value for each person and run: the latest that was given, whenever it is written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def set(self, run_id: UUID, account: Account, value: Value, at_us: int) -> None:
        """Keeps a person's value: 1 for up, -1 for down; `at_us` since the epoch."""

        def work(connection: Connection) -> None:
            insert = insert_into(connection, feedback).values(
                run_id=str(run_id), person_id=account.name, value=value, at_us=at_us
            )
            replaced = {"value": insert.excluded.value, "at_us": insert.excluded.at_us}
            key = ["run_id", "person_id"]
            later = insert.excluded.at_us >= feedback.c.at_us  # two quick presses may cross
            connection.execute(
                insert.on_conflict_do_update(index_elements=key, set_=replaced, where=later)
            )

        await self._database.run(work)

    async def read(self, run_id: UUID) -> dict[str, Value]:
        """The values of a run by the account's name on its platform: `realm/id` or `id`."""
        columns = (feedback.c.person_id, feedback.c.value)
        query = select(*columns).where(feedback.c.run_id == str(run_id))

        def work(connection: Connection) -> dict[str, Value]:
            return {row.person_id: row.value for row in connection.execute(query)}

        return await self._database.read(work)


# What the asker alone is told of a run: each thing by one teller, whatever process is at it.


class WhisperLog:
    """Says who may tell what. A claim is never given back: its teller may have been heard."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, run_id: UUID, kind: str, teller: UUID, at_us: int) -> bool:
        """Whether `teller` is the one to tell it; asked again it is told the same.

        `at_us` counts from the epoch. Raises `StoreUnavailable`.
        """

        def work(connection: Connection) -> bool:
            insert = insert_into(connection, whispers).values(
                run_id=str(run_id), kind=kind, claimed_by=str(teller), at_us=at_us
            )
            connection.execute(insert.on_conflict_do_nothing())
            key = (whispers.c.run_id == str(run_id)) & (whispers.c.kind == kind)
            return connection.scalar(select(whispers.c.claimed_by).where(key)) == str(teller)

        return await self._database.run(work)
