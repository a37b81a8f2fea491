"""The record of tool calls: what was asked, who allowed it, what was sent, and how it ended.

    asked -> refused | waiting | approved      waiting -> approved | denied | lapsed | withdrawn
    approved -> sending | withdrawn            sending -> answered | failed | uncertain

There are no other ways. Each step is one statement that checks the state it comes from, by the
database's clock, and is durable when its method returns true: none goes through the write-behind
journal. So a call is sent by one process, once, whichever processes try and wherever they stop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar
from uuid import UUID, uuid4

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)

from bot.identity import Account
from bot.store.brakes import braked
from bot.store.call_rows import (
    AskedCall,
    CallBinding,
    CallKey,
    CallResult,
    CallRow,
    CallState,
    EndedCall,
    call_of,
)
from bot.store.columns import NOW
from bot.store.database import Database, StoreUnavailable
from bot.store.schema import inbox, insert_into, runs, tool_calls
from bot.words import Sentence

T = TypeVar("T")
Work = Callable[[Connection], bool]
"""A step as part of a transaction; says whether it was made."""

_TRIES = 4
_PAUSE_S = 0.5
"""How often a step is tried where the database doesn't answer, and the seconds in between."""


class CallStore:
    """Takes each call from step to step. Everything raises `StoreUnavailable`.

    Of every step that returns false, something else was true already: the caller reads the row.
    """

    def __init__(self, database: Database, me: str, now: ColumnElement[int] = NOW) -> None:
        self._database = database
        self._me = me
        self._now = now

    async def epoch(self, run_id: UUID) -> int | None:
        """The number under which this process owns a run; None where it doesn't, or it has ended.

        To be read once, when the run begins or is taken over: never again for the same run.
        """
        query = select(runs.c.epoch).where(
            runs.c.run_id == str(run_id), runs.c.owner == self._me, runs.c.ended_us.is_(None)
        )
        return await self._database.read(lambda connection: connection.scalar(query))

    async def next_number(self, run_id: UUID) -> int:
        """The number of a run's next call: a process that died may have made some of the run's."""
        query = select(func.max(tool_calls.c.n)).where(tool_calls.c.run_id == str(run_id))
        last = await self._database.read(lambda connection: connection.scalar(query))
        return 0 if last is None else last + 1

    async def ask(self, key: CallKey, asked: AskedCall) -> CallRow:
        """Takes a call; asked again, the one that stands under this number is returned."""
        values = {
            "run_id": str(key.run_id),
            "n": key.n,
            "call_id": asked.call_id,
            "server": asked.server,
            "tool": asked.tool,
            "arguments": asked.arguments,
            "state": "asked",
            "asked_us": self._now,
            **_bound(asked.binding),
        }

        def work(connection: Connection) -> None:
            insert = insert_into(connection, tool_calls).values(values)
            connection.execute(insert.on_conflict_do_nothing())

        await self._repeated(work)
        row = await self.get(key)
        if row is None:
            raise StoreUnavailable("the call's run was deleted")
        return row

    async def get(self, key: CallKey) -> CallRow | None:
        """The call, as it stands."""
        query = select(tool_calls).where(_is(key))

        def work(connection: Connection) -> CallRow | None:
            row = connection.execute(query).mappings().first()
            return None if row is None else call_of(row)

        return await self._database.read(work)

    async def of_run(self, run_id: UUID, *, sent: bool = False) -> list[CallRow]:
        """The calls of a run, in order; with `sent`, those too that it sent for another run."""
        mine = tool_calls.c.run_id == str(run_id)
        query = select(tool_calls).where(
            or_(mine, tool_calls.c.sender == str(run_id)) if sent else mine
        )

        def work(connection: Connection) -> list[CallRow]:
            found = connection.execute(query.order_by(tool_calls.c.asked_us)).mappings()
            return [call_of(row) for row in found]

        return await self._database.read(work)

    async def of_runs(self, run_ids: Collection[UUID]) -> dict[UUID, list[CallRow]]:
        """The calls that each of these runs sent, in order."""
        sent_by = func.coalesce(tool_calls.c.sender, tool_calls.c.run_id)
        ids = [str(run_id) for run_id in run_ids]
        sent = or_(tool_calls.c.sender.in_(ids), tool_calls.c.run_id.in_(ids))
        query = select(tool_calls, sent_by.label("sent_by")).where(sent)

        def work(connection: Connection) -> dict[UUID, list[CallRow]]:
            found: dict[UUID, list[CallRow]] = {run_id: [] for run_id in run_ids}
            for row in connection.execute(query.order_by(tool_calls.c.asked_us)).mappings():
                found.get(UUID(row["sent_by"]), []).append(call_of(row))
            return found

        return await self._database.read(work)

    async def refuse(self, key: CallKey, reason: Sentence) -> bool:
        """asked -> refused."""
        return await self._step(key, "refused", ["asked"], **_told(reason), ended_us=self._now)

    async def wait(
        self, key: CallKey, reason: Sentence, seconds: float, loop: str | None = None
    ) -> bool:
        """asked -> waiting, for a person to allow it within `seconds`; `loop` is what goes on."""
        times = {"decided_us": self._now, "until_us": self._now + round(seconds * 1e6)}
        return await self._step(key, "waiting", ["asked"], **_told(reason), **times, loop=loop)

    async def allow(self, key: CallKey, reason: Sentence, rule_id: str | None = None) -> bool:
        """asked -> approved, by the configuration or by a rule."""
        times = {"decided_us": self._now, "approved_us": self._now}
        return await self._step(
            key, "approved", ["asked"], **_told(reason), **times, rule_id=rule_id
        )

    def approving(self, key: CallKey, by: Account, seen: CallBinding) -> Work:
        """waiting -> approved, by a person who saw exactly this; not after it has lapsed.

        As part of a transaction of the caller's.
        """
        times = {"approved_us": self._now, "restate_us": self._now}
        return self._stepping(
            key, "approved", ["waiting"], *self._still(seen), approver=str(by), **times
        )

    async def approve(self, key: CallKey, by: Account, seen: CallBinding) -> bool:
        """The same in a transaction of its own."""
        return await self._repeated(self.approving(key, by, seen))

    def denying(self, key: CallKey, by: Account) -> Work:
        """waiting -> denied, as part of a transaction of the caller's."""
        ended = {"ended_us": self._now, "restate_us": self._now}
        return self._stepping(key, "denied", ["waiting"], approver=str(by), **ended)

    async def deny(self, key: CallKey, by: Account) -> bool:
        """The same in a transaction of its own."""
        return await self._repeated(self.denying(key, by))

    async def lapse(self, key: CallKey) -> bool:
        """waiting -> lapsed, once its time is over."""
        over = tool_calls.c.until_us <= self._now
        times = {"ended_us": self._now, "restate_us": self._now}
        return await self._step(key, "lapsed", ["waiting"], over, **times)

    async def expire(self, key: CallKey, reason: Sentence) -> bool:
        """approved -> withdrawn, once the time for it is over."""
        over = tool_calls.c.until_us <= self._now
        told = _told(reason)
        return await self._step(key, "withdrawn", ["approved"], over, **told, ended_us=self._now)

    async def withdraw(self, key: CallKey, reason: Sentence) -> bool:
        """waiting or approved -> withdrawn."""
        waited = case((tool_calls.c.state == "waiting", self._now), else_=tool_calls.c.restate_us)
        told = {**_told(reason), "ended_us": self._now, "restate_us": waited}
        return await self._step(key, "withdrawn", ["waiting", "approved"], **told)

    async def send(
        self, key: CallKey, epoch: int, now_bound: CallBinding, sender: UUID | None = None
    ) -> bool:
        """approved -> sending: only what returns true may be sent, and only by who called this.

        This process has to own the run that makes the call (`sender`; None: the one that asked for
        it) under `epoch`, what is to be sent has to be what was approved, in time, and tools have
        to be on. Where it raises, nothing may be sent.
        """
        sender = sender or key.run_id
        return await self._step(
            key,
            "sending",
            ["approved"],
            *self._still(now_bound),
            self._owns(sender, epoch),
            ~braked("tools"),
            owner=self._me,
            epoch=epoch,
            sender=str(sender),
            sent_us=self._now,
        )

    async def close(self, run_id: UUID, reason: Sentence, decided: UUID | None = None) -> None:
        """The run has ended: what it asked for and nobody sent is not called any more.

        Nor is what was allowed of another run's calls (`decided`), with which it was to go on.
        """
        ended = {**_told(reason), "ended_us": self._now}
        mine = tool_calls.c.run_id == str(run_id)
        if decided is not None:
            allowed = tool_calls.c.state == "approved"
            mine = or_(mine, and_(tool_calls.c.run_id == str(decided), allowed))
        ends: dict[CallState, tuple[CallState, ...]] = {
            "refused": ("asked",), "withdrawn": ("waiting", "approved"),
        }  # fmt: skip

        def work(connection: Connection) -> None:
            for to, come_from in ends.items():
                change = update(tool_calls).where(mine, tool_calls.c.state.in_(come_from))
                connection.execute(change.values(state=to, step=str(uuid4()), **ended))

        await self._repeated(work)

    async def answer(self, key: CallKey, result: CallResult) -> bool:
        """sending -> answered; what the model is given counts only where this returns true."""
        kept = {
            "result": result.text,
            "result_sha256": result.sha256,
            "result_bytes": result.bytes,
        }
        return await self._step(
            key, "answered", ["sending"], *self._mine(), **kept, ended_us=self._now
        )

    async def fail(self, key: CallKey, reason: Sentence, error: str = "") -> bool:
        """sending -> failed: the server answered with an error, or no byte was sent."""
        told = _told(reason) | {"error": error or None, "ended_us": self._now}
        return await self._step(key, "failed", ["sending"], *self._mine(), **told)

    async def lose(self, key: CallKey, reason: Sentence, error: str = "") -> bool:
        """sending -> uncertain: nobody knows whether the server did it."""
        told = _told(reason) | {"error": error or None, "ended_us": self._now}
        return await self._step(key, "uncertain", ["sending"], *self._mine(), **told)

    async def give_up(self, key: CallKey) -> None:
        """What has no end gets one: nobody is left who would give it another.

        See `WaitingCalls.left`. A process that wakes, and hears of its call only now, comes late.
        """
        await self.expire(key, Sentence("tool.too_late"))
        await self.refuse(key, Sentence("tool.ended"))
        told = _told(Sentence("tool.not_kept"))
        await self._step(key, "uncertain", ["sending"], **told, ended_us=self._now)

    async def off(self) -> bool:
        """Whether an admin has turned tools off for now, in the whole deployment."""
        query = select(braked("tools"))
        return await self._database.read(lambda connection: bool(connection.scalar(query)))

    async def late(self, key: CallKey, result: CallResult) -> bool:
        """Notes an answer that came once the call was uncertain; it stays uncertain."""
        note = (
            update(tool_calls)
            .where(_is(key), tool_calls.c.state == "uncertain", tool_calls.c.late_us.is_(None))
            .values(late_us=self._now, late_sha256=result.sha256, late_bytes=result.bytes)
        )
        return await self._repeated(lambda connection: connection.execute(note).rowcount) > 0

    async def doubted(self, run_ids: Sequence[UUID], server: str, tool: str) -> bool:
        """Whether nobody knows of an earlier call of this tool in the runs if it was done.

        A run makes its calls one after the other: one that still is being sent ended without a
        word, for the database did not take its end.
        """
        query = select(
            exists().where(
                tool_calls.c.run_id.in_([str(run_id) for run_id in run_ids]),
                tool_calls.c.server == server,
                tool_calls.c.tool == tool,
                tool_calls.c.state.in_(("uncertain", "sending")),
            )
        )
        return await self._database.read(lambda connection: bool(connection.scalar(query)))

    def _still(self, binding: CallBinding) -> list[ColumnElement[bool]]:
        """That what was approved is what is meant now, and that the time for it is not over."""
        until = tool_calls.c.until_us
        same = (tool_calls.c[name] == value for name, value in _bound(binding).items())
        return [*same, or_(until.is_(None), until > self._now)]

    def _mine(self) -> list[ColumnElement[bool]]:
        return [tool_calls.c.owner == self._me]

    def _owns(self, run_id: UUID, epoch: int) -> ColumnElement[bool]:
        """That this process owns the run still. The row is locked: a takeover waits, or was first.

        A process that paused before its run's row was written loses it with its question.
        """
        mine = (
            select(runs.c.run_id)
            .where(
                runs.c.run_id == str(run_id),
                runs.c.owner == self._me,
                runs.c.epoch == epoch,
                runs.c.ended_us.is_(None),
            )
            .with_for_update(read=True)
        )
        taken = exists().where(
            inbox.c.run_id == str(run_id), inbox.c.owner.is_distinct_from(self._me)
        )
        owned = literal(str(run_id)).in_(mine)
        return and_(owned, ~taken) if epoch == 0 else owned

    async def _step(self, *step: Any, **values: Any) -> bool:
        """One compare-and-set in a transaction of its own, as `_stepping` makes it."""
        return await self._repeated(self._stepping(*step, **values))

    def _stepping(
        self,
        key: CallKey,
        to: CallState,
        come_from: list[CallState],
        *conditions: ColumnElement[bool],
        **values: Any,
    ) -> Work:
        """One compare-and-set. Tried again where the answer was lost: the same try is known by
        its `step`, so that a step that was made is never taken for somebody else's.
        """
        step = str(uuid4())
        change = (
            update(tool_calls)
            .where(_is(key), tool_calls.c.state.in_(come_from), *conditions)
            .values(state=to, step=step, **values)
        )
        made = select(tool_calls.c.step).where(_is(key))

        def work(connection: Connection) -> bool:
            changed = connection.execute(change).rowcount > 0
            return changed or connection.scalar(made) == step

        return work

    async def _repeated(self, work: Callable[[Connection], T]) -> T:
        for _ in range(_TRIES - 1):
            try:
                return await self._database.run(work)
            except StoreUnavailable:
                await asyncio.sleep(_PAUSE_S)
        return await self._database.run(work)


