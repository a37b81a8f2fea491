"""Allow and Deny: what the asker, or an admin, decides about a tool call that an answer waits for.

The decision and the question that goes on with the answer are stored in one transaction: a process
that is killed at any moment has decided and goes on in another one, or has done neither.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog
from sqlalchemy import Connection

from bot.cluster import Takeover
from bot.identity import Account
from bot.intake import notices
from bot.intake.inbox import Arrival, InboxKeeper
from bot.intake.notices import Notices
from bot.intake.queue import Tasks
from bot.runs import Question, Runs, outcomes
from bot.store import (
    CallKey,
    CallRow,
    Condition,
    InboxId,
    RuleScope,
    RunRow,
    Store,
    StoreUnavailable,
)
from bot.tools import LoopNotKept, SavedLoop, arguments_of
from bot.words import Sentence
from connectors.base import (
    Asked,
    Connector,
    ConnectorError,
    Control,
    Incoming,
    MessageRef,
    Place,
    Pressed,
)

log = structlog.get_logger(__name__)

RULE_SECONDS = 86_400.0
"""How long "Allow in this thread" holds."""
_LOOK_SECONDS = 15.0
"""Between two looks for what nobody allowed in time."""
_SAYING_SECONDS = 150.0
"""How long one process has to say under an answer what was decided, before another one may."""
_SPARE_SECONDS = 10.0
_PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Between tries: an answer that asks can be pressed before its run has ended."""
_MOST_DETAILS = 2_500
"""Characters of arguments that are told."""

Step = Callable[[CallKey], Awaitable[bool]]
"""Takes a call to its end; false where something else was true already."""


