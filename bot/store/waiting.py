"""The calls that wait for a person, or waited: found by run, by place, once their time is over, and
once their answer is to say what was decided.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    exists,
    func,
    literal_column,
    or_,
    select,
    update,
)

from bot.identity import Account
from bot.store.call_rows import CallKey, CallRow, call_of
from bot.store.columns import NOW, columns_of, is_account
from bot.store.database import Database
from bot.store.schema import runs, tool_calls, unindexed
from connectors.base import MessageRef, Place

_WAITS = tool_calls.c.state == literal_column("'waiting'")
"""Written out, so that the index of what waits is used."""
_KEYS = select(tool_calls.c.run_id, tool_calls.c.n)


class WaitingCalls:
    """Finds what waits for a person. Raises `StoreUnavailable`."""

    def __init__(self, database: Database, now: ColumnElement[int] = NOW) -> None:
        self._database = database
        self._now = now

    async def of_run(self, run_id: UUID) -> CallRow | None:
        """The call for which a run ended, whatever became of it; None where it ended for none."""
        query = (
            select(tool_calls)
            .where(tool_calls.c.run_id == str(run_id), tool_calls.c.until_us.is_not(None))
            .order_by(tool_calls.c.n.desc())
            .limit(1)
        )

        def work(connection: Connection) -> CallRow | None:
            row = connection.execute(query).mappings().first()
            return None if row is None else call_of(row)

        return await self._database.read(work)

    async def overdue(self, limit: int = 100) -> list[CallKey]:
        """Calls that wait although their time is over, the longest first: to be lapsed."""
        late = tool_calls.c.until_us <= self._now
        query = _KEYS.where(_WAITS, late).order_by(tool_calls.c.until_us)
        return await self._keys(query.limit(limit))

    async def left(self, limit: int = 100) -> list[CallKey]:
        """Calls that have no end although there is nobody any more to give them one: they were
        allowed and not sent in time, or the run that made them has ended.
        """
        calls, state = tool_calls.c, tool_calls.c.state
        maker = func.coalesce(calls.sender, calls.run_id)
        over = exists().where(runs.c.run_id == maker, runs.c.ended_us.is_not(None))
        unsent = and_(state == "approved", calls.until_us <= self._now)
        unended = or_(unsent, and_(state.in_(("asked", "sending")), over))
        query = _KEYS.where(calls.ended_us.is_(None), unended).order_by(calls.asked_us)
        return await self._keys(query.limit(limit))

    async def unsaid(self, connectors: Collection[str], limit: int = 100) -> list[CallKey]:
        """Calls of which the answers on these connectors don't say yet what was decided."""
        of_run = tool_calls.c.run_id == runs.c.run_id
        query = _KEYS.where(self._due, of_run, unindexed(runs.c.connector).in_(connectors))
        return await self._keys(query.order_by(tool_calls.c.restate_us).limit(limit))

    async def claim_saying(self, key: CallKey, seconds: float) -> bool:
        """Whether this process is the one that says now what was decided; for so long."""
        later = {"restate_us": self._now + round(seconds * 1e6)}
        return await self._change(_is(key), self._due, **later)

    async def said(self, key: CallKey) -> None:
        """The answer says what was decided, or nobody can see it."""
        await self._change(_is(key), restate_us=None)

    @property
    def _due(self) -> ColumnElement[bool]:
        return tool_calls.c.restate_us <= self._now

    async def _change(self, *which: ColumnElement[bool], **values: Any) -> bool:
        change = update(tool_calls).where(*which).values(**values)
        return await self._database.run(lambda connection: connection.execute(change).rowcount) > 0

    async def of_person(self, account: Account, place: Place) -> list[CallKey]:
        """What a person's answers wait for in a thread, or in a channel and all its threads."""
        return await self._asked_in(place, is_account(runs, account))

    async def of_message(self, message: MessageRef) -> list[CallKey]:
        """What the answers to a question wait for."""
        return await self._asked_in(message.place, runs.c.question_id == message.id)

    async def _asked_in(self, place: Place, which: ColumnElement[bool]) -> list[CallKey]:
        there = columns_of(place)
        if not place.thread:
            del there["thread"]
        of_run = tool_calls.c.run_id == runs.c.run_id
        inside = (runs.c[name] == value for name, value in there.items())
        return await self._keys(_KEYS.where(_WAITS, of_run, which, *inside))

    async def _keys(self, query: Select[str, int]) -> list[CallKey]:
        def work(connection: Connection) -> list[CallKey]:
            return [CallKey(UUID(run_id), n) for run_id, n in connection.execute(query)]

        return await self._database.read(work)


def _is(key: CallKey) -> ColumnElement[bool]:
    return and_(tool_calls.c.run_id == str(key.run_id), tool_calls.c.n == key.n)