def lose_with_run(connection: Connection, run_id: UUID) -> list[EndedCall]:
    """Part of a takeover: what the former owner was sending is uncertain; returns these calls."""
    here = select(runs.c.epoch).where(runs.c.run_id == str(run_id)).scalar_subquery()
    lost = connection.execute(
        update(tool_calls)
        .where(
            or_(
                tool_calls.c.sender == str(run_id),
                and_(tool_calls.c.sender.is_(None), tool_calls.c.run_id == str(run_id)),
            ),
            tool_calls.c.state == "sending",
            tool_calls.c.epoch < here,
        )
        .values(state="uncertain", **_told(Sentence("tool.owner_lost")), ended_us=NOW)
        .returning(*(tool_calls.c[name] for name in _LOST))
    )
    return [
        EndedCall(run_id, call_id, server, tool, "uncertain", (ended_us - sent_us) / 1e6)
        for call_id, server, tool, sent_us, ended_us in lost
    ]


_LOST = ("call_id", "server", "tool", "sent_us", "ended_us")


def _is(key: CallKey) -> ColumnElement[bool]:
    return and_(tool_calls.c.run_id == str(key.run_id), tool_calls.c.n == key.n)


def _bound(binding: CallBinding) -> dict[str, str]:
    return {
        "arguments_sha256": binding.arguments,
        "config_sha256": binding.config,
        "tool_sha256": binding.tool,
    }


def _told(reason: Sentence) -> dict[str, Any]:
    return {"reason": reason.id, "reason_params": dict(reason.params) or None}
