"""The playground's messages: one table in the bot's database, and every statement about it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Index,
    Integer,
    MetaData,
    Row,
    Table,
    Text,
    and_,
    delete,
    false,
    insert,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.base import File, Order
from connectors.tables import Changes

metadata = MetaData()

web_messages = Table(
    "web_messages",
    metadata,
    # SQLite counts up by itself only in a column that is an INTEGER to the letter.
    Column(
        "seq",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    Column("conversation", Text, nullable=False),
    Column("id", Text, nullable=False, unique=True),
    Column("key", Text, unique=True),
    Column("author_id", Text, nullable=False),
    Column("author_name", Text, nullable=False),
    Column("by_bot", Boolean, nullable=False),
    Column("text", Text, nullable=False),
    Column("controls", Text, nullable=False),
    Column("footer", Text, nullable=False),
    Column("run_id", Text),
    Column("part", Integer),
    Column("last", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("files", Text),
    Column("changed_us", BigInteger, nullable=False, server_default="0"),
    Column("reader_id", Text),
    Column("about", Text),
    Column("failed", Boolean),
    Column("instead", BigInteger),
    Index("web_messages_changed_us", "changed_us"),
    Index("web_messages_by_conversation", "conversation", "seq"),
)

_columns = web_messages.c
COMMANDS: Mapping[str, Order] = {
    "/new": "new",
    "/stop": "stop",
    "/tools off": "tools off",
    "/tools on": "tools on",
}
"""What a person types to give a command; such messages are no part of a conversation's history."""
_AGAIN = re.compile(r"/retry +(\S{1,64})")
"""The last question once more, and the model that it is asked of."""


def order_in(text: str) -> tuple[Order, str] | None:
    """The command that a message gives, and its model; None where it asks something."""
    if (again := _AGAIN.fullmatch(text)) is not None:
        return "retry", again[1]
    return (COMMANDS[text], "") if text in COMMANDS else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a message shows, apart from who wrote it and where it stands.

    `about` is the id of the question that it answers; `failed` says that the answer ended in an
    error. A question that was asked `instead` of another has that one's position: what stands
    between them is no part of the conversation any more.
    """

    text: str
    controls: tuple[str, ...] = ()
    footer: str = ""
    run_id: UUID | None = None
    part: int | None = None
    last: bool = False
    files: tuple[File, ...] = ()
    about: str | None = None
    failed: bool = False
    instead: int | None = None

    def columns(self) -> dict[str, Any]:
        """The columns that hold it. White space at both ends goes, as on other platforms."""
        return {
            "text": storable(self.text).strip(),
            "controls": ",".join(self.controls),
            "footer": storable(self.footer),
            "run_id": str(self.run_id) if self.run_id else None,
            "part": self.part,
            "last": self.last,
            "files": _column_of(self.files),
            "about": self.about,
            "failed": self.failed,
            "instead": self.instead,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PageMessage(Content):
    """One row of the table. `version` grows with each change; `at_us`: microseconds, epoch.

    `reader_id` is the only person who may see it; None: all may.
    """

    seq: int
    conversation: str
    id: str
    author_id: str
    author_name: str
    by_bot: bool
    version: int
    at_us: int
    deleted: bool
    reader_id: str | None = None

    def is_for(self, person_id: str) -> bool:
        """Whether a person may see it."""
        return self.reader_id in (None, person_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who wrote a message."""

    id: str
    name: str
    by_bot: bool = False


def storable(text: str) -> str:
    """The text as every database takes it: NUL and lone surrogates become U+FFFD."""
    return (
        text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    )


def _column_of(files: Sequence[File]) -> str | None:
    return json.dumps([asdict(file) for file in files]) if files else None


def _files_of(column: str | None) -> tuple[File, ...]:
    return tuple(File(**file) for file in json.loads(column)) if column else ()


def _message(row: Row[Any]) -> PageMessage:
    values = dict(row._mapping)
    del values["key"], values["changed_us"]
    values["controls"] = tuple(filter(None, values["controls"].split(",")))
    values["run_id"] = UUID(values["run_id"]) if values["run_id"] else None
    values["files"] = _files_of(values["files"])
    values["failed"] = bool(values["failed"])
    return PageMessage(**values)


