"""What the page keeps of people, and for how long: found, shown and deleted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, or_, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.base import Unavailable
from connectors.web.files import web_files
from connectors.web.messages import web_messages
from connectors.web.sessions import web_sessions

_BATCH = 500
_columns = web_messages.c
_sessions = web_sessions.c


class Keeping:
    """The statements. Each raises `Unavailable` where the database does not do its part."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def delete_before(self, us: int) -> int:
        """Deletes what is from before a time (microseconds, epoch); how many messages."""
        await self._delete_files(web_files.c.at_us < us)
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
        return await self._delete_files(and_(web_files.c.at_us < us, ~named.exists()))

    async def data_of(self, person_id: str, run_ids: Sequence[UUID]) -> list[dict[str, Any]]:
        """What a person has said, what answered them, and what was said to them alone."""
        found: dict[int, dict[str, Any]] = {}
        for which in _of(person_id, run_ids):
            with _unavailable():
                async with self._engine.connect() as connection:
                    rows = (await connection.execute(select(web_messages).where(which))).mappings()
            found |= {row["seq"]: dict(row) for row in rows}
        said = [found[seq] for seq in sorted(found)]
        return said + await self._files_of(person_id) + await self._sessions_of(person_id)

    async def erase(self, person_id: str, run_ids: Sequence[UUID]) -> int:
        """Deletes all that `data_of` finds; how many messages that were."""
        await self._delete_files(web_files.c.person_id == person_id)
        with _unavailable():
            async with self._engine.begin() as connection:
                await connection.execute(
                    delete(web_sessions).where(_sessions.person_id == person_id)
                )
        gone = 0
        for which in _of(person_id, run_ids):
            while some := await self._delete_some(which):
                gone += some
        return gone

    async def _files_of(self, person_id: str) -> list[dict[str, Any]]:
        """What a person has attached, without the content."""
        told = [column for column in web_files.c if column is not web_files.c.content]
        query = select(*told).where(web_files.c.person_id == person_id)
        with _unavailable():
            async with self._engine.connect() as connection:
                rows = (await connection.execute(query)).mappings()
        return [dict(row) for row in rows]

    async def _sessions_of(self, person_id: str) -> list[dict[str, Any]]:
        """The sessions of somebody who has signed in, without what could open anything."""
        told = [_sessions.area, _sessions.way, _sessions.name, _sessions.until_us]
        with _unavailable():
            async with self._engine.connect() as connection:
                query = select(*told).where(_sessions.person_id == person_id)
                rows = (await connection.execute(query)).mappings()
        return [dict(row) for row in rows]

    async def _delete_files(self, which: ColumnElement[bool]) -> int:
        with _unavailable():
            async with self._engine.begin() as connection:
                return (await connection.execute(delete(web_files).where(which))).rowcount

    async def _delete_some(self, which: ColumnElement[bool]) -> int:
        some = select(_columns.seq).where(which).limit(_BATCH)
        with _unavailable():
            async with self._engine.begin() as connection:
                done = await connection.execute(delete(web_messages).where(_columns.seq.in_(some)))
        return done.rowcount


def _of(person_id: str, run_ids: Sequence[UUID]) -> Iterator[ColumnElement[bool]]:
    # A notice that only one person is to see has their id in its key.
    theirs = and_(_columns.author_id == person_id, _columns.by_bot.is_(False))
    to_them = and_(_columns.by_bot, _columns.key.contains(f":{person_id}:", autoescape=True))
    yield or_(theirs, to_them)
    for first in range(0, len(run_ids), _BATCH):
        yield _columns.run_id.in_([str(run_id) for run_id in run_ids[first : first + _BATCH]])


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        raise Unavailable(f"The database did not do its part: {type(error).__name__}.") from error
