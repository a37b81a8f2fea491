"""At most once, whatever dies, pauses or loses an answer between any two steps; and each mistake
that would break it is found by the same schedules.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import ColumnElement, Connection, select, true

from bot.store import (
    CallBinding,
    CallKey,
    CallRow,
    CallStore,
    InlineDatabase,
    StoreUnavailable,
)
from bot.store.schema import runs
from bot.tools import (
    CallDeclined,
    Caller,
    CallLost,
    CallNotSent,
    MadeCall,
    ToolAnswer,
    arguments_of,
)
from bot.tools.caller import KeepFiles, token_of
from bot.words import Sentence
from tests.doubles.clock import VirtualTimeLoop
from tests.doubles.tools import (
    ADA,
    ARGUMENTS,
    Chaos,
    CountingServer,
    FakeConnection,
    Host,
    a_run,
    asked,
    virtual_database,
)

SCHEDULES = 150
APPROVAL_S = 300.0
_ODDS = ((0.06, 0.0, 0.1), (0.0, 0.08, 0.1), (0.04, 0.04, 0.15), (0.0, 0.0, 0.3))
"""Of a kill, of a lost answer and of a pause, at each step."""
OTHER_ARGUMENTS = '{"to": "everybody"}'


class Broken(Exception):
    """What must never be."""


class _Watched(CallStore):
    """Looks, at the moment at which a call may leave, whose run it is."""

    async def send(
        self, key: CallKey, epoch: int, now_bound: CallBinding, sender: UUID | None = None
    ) -> bool:
        sent = await super().send(key, epoch, now_bound, sender)
        if sent:
            owner = select(runs.c.owner).where(runs.c.run_id == str(key.run_id))
            shared: Any = self._database
            told = await shared._shared.read(lambda connection: connection.scalar(owner))
            # A takeover after the commit finds the call in `sending`, and makes it uncertain.
            if told != self._me and not await self._lost_with_run(shared._shared, key):
                raise Broken("sent by a process that had lost the run")
        return sent

    async def _lost_with_run(self, shared: InlineDatabase, key: CallKey) -> bool:
        row = await CallStore(shared, self._me).get(key)
        return row is not None and row.state == "uncertain"


class Course:
    """A call that is asked for, pressed twice and made by two processes, the second of which takes
    the run over. A third one looks at what is left.
    """

    def __init__(self, seed: int, shared: InlineDatabase, parts: Mapping[str, Any]) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - the same course for the same seed
        self.clean = seed % 5 == 0
        """Whether nothing goes wrong."""
        faults = 0.0 if self.clean else self._chance.choice([0.0, 0.5])
        self._shared = shared
        self.server = CountingServer(self._chance, faults)
        odds = (0.0, 0.0, 0.0) if self.clean else self._chance.choice(_ODDS)
        parts = {"calls": _Watched, **parts}
        self.one, self.two = (
            Host(shared, self.server, Chaos(self._chance, *odds), **parts) for _ in range(2)
        )
        self.changes = self._chance.random() < 0.2
        """Whether what is to be sent is not what was shown."""

    async def run(self) -> str:
        """Plays it; the last state."""
        key = CallKey(await a_run(self._shared, self.one.me), 0)
        other = self._chance.choice([self.one, self.two])
        acts = [self._asks(key), self._presses(self.one, key, 1)]
        acts.append(self._presses(other, key, self._chance.choice([1, 1.5, 50])))
        if not self.clean:
            acts.append(self._takes_over(key, self._chance.choice([0.5, 1.0, 1.2, 20.0, 45.0])))
        for ended in await asyncio.gather(*acts, return_exceptions=True):
            if isinstance(ended, Broken | AssertionError):
                raise ended
        state = await _looked_at(self._shared, self.server, key)
        if self.clean and not self.changes and state != "answered":
            raise Broken(f"nothing went wrong, and it is {state}")
        return state

    async def _asks(self, key: CallKey) -> None:
        one = self.one
        one.epoch = await one.calls.epoch(key.run_id)
        await one.calls.ask(key, asked())
        await one.calls.wait(key, Sentence("tool.always", {"name": "send"}), APPROVAL_S)

    async def _presses(self, host: Host, key: CallKey, at: float) -> None:
        await asyncio.sleep(at)
        await host.calls.approve(key, ADA, asked().binding)
        row = await host.calls.get(key)
        if row is None or row.state != "approved" or host.epoch is None:
            return
        if self.changes:
            row = replace(row, asked=replace(row.asked, arguments=OTHER_ARGUMENTS))
        await host.caller.make(row, host.epoch)

    async def _takes_over(self, key: CallKey, at: float) -> None:
        await asyncio.sleep(at)
        await self.two.take_over(key.run_id, self.one.me, key)


async def _looked_at(shared: InlineDatabase, server: CountingServer, key: CallKey) -> str:
    """What a third process finds, which takes the run over and goes on."""
    calm = Chaos(random.Random(0), 0, 0, 0)  # noqa: S311 - by no chance
    three = Host(shared, server, calm)
    query = select(runs.c.owner).where(runs.c.run_id == str(key.run_id))

    def owner(connection: Connection) -> str | None:
        return connection.scalar(query)

    await three.take_over(key.run_id, await shared.read(owner), key)
    row = await three.calls.get(key)
    count = server.counted[token_of(key)]
    if count > 1:
        raise Broken(f"done {count} times")
    sent = server.arguments.get(token_of(key))
    if sent is not None and sent != arguments_of(ARGUMENTS):
        raise Broken("done with other arguments than were approved")
    if row is None:
        return "never asked"
    allowed = {"answered": {1}, "uncertain": {0, 1}}.get(row.state, {0})
    if count not in allowed:
        raise Broken(f"{row.state}, and done {count} times")
    if row.state in ("approved", "sending"):
        raise Broken(f"left in {row.state}")
    return row.state


def played(seeds: range, **parts: Any) -> dict[str, int]:
    """Plays each seed; how often each state was the last."""
    states: dict[str, int] = {}
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        loop = runner.get_loop()
        shared = runner.run(virtual_database(lambda: round(loop.time() * 1e6)))
        for seed in seeds:
            state = runner.run(Course(seed, shared, parts).run())
            states[state] = states.get(state, 0) + 1
    return states


def test_whatever_happens_a_call_is_done_at_most_once() -> None:
    states = played(range(SCHEDULES))
    assert {"answered", "failed", "uncertain", "withdrawn", "waiting"} <= set(states), states


# Mistakes that must be found.


class _SentFirst(Caller):
    """Sends, and says so afterwards."""

    async def _make(self, row: CallRow, epoch: int, sender: UUID | None) -> MadeCall:
        answer = await self._servers.call("mail", token_of(row.key), "send", {"to": "bob"})
        await self._store.send(row.key, epoch, row.asked.binding, sender)
        return await self._answered(row, answer)

    async def make(
        self,
        row: CallRow,
        epoch: int,
        sender: UUID | None = None,
        keep: KeepFiles | None = None,  # noqa: ARG002 - it makes none
    ) -> MadeCall:
        await self._servers.tools("mail")
        return await self._make(row, epoch, sender)


class _NoEpoch(_Watched):
    """Asks whether it is approved, and not whose run it is."""

    def _owns(self, run_id: Any, epoch: int) -> ColumnElement[bool]:  # noqa: ARG002
        return true()


class _AnyArguments(Caller):
    """Takes what was approved for what it sends."""

    async def _bound_now(self, row: CallRow) -> CallBinding | None:
        await super()._bound_now(row)
        return row.asked.binding


class _Retries(FakeConnection):
    """A transport that sends again what got no answer."""

    async def call(self, token: str, tool: str, arguments: Any) -> ToolAnswer:
        try:
            return await super().call(token, tool, arguments)
        except (CallNotSent, CallDeclined, CallLost):
            return await super().call(token, tool, arguments)


class _Forgets(_Watched):
    """Takes a lost answer of a commit for a commit that was not made."""

    async def _repeated(self, work: Any) -> Any:
        return await self._database.run(work)

    async def send(
        self, key: CallKey, epoch: int, now_bound: CallBinding, sender: UUID | None = None
    ) -> bool:
        try:
            return await super().send(key, epoch, now_bound, sender)
        except StoreUnavailable:
            return True


@pytest.mark.parametrize(
    "parts",
    [
        {"caller": _SentFirst},
        {"calls": _NoEpoch},
        {"caller": _AnyArguments},
        {"connection": _Retries},
        {"calls": _Forgets},
    ],
    ids=lambda parts: next(iter(parts.values())).__name__,
)
def test_a_mistake_is_found(parts: dict[str, Any]) -> None:
    with pytest.raises(Broken):
        played(range(SCHEDULES), **parts)