class PageMessages:
    """The statements. Every one may raise `sqlalchemy.exc.SQLAlchemyError`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self.changes = Changes()
        """Each is run with the telling of it: else the screens would stay behind."""

    async def aclose(self) -> None:
        """Waits for the changes that are running; the engine is its owner's to close."""
        await self.changes.aclose()

    async def add(
        self,
        conversation: str,
        message_id: str,
        key: str,
        author: Author,
        content: Content,
        reader_id: str | None = None,
    ) -> tuple[PageMessage, bool]:
        """Stores a message, unless one has its `key` (or id): the one that stands, and
        whether it is the new one.
        """
        now_us = time.time_ns() // 1000
        values = {
            "conversation": conversation,
            "id": message_id,
            "key": key,
            "author_id": author.id,
            "author_name": author.name,
            "by_bot": author.by_bot,
            "version": 1,
            "at_us": now_us,
            "changed_us": now_us,
            "deleted": False,
            "reader_id": reader_id,
            **content.columns(),
        }
        try:
            async with self._engine.begin() as connection:
                await connection.execute(insert(web_messages).values(values))
        except IntegrityError:
            return await self._one(or_(_columns.key == key, _columns.id == message_id)), False
        return await self._one(_columns.id == message_id), True

    async def change(
        self, conversation: str, message_id: str, content: Content
    ) -> PageMessage | None:
        """Replaces what a message of the bot's shows. None where there is no such message now.

        The answer is read back after the commit: it is what stands, not what was sent. Its files
        stay.
        """
        columns = content.columns()
        del columns["files"]
        changed = await self._update(
            and_(_standing(conversation, message_id), _columns.by_bot), columns
        )
        return await self.find(conversation, message_id) if changed else None

    async def attach(self, conversation: str, message_id: str, file: File) -> PageMessage | None:
        """Adds a file to a message, unless it has it. None where there is no such message now."""
        there = await self.find(conversation, message_id)
        if there is None or any(each.id == file.id for each in there.files):
            return there
        files = {"files": _column_of((*there.files, file))}
        same = and_(_standing(conversation, message_id), _columns.version == there.version)
        if not await self._update(same, files):
            return await self.attach(conversation, message_id, file)
        return await self.find(conversation, message_id)

    async def shows(self, conversation: str, person_id: str, file_id: str) -> bool:
        """Whether a message of the bot's that a person may see has a file."""
        which = and_(
            _columns.conversation == conversation,
            _columns.by_bot,
            _columns.deleted.is_(False),
            or_(_columns.reader_id.is_(None), _columns.reader_id == person_id),
            _columns.files.contains(file_id, autoescape=True),
        )
        found = await self._some(which, 1)
        return any(each.id == file_id for message in found for each in message.files)

    async def heard(
        self, conversation: str, message_id: str, text: str, files: Sequence[File]
    ) -> PageMessage | None:
        """Gives a question the words of its recordings. None where it is not there now."""
        shown = Content(text=text, files=tuple(files)).columns()
        said = {name: shown[name] for name in ("text", "files")}
        theirs = and_(_standing(conversation, message_id), not_(_columns.by_bot))
        changed = await self._update(theirs, said)
        return await self.find(conversation, message_id) if changed else None

    async def delete(self, conversation: str, message_id: str) -> bool:
        """Empties a message and marks it deleted; False where there is no such message now."""
        gone = {"deleted": True, **Content(text="").columns()}
        return await self._update(_standing(conversation, message_id), gone)

    async def take_back(self, message_id: str) -> None:
        """Removes a message as if it had never been stored."""
        async with self._engine.begin() as connection:
            await connection.execute(delete(web_messages).where(_columns.id == message_id))

    async def find(self, conversation: str, message_id: str) -> PageMessage | None:
        """The message, or None where there is none or it was deleted."""
        return next(iter(await self._some(_standing(conversation, message_id), 1)), None)

    async def posted(self, conversation: str, key: str) -> PageMessage | None:
        """The message that was stored with a key, or None where there is none or it was deleted."""
        kept = and_(
            _columns.conversation == conversation,
            _columns.key == key,
            _columns.deleted.is_(False),
        )
        return next(iter(await self._some(kept, 1)), None)

    async def newest(self, conversation: str, person_id: str, limit: int) -> Sequence[PageMessage]:
        """The newest `limit` messages of a conversation that a person may see, in their order."""
        shown = and_(
            _columns.conversation == conversation,
            _columns.deleted.is_(False),
            or_(_columns.reader_id.is_(None), _columns.reader_id == person_id),
        )
        return await self._some(shown, limit)

    async def before(
        self, conversation: str, message_id: str, limit: int
    ) -> Sequence[PageMessage] | None:
        """The newest `limit` messages before one, oldest of them first, without commands, without
        what is for one person alone, and without what other questions were asked instead of.

        None where there never was such a message; a deleted one still marks its position.
        """
        position = and_(_columns.conversation == conversation, _columns.id == message_id)
        async with self._engine.connect() as connection:
            seq = await connection.scalar(select(_columns.seq).where(position))
            aside = await connection.execute(
                select(_columns.instead, _columns.seq).where(
                    _columns.conversation == conversation,
                    _columns.instead.is_not(None),
                    _columns.seq <= (seq or 0),
                )
            )
        if seq is None:
            return None
        put_aside = (_columns.seq.between(row.instead, row.seq - 1) for row in aside)
        said = and_(
            not_(or_(false(), *put_aside)),
            _columns.conversation == conversation,
            _columns.deleted.is_(False),
            _columns.seq < seq,
            _columns.reader_id.is_(None),
            or_(_columns.by_bot, _columns.text.not_in(COMMANDS)),
            or_(
                _columns.by_bot,
                _columns.text.not_like("/retry %"),
                _columns.text.like("/retry % %"),
            ),
        )
        return await self._some(said, limit)

    async def changed(
        self, conversations: Collection[str], since_us: int, known: Mapping[str, int]
    ) -> tuple[Sequence[PageMessage], set[str]]:
        """What was written in these conversations since a time, by whatever process.

        Returns the messages whose version is newer than the `known` one, deleted ones too, and the
        ids of all that were written.
        """
        written = select(_columns.id, _columns.version).where(
            _columns.changed_us >= since_us, _columns.conversation.in_(conversations)
        )
        async with self._engine.connect() as connection:
            found = {row.id: row.version for row in await connection.execute(written)}
            newer = [each for each, version in found.items() if version > known.get(each, 0)]
            rows = []
            if newer:
                whole = select(web_messages).where(_columns.id.in_(newer)).order_by(_columns.seq)
                rows = list((await connection.execute(whole)).all())
        return [_message(row) for row in rows], set(found)

    async def probe(self) -> None:
        """Reads nothing from the table: raises where it is not there."""
        await self._some(_columns.seq == 0, 1)

    async def _update(self, which: ColumnElement[bool], values: dict[str, Any]) -> bool:
        change = update(web_messages).where(which)
        values |= {"version": _columns.version + 1, "changed_us": time.time_ns() // 1000}
        async with self._engine.begin() as connection:
            done = await connection.execute(change.values(values))
        return done.rowcount > 0

    async def _one(self, which: ColumnElement[bool]) -> PageMessage:
        async with self._engine.connect() as connection:
            rows = await connection.execute(select(web_messages).where(which).limit(1))
        return _message(rows.one())

    async def _some(self, which: ColumnElement[bool], limit: int) -> Sequence[PageMessage]:
        newest = select(web_messages).where(which).order_by(_columns.seq.desc()).limit(limit)
        async with self._engine.connect() as connection:
            rows = (await connection.execute(newest)).all()
        return [_message(row) for row in reversed(rows)]


def _standing(conversation: str, message_id: str) -> ColumnElement[bool]:
    return and_(
        _columns.conversation == conversation,
        _columns.id == message_id,
        _columns.deleted.is_(False),
    )
