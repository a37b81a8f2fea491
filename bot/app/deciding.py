"""Answers where nobody has a button to press: who sits there is asked, or nothing is allowed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from uuid import UUID

from bot.identity import Account
from bot.runs import Outcome, Question, Result, Runs
from bot.store import CallRow, Store
from connectors.base import Connector

Allows = Callable[[CallRow], Awaitable[bool]]
"""Whether a call may be made."""


async def nothing(_call: CallRow) -> bool:
    """Nobody can be asked: the call is denied, and the model goes on without it."""
    return False


async def answered(
    runs: Runs, store: Store, question: Question, connector: Connector, allows: Allows = nothing
) -> Result:
    """Answers a question to its end, with each call that waits decided by `allows`."""
    result = await runs.answer(question, connector)
    while result.outcome is Outcome.WAITING:
        following = await _decided(store, result.run_id, question, allows)
        result = await runs.answer(following, connector)
    return result


async def _decided(store: Store, run_id: UUID, question: Question, allows: Allows) -> Question:
    """What goes on with an answer once it is decided about the call that it waits for."""
    call, run = await store.waiting.of_run(run_id), await store.runs.get(run_id)
    if call is not None:
        by = Account.of(question.asked.message.place, question.asked.person)
        if await allows(call):
            await store.calls.approve(call.key, by, call.asked.binding)
        else:
            await store.calls.deny(call.key, by)
        await store.waiting.said(call.key)
    return replace(question, kind="decided", parent=run)
