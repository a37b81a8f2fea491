"""What the page keeps of people, and for how long: found, shown and deleted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Table, and_, delete, or_, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.base import Unavailable
from connectors.web.files import web_files
from connectors.web.messages import web_messages
from connectors.web.sessions import web_sessions

_BATCH = 500
_columns = web_messages.c


class Keeping:
    """The statements. Each raises `Unavailable` where the database does not do its part."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def delete_before(self, us: int) -> int:
        """Deletes what is from before a time (microseconds, epoch); how many messages."""
        await self._delete(web_files, web_files.c.at_us < us)
        await self._delete(web_sessions, web_sessions.c.until_us < us)
        gone = 0
        while some := await self._delete_some(_columns.at_us < us):
            gone += some
        return gone

    async def delete_unnamed(self, us: int) -> int:
        """Deletes the files from before a time (microseconds, epoch) that no message names.

        Returns how many.
        """
        named = select(_columns.seq).where(
            _columns.conversation == web_files.c.conversation,
            _columns.files.contains(web_files.c.id),
        )
        return await self._delete(web_files, and_(web_files.c.at_us < us, ~named.exists()))

    async def data_of(self, person_id: str, run_ids: Sequence[UUID]) -> list[dict[str, Any]]:
        """What a person has said, what answered them, what was said to them alone, and what they
        have attached (without its content); and when and how they came in.
        """
        found: dict[int, dict[str, Any]] = {}
        for which in _of(person_id, run_ids):
            with _unavailable():
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
        with _unavailable():
            async with self._engine.connect() as connection:
                rows = (await connection.execute(query)).mappings()
        return [dict(row) for row in rows]

    async def _delete(self, table: Table, which: ColumnElement[bool]) -> int:
        with _unavailable():
            async with self._engine.begin() as connection:
                return (await connection.execute(delete(table).where(which))).rowcount

    async def _delete_some(self, which: ColumnElement[bool]) -> int:
        some = select(_columns.seq).where(which).limit(_BATCH)
        with _unavailable():
            async with self._engine.begin() as connection:
                done = await connection.execute(delete(web_messages).where(_columns.seq.in_(some)))
        return done.rowcount


def _of(person_id: str, run_ids: Sequence[UUID]) -> Iterator[ColumnElement[bool]]:
    # A notice to one person, of a version that knew no readers, has their id in its key.
    theirs = and_(_columns.author_id == person_id, _columns.by_bot.is_(False))
    in_key = and_(_columns.by_bot, _columns.key.contains(f":{person_id}:", autoescape=True))
    to_them = or_(_columns.reader_id == person_id, in_key)
    yield or_(theirs, to_them)
    for first in range(0, len(run_ids), _BATCH):
        yield _columns.run_id.in_([str(run_id) for run_id in run_ids[first : first + _BATCH]])


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        raise Unavailable(f"The database did not do its part: {type(error).__name__}.") from error