class Approvals:
    """Decides once about each call, and shows under the answer what was decided."""

    def __init__(
        self,
        store: Store,
        keeping: InboxKeeper,
        said: Notices,
        tasks: Tasks,
        takeover: Takeover,
        runs: Runs,
        connectors: Mapping[str, Connector],
    ) -> None:
        self._store = store
        self._keeping = keeping
        self._notices = said
        self._tasks = tasks
        self._takeover = takeover
        self._runs = runs
        self._connectors = connectors

    async def press(
        self, pressed: Pressed, run: RunRow, incoming: Incoming, connector: Connector
    ) -> None:
        """Somebody who may has pressed a control. Raises `StoreUnavailable`."""
        call = await self._store.waiting.of_run(run.run_id)
        if call is None:
            self._tell(pressed, connector, notices.NOT_KEPT)
        elif pressed.control is Control.DETAILS:
            self._tell(pressed, connector, _details(call))
        elif await self._keeping.keep(self._arrival(pressed, run, call, incoming, connector)):
            self._tasks.spawn(self._say(call.key))
        else:
            await self._store.calls.lapse(call.key)
            self._tell(pressed, connector, Sentence("notice.decided"))
            self._tasks.spawn(self._say(call.key))

    def _arrival(
        self,
        pressed: Pressed,
        run: RunRow,
        call: CallRow,
        incoming: Incoming,
        connector: Connector,
    ) -> Arrival:
        """What goes on with the answer, once this is decided."""
        start = run.start
        message = MessageRef(start.place, start.question_id)
        asked = Asked(message, start.asker, start.question, start.files)
        key = MessageRef(start.place, InboxId("decided", str(run.run_id)).written)
        by = Account.of(pressed.message.place, pressed.person)
        given = self._decision(pressed.control, call, run, by)
        return Arrival(Question(asked, "decided", run), key, incoming, connector, given=given)

    def _decision(self, control: Control, call: CallRow, run: RunRow, by: Account) -> Condition:
        calls, binding = self._store.calls, call.asked.binding
        if control is Control.DENY:
            return calls.denying(call.key, by)
        approve = calls.approving(call.key, by, binding)
        if control is not Control.ALLOW_HERE or not _may_be_remembered(call):
            return approve
        hashes = (binding.config, binding.tool)
        what = (call.asked.server, call.asked.tool, *hashes)
        scope = RuleScope(run.start.place, run.start.account, *what)
        return _both(approve, self._store.rules.adding(scope, by, RULE_SECONDS))

    def _tell(self, pressed: Pressed, connector: Connector, told: Sentence) -> None:
        said = self._notices.say(connector, pressed.message, told, pressed.person)
        self._tasks.spawn(said)

    # What nobody can allow any more.

    async def withdraw_for(self, account: Account, place: Place) -> None:
        """A person has stopped what they asked for there. Raises `StoreUnavailable`."""
        await self._withdraw(await self._store.waiting.of_person(account, place))

    async def withdraw_at(self, message: MessageRef) -> None:
        """A question, or a part of its answer, was deleted. Raises `StoreUnavailable`."""
        keys = await self._store.waiting.of_message(message)
        if (run_id := await self._store.messages.run_of(message)) is not None:
            call = await self._store.waiting.of_run(run_id)
            keys += [] if call is None else [call.key]
        await self._withdraw(keys)

    async def serve(self) -> None:
        """For ever: what nobody allowed in time lapses, and answers that don't say yet what was
        decided, for whoever was to say it is gone, say so.
        """
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                await self._end(await self._store.waiting.overdue(), self._store.calls.lapse)
                for key in await self._store.waiting.left():
                    await self._store.calls.give_up(key)
                for key in await self._store.waiting.unsaid([*self._connectors]):
                    self._tasks.spawn(self._say(key))
            except StoreUnavailable as error:
                log.warning("approvals.not_lapsed", error=str(error))

    async def _withdraw(self, keys: Sequence[CallKey]) -> None:
        stopped = Sentence("tool.stopped")
        await self._end(keys, lambda key: self._store.calls.withdraw(key, stopped))

    async def _end(self, keys: Sequence[CallKey], step: Step) -> None:
        for key in keys:
            if await step(key):
                self._tasks.spawn(self._say(key))

    # What was decided, under the answer that asked.

    async def _say(self, key: CallKey) -> None:
        """Says it as soon as that can be; what can't be said soon is for `serve`."""
        for pause in _PAUSES:
            try:
                if await self._said(key):
                    return
            except (ConnectorError, StoreUnavailable, TimeoutError) as error:
                told = str(error) or type(error).__name__
                log.warning("approvals.not_shown", run_id=str(key.run_id), error=told)
                return
            await asyncio.sleep(pause)

    async def _said(self, key: CallKey) -> bool:
        """Says it, if nobody else does, and nobody is at work on the answer; whether it is said."""
        call, run = await self._store.calls.get(key), await self._store.runs.get(key.run_id)
        if call is None or run is None or call.restate_us is None:
            return True
        connector = self._connectors.get(run.start.place.connector)
        if connector is None:
            return True
        if run.end is None or any(active.id == key.run_id for active in self._runs.active):
            return False
        if not await self._store.waiting.claim_saying(key, _SAYING_SECONDS):
            return False
        async with asyncio.timeout(_SAYING_SECONDS - _SPARE_SECONDS):
            ended = outcomes.decided(call.state, call.asked.tool)
            await self._takeover.restate(run, connector, ended)
        await self._store.waiting.said(key)
        return True


def _may_be_remembered(call: CallRow) -> bool:
    try:
        return SavedLoop.from_json(call.loop).remember
    except LoopNotKept:
        return False


def _both(first: Condition, then: Condition) -> Condition:
    def work(connection: Connection) -> bool:
        return first(connection) and then(connection)

    return work


def _details(call: CallRow) -> Sentence:
    """All that the tool would be given, as it would be sent."""
    arguments = arguments_of(call.asked.arguments)
    text = json.dumps(arguments, ensure_ascii=False, indent=2)[:_MOST_DETAILS]
    params = {"server": call.asked.server, "name": call.asked.tool, "arguments": text}
    return Sentence("notice.details", params)
