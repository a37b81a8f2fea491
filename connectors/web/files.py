"""The files that people attach on the page: kept in the bot's database, and fetched from there."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import uuid4

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Index,
    Integer,
    LargeBinary,
    ScalarSelect,
    Table,
    Text,
    case,
    func,
    insert,
    literal,
    select,
)
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.base import File
from connectors.web.messages import metadata, storable

web_files = Table(
    "web_files",
    metadata,
    Column("id", Text, primary_key=True),
    Column("conversation", Text, nullable=False),
    Column("person_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Index("web_files_by_conversation", "conversation"),
)

_columns = web_files.c
_NAME_LENGTH = 200
_TYPE_LENGTH = 100
_ANY_TYPE = "application/octet-stream"
_FULL = "The bot keeps as many files as it has room for. Please try again later."
_ADDING = 0x65766572_66696C65
"""The number of PostgreSQL's lock for who adds a file."""


@dataclass(frozen=True, slots=True)
class Upload:
    """What somebody attaches, as their browser says."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Room:
    """How much may be kept of each person, and of all together, in bytes."""

    person: int = 100_000_000
    total: int = 1_000_000_000


class NoRoom(Exception):
    """A file is not kept, since there is no room for it. The text is for who attaches it."""


class Files:
    """The statements. Every one may raise `sqlalchemy.exc.SQLAlchemyError`."""

    def __init__(self, engine: AsyncEngine, room: Room) -> None:
        self._engine = engine
        self._room = room

    async def check_room(self, person_id: str, size: int) -> None:
        """Raises `NoRoom` where a file of so many bytes would be too much."""
        query = select(func.sum(_bytes_of(person_id)), func.sum(_columns.size))
        async with self._engine.connect() as connection:
            person, total = (int(kept or 0) for kept in (await connection.execute(query)).one())
        if person + size > self._room.person:
            raise NoRoom(
                "You have attached as much as may be kept of you. A file is deleted with the "
                "message that it belongs to, or after an hour where there is none."
            )
        if total + size > self._room.total:
            raise NoRoom(_FULL)

    async def add(self, conversation: str, person_id: str, upload: Upload) -> File:
        """Keeps a file, until a question of the same person's names it, and after.

        Raises `NoRoom`, in however many processes others are kept at the same moment.
        """
        name = storable(upload.name).strip()[-_NAME_LENGTH:] or "file"
        media_type = storable(upload.media_type).strip()[:_TYPE_LENGTH] or _ANY_TYPE
        file = File(uuid4().hex, name, media_type, len(upload.content))
        values = {
            **asdict(file),
            "conversation": conversation,
            "person_id": person_id,
            "content": upload.content,
            "at_us": time.time_ns() // 1000,
        }
        if not await self._kept(values):
            await self.check_room(person_id, file.size)  # says what there is no room for
            raise NoRoom(_FULL)
        return file

    async def _kept(self, row: dict[str, Any]) -> bool:
        """Whether there was room for a file, which then is kept.

        One statement counts and inserts. SQLite has one writer at a time; in PostgreSQL a lock
        sees to it that the statement counts what the one before has kept.
        """
        theirs = _sum(_bytes_of(row["person_id"])) <= self._room.person - row["size"]
        everybody_s = _sum(_columns.size) <= self._room.total - row["size"]
        values = [literal(value, _columns[name].type) for name, value in row.items()]
        change = insert(web_files).from_select(
            list(row), select(*values).where(theirs, everybody_s), include_defaults=False
        )
        async with self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                await connection.execute(select(func.pg_advisory_xact_lock(_ADDING)))
            return await connection.scalar(change.returning(_columns.id)) is not None

    async def named(self, conversation: str, person_id: str, ids: Sequence[str]) -> list[File]:
        """The files of these ids that the person attached in this conversation, in their order."""
        query = select(_columns.id, _columns.name, _columns.media_type, _columns.size).where(
            _columns.id.in_(ids),
            _columns.conversation == conversation,
            _columns.person_id == person_id,
        )
        async with self._engine.connect() as connection:
            found = {row.id: File(*row) for row in await connection.execute(query)}
        return [found[file_id] for file_id in ids if file_id in found]

    async def content(self, file_id: str) -> bytes | None:
        """A file's content; None where there is no such file any more."""
        async with self._engine.connect() as connection:
            found = await connection.scalar(select(_columns.content).where(_columns.id == file_id))
        return None if found is None else bytes(found)


def _bytes_of(person_id: str) -> ColumnElement[int]:
    """A file's size where it is a person's, else nothing."""
    return case((_columns.person_id == person_id, _columns.size), else_=0)


def _sum(column: ColumnElement[int]) -> ScalarSelect[int]:
    """Of all files together."""
    return select(func.coalesce(func.sum(column), 0)).select_from(web_files).scalar_subquery()
