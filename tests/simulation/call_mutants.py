"""Bugs of tool calls that are planted one by one; see `mutants`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

from sqlalchemy import true

from bot.intake.approvals import Approvals
from bot.store import CallStore
from bot.tools import CallDeclined, Caller, CallLost, CallNotSent, arguments_of
from bot.tools.caller import token_of
from tests.simulation.bell import BellConnection
from tests.simulation.mutants import Mutant


def send_before_the_commit(stack: ExitStack) -> None:
    """A call is sent first, and its record says so afterwards."""

    async def hasty(self: Any, row: Any, epoch: int, sender: Any) -> Any:
        asked, token = row.asked, token_of(row.key)
        arguments = arguments_of(asked.arguments) or {}
        await self._servers.tools(asked.server)
        answer = await self._servers.call(asked.server, token, asked.tool, arguments)
        await self._store.send(row.key, epoch, asked.binding, sender)
        return await self._answered(row, answer)

    stack.enter_context(patch.object(Caller, "_make", hasty))


def send_without_the_epoch(stack: ExitStack) -> None:
    """A process sends what was approved, whose run it may be by now."""
    stack.enter_context(patch.object(CallStore, "_owns", lambda *_run: true()))


def send_again_what_got_no_answer(stack: ExitStack) -> None:
    """The transport sends a call again that got no answer."""
    old = BellConnection.call

    async def stubborn(self: Any, *call: Any) -> Any:
        try:
            return await old(self, *call)
        except (CallNotSent, CallDeclined, CallLost):
            return await old(self, *call)

    stack.enter_context(patch.object(BellConnection, "call", stubborn))


def send_what_is_there_now(stack: ExitStack) -> None:
    """An approval holds for whatever arguments the call has by now."""
    old = Caller._bound_now

    async def trusting(self: Any, row: Any) -> Any:
        await old(self, row)
        return row.asked.binding

    stack.enter_context(patch.object(Caller, "_bound_now", trusting))


def let_anybody_decide(stack: ExitStack) -> None:
    """What has been decided can be decided once more."""
    old = CallStore._stepping

    def again(self: Any, key: Any, to: Any, come_from: Any, *more: Any, **values: Any) -> Any:
        states = [*come_from, "denied", "answered"] if to == "approved" else come_from
        return old(self, key, to, states, *more, **values)

    stack.enter_context(patch.object(CallStore, "_stepping", again))


def say_nothing_of_a_decision(stack: ExitStack) -> None:
    """An answer goes on to ask for what was decided where its process died first."""

    async def said(*_key: Any) -> bool:
        return True

    stack.enter_context(patch.object(Approvals, "_said", said))


CALL_MUTANTS: Sequence[Mutant] = (
    Mutant(send_before_the_commit, ("call twice", "denied", "way", "undone"), 20_000),
    Mutant(send_without_the_epoch, ("owner",), 20_000),
    Mutant(send_again_what_got_no_answer, ("call twice",), 20_000),
    Mutant(send_what_is_there_now, ("arguments",), 20_000),
    Mutant(let_anybody_decide, ("way", "call twice"), 20_000),
    Mutant(say_nothing_of_a_decision, ("asks", "unrest"), 20_000),
)
