"""The files that people attach on the page, and how long the page keeps them and what was said."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID, uuid4

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
    and_,
    case,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.base import File
from connectors.tables import reachable
from connectors.web.messages import metadata, storable, web_messages
from connectors.web.sessions import web_sessions
from connectors.words import Sentence

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

_files = web_files.c
_NAME_LENGTH = 200
_TYPE_LENGTH = 100
_ANY_TYPE = "application/octet-stream"
_ADDING = 0x65766572_66696C65
"""The number of PostgreSQL's lock for who adds a file."""


@dataclass(frozen=True, slots=True)
class Upload:
    """What somebody attaches, as their browser says."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class FileQuota:
    """How much may be kept of each person, and of all together, in bytes."""

    person: int = 100_000_000
    total: int = 1_000_000_000


class NoRoom(Exception):
    """A file is not kept, since there is no room for it; `why` is for who attaches it."""

    def __init__(self, why: Sentence) -> None:
        super().__init__(why.id)
        self.why = why


class FileStore:
    """The statements. Every one may raise `sqlalchemy.exc.SQLAlchemyError`."""

    def __init__(self, engine: AsyncEngine, room: FileQuota) -> None:
        self._engine = engine
        self._room = room

    async def check_room(self, person_id: str, size: int) -> None:
        """Raises `NoRoom` where a file of so many bytes would be too much."""
        query = select(func.sum(_bytes_of(person_id)), func.sum(_files.size))
        async with self._engine.connect() as connection:
            person, total = (int(kept or 0) for kept in (await connection.execute(query)).one())
        if person + size > self._room.person:
            raise NoRoom(Sentence("web.your_files"))
        if total + size > self._room.total:
            raise NoRoom(Sentence("web.full"))

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
            raise NoRoom(Sentence("web.full"))
        return file

    async def _kept(self, row: dict[str, Any]) -> bool:
        """Whether there was room for a file, which then is kept.

        One statement counts and inserts. SQLite has one writer at a time; in PostgreSQL a lock
        sees to it that the statement counts what the one before has kept.
        """
        theirs = _sum(_bytes_of(row["person_id"])) <= self._room.person - row["size"]
        everybody_s = _sum(_files.size) <= self._room.total - row["size"]
        values = [literal(value, _files[name].type) for name, value in row.items()]
        change = insert(web_files).from_select(
            list(row), select(*values).where(theirs, everybody_s), include_defaults=False
        )
        async with self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                await connection.execute(select(func.pg_advisory_xact_lock(_ADDING)))
            return await connection.scalar(change.returning(_files.id)) is not None

    async def named(self, conversation: str, person_id: str, ids: Sequence[str]) -> list[File]:
        """The files of these ids that the person attached in this conversation, in their order."""
        query = select(_files.id, _files.name, _files.media_type, _files.size).where(
            _files.id.in_(ids),
            _files.conversation == conversation,
            _files.person_id == person_id,
        )
        async with self._engine.connect() as connection:
            found = {row.id: File(*row) for row in await connection.execute(query)}
        return [found[file_id] for file_id in ids if file_id in found]

    async def content(self, file_id: str) -> bytes | None:
        """A file's content; None where there is no such file any more."""
        async with self._engine.connect() as connection:
            found = await connection.scalar(select(_files.content).where(_files.id == file_id))
        return None if found is None else bytes(found)


def _bytes_of(person_id: str) -> ColumnElement[int]:
    """A file's size where it is a person's, else nothing."""
    return case((_files.person_id == person_id, _files.size), else_=0)


def _sum(column: ColumnElement[int]) -> ScalarSelect[int]:
    """Of all files together."""
    return select(func.coalesce(func.sum(column), 0)).select_from(web_files).scalar_subquery()


# What the page keeps of people, and for how long: found, shown and deleted.


_BATCH = 500
_messages = web_messages.c


class PageRetention:
    """The statements. Each raises `Unavailable` where the database does not do its part."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def delete_before(self, us: int) -> int:
        """Deletes what is from before a time (microseconds, epoch); how many messages."""
        await self._delete(web_files, web_files.c.at_us < us)
        await self._delete(web_sessions, web_sessions.c.until_us < us)
        gone = 0
        while some := await self._delete_some(_messages.at_us < us):
            gone += some
        return gone

    async def delete_unnamed(self, us: int) -> int:
        """Deletes the files from before a time (microseconds, epoch) that no message names.

        Returns how many.
        """
        named = select(_messages.seq).where(
            _messages.conversation == web_files.c.conversation,
            _messages.files.contains(web_files.c.id),
        )
        return await self._delete(web_files, and_(web_files.c.at_us < us, ~named.exists()))

    async def data_of(self, person_id: str, run_ids: Sequence[UUID]) -> list[dict[str, Any]]:
        """What a person has said, what answered them, what was said to them alone, and what they
        have attached (without its content); and when and how they came in.
        """
        found: dict[int, dict[str, Any]] = {}
        for which in _of(person_id, run_ids):
            with reachable():
                async with self._engine.connect() as connection:
                    rows = (await connection.execute(select(web_messages).where(which))).mappings()
            found |= {row["seq"]: dict(row) for row in rows}
        attached = await self._rows(web_files, person_id, web_files.c.content)
        came_in = await self._rows(web_sessions, person_id, web_sessions.c.id, web_sessions.c.proof)
        return [found[seq] for seq in sorted(found)] + attached + came_in

    async def erase(self, person_id: str, run_ids: Sequence[UUID]) -> int:
        """Deletes all that `data_of` finds; how many messages that were."""
        for table in (web_files, web_sessions):
            await self._delete(table, table.c.person_id == person_id)
        gone = 0
        for which in _of(person_id, run_ids):
            while some := await self._delete_some(which):
                gone += some
        return gone

    async def _rows(
        self, table: Table, person_id: str, *without: Column[Any]
    ) -> list[dict[str, Any]]:
        """A person's rows, without what is nobody's to read."""
        told = [column for column in table.c if column.name not in {each.name for each in without}]
        query = select(*told).where(table.c.person_id == person_id)
        with reachable():
            async with self._engine.connect() as connection:
                rows = (await connection.execute(query)).mappings()
        return [dict(row) for row in rows]

    async def _delete(self, table: Table, which: ColumnElement[bool]) -> int:
        with reachable():
            async with self._engine.begin() as connection:
                return (await connection.execute(delete(table).where(which))).rowcount

    async def _delete_some(self, which: ColumnElement[bool]) -> int:
        some = select(_messages.seq).where(which).limit(_BATCH)
        with reachable():
            async with self._engine.begin() as connection:
                done = await connection.execute(delete(web_messages).where(_messages.seq.in_(some)))
        return done.rowcount


def _of(person_id: str, run_ids: Sequence[UUID]) -> Iterator[ColumnElement[bool]]:
    # A notice to one person, of a version that knew no readers, has their id in its key.
    theirs = and_(_messages.author_id == person_id, _messages.by_bot.is_(False))
    in_key = and_(_messages.by_bot, _messages.key.contains(f":{person_id}:", autoescape=True))
    to_them = or_(_messages.reader_id == person_id, in_key)
    yield or_(theirs, to_them)
    for first in range(0, len(run_ids), _BATCH):
        yield _messages.run_id.in_([str(run_id) for run_id in run_ids[first : first + _BATCH]])
