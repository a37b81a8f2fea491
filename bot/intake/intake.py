"""Each event has its effect, once.

A question is in the inbox before the platform hears that it arrived. Then it is admitted (who,
where, how long), and waits for its turn in its conversation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from uuid import UUID

import structlog

from bot.intake.access import Access, Admission
from bot.intake.conversations import Conversations, Policy, Waiting
from bot.pacing import Pacing
from bot.runs import Kind, Question, Runs
from bot.store import Store, StoreUnavailable
from bot.store.inbox import State
from connectors.base import (
    Asked,
    Commanded,
    Connector,
    ConnectorError,
    Control,
    Deleted,
    Incoming,
    MessageRef,
    Part,
    Place,
    Pressed,
    Status,
)

log = structlog.get_logger(__name__)

EMPTY = "Your message has no text. Ask me something."
FORGOTTEN = "Forgotten. I start afresh from here."
NOT_ALLOWED = "I may not answer here. The bot's operator can allow it."
NOT_KEPT = "I no longer have that question. Ask it again."
REPLACED = "Not answered: a newer question took its place."
_COURTESY_DEADLINE_S = 30.0
_SETTLE_DEADLINE_S = 5.0


@dataclass(frozen=True, slots=True)
class IntakeOptions:
    """What the operator decided about questions."""

    policy: Policy = "queue"
    access: Access = field(default_factory=Access)
    max_question_chars: int = 20_000


class _Notice:
    """A short message of the bot's own, before the pacing: whole, and waited for."""

    ended = True
    blank = True
    unseen = 0
    since = 0.0


class Intake:
    """Pulls connectors' events and sees to their effects."""

    def __init__(
        self,
        store: Store,
        runs: Runs,
        pacing: Pacing,
        options: IntakeOptions,
        now_us: Callable[[], int],
    ) -> None:
        self._store = store
        self._runs = runs
        self._pacing = pacing
        self._options = options
        self._now_us = now_us
        self._conversations = Conversations(self._answer)
        self._tasks: set[asyncio.Task[None]] = set()
        self._keeping = asyncio.Lock()  # questions are kept in the order in which they came
        self._closed = False

    @property
    def waiting(self) -> int:
        """Questions that were kept and wait for their turn."""
        return len(self._conversations)

    async def serve(self, connector: Connector) -> None:
        """Takes a connector's events until it is closed."""
        async for incoming in connector.events():
            self._spawn(self._take(incoming, connector))

    def close(self) -> None:
        """Refuses what comes from now on; what waits stays in the inbox."""
        self._closed = True
        left = self._conversations.drop(lambda _item: True)
        if left:
            log.warning("intake.left_waiting", questions=len(left))

    async def settled(self) -> None:
        """Waits until everything that was taken has had its effect."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    # One event.

    async def _take(self, incoming: Incoming, connector: Connector) -> None:
        try:
            if self._closed:
                incoming.refuse()
            else:
                await self._handle(incoming, connector)
        except StoreUnavailable as error:
            log.error("intake.not_kept", error=str(error))
            incoming.refuse()
        except Exception:
            incoming.refuse()
            raise

    async def _handle(self, incoming: Incoming, connector: Connector) -> None:
        match incoming.event:
            case Asked() as asked:
                await self._keep(Question(asked), asked.message, incoming, connector)
            case Pressed(control=Control.RETRY | Control.CONTINUE) as pressed:
                await self._follow(pressed, incoming, connector)
            case Pressed(control=Control.STOP) as pressed:
                self._stop(pressed)
            case Pressed() as pressed:
                await self._rate(pressed)
            case Deleted(message=message):
                await self._twice(lambda: self._deleted(message))
            case Commanded() as commanded:
                await self._obey(commanded, connector)
        incoming.accept()

    async def _keep(
        self, question: Question, key: MessageRef, incoming: Incoming, connector: Connector
    ) -> None:
        """Stores a question under `key`, and answers it unless that was stored before."""
        async with self._keeping:
            kept = replace(question.asked, message=key)
            inbox_id = await self._store.inbox.add(kept, self._now_us())
            incoming.accept()
            if inbox_id is None:
                log.info("intake.duplicate", message=key.id)
                return
            log.info("intake.kept", message=key.id, inbox=inbox_id)
            if self._closed:  # meanwhile: like those that wait, it stays in the inbox
                log.warning("intake.left_waiting", questions=1)
                return
            self._admit(Waiting(inbox_id, question, connector))

    # A question: admitted, then in turn.

    def _admit(self, item: Waiting) -> None:
        problem = self._problem(item.question.asked)
        if problem is None:
            self._queue(item)
        else:
            self._spawn(self._turn_away(item, problem))

    def _problem(self, asked: Asked) -> str | None:
        """What speaks against answering: a line for the asker, or none for the blocked."""
        admission = self._options.access.admission(asked)
        most = self._options.max_question_chars
        if admission is not Admission.ADMITTED:
            log.info("intake.refused", person=asked.person.id, admission=admission.value)
            return NOT_ALLOWED if admission is Admission.NOT_ALLOWED else ""
        if not asked.text.strip():
            return EMPTY
        if len(asked.text) > most:
            return f"Your message has {len(asked.text):,} characters; I take at most {most:,}."
        return None

    async def _turn_away(self, item: Waiting, told: str) -> None:
        asked = item.question.asked
        if told:
            await self._notify(item.connector, asked.message, told)
        await self._mark(item, "refused")

    def _queue(self, item: Waiting) -> None:
        place = item.question.asked.message.place
        if self._options.policy == "parallel":
            self._spawn(self._answer(item))
        elif not self._conversations.busy(place):
            self._spawn(self._conversations.open(item))
        else:
            if self._options.policy == "replace":
                self._replace(place)
            self._conversations.wait(item)
            self._spawn(self._signal(item.connector, place, Status.QUEUED))

    def _replace(self, place: Place) -> None:
        self._runs.stop_in(place)
        for item in self._drop(lambda item: item.question.asked.message.place == place):
            self._spawn(self._turn_away(item, REPLACED))

    async def _answer(self, item: Waiting) -> None:
        try:
            result = await self._runs.answer(item.question, item.connector)
        except Exception:
            log.exception("run.bug")
            await self._mark(item, "done")
        else:
            await self._mark(item, "done", result.run_id)

    async def _mark(self, item: Waiting, state: State, run_id: UUID | None = None) -> None:
        try:
            await self._store.inbox.mark(item.inbox_id, state, run_id)
        except StoreUnavailable as error:
            log.error("inbox.not_marked", inbox=item.inbox_id, error=str(error))
        except Exception:  # the questions that wait behind this one have their turn all the same
            log.exception("inbox.not_marked", inbox=item.inbox_id)

    # What people do to runs.

    async def _twice(self, stop: Callable[[], None]) -> None:
        """Stops at once what is there; then what was asked before and is only being kept."""
        stop()
        async with self._keeping:
            stop()

    def _stop(self, pressed: Pressed) -> None:
        run = next((run for run in self._runs.active if run.id == pressed.run_id), None)
        if run is None:
            log.info("intake.nothing_to_stop", run_id=str(pressed.run_id))
        elif run.question.asked.person.id != pressed.person.id:
            log.info("intake.not_theirs", run_id=str(pressed.run_id), person=pressed.person.id)
        else:
            run.stop()

    def _deleted(self, message: MessageRef) -> None:
        self._runs.stop_at(message)
        self._turn_away_quietly(lambda item: item.question.asked.message == message)

    async def _obey(self, commanded: Commanded, connector: Connector) -> None:
        place, person = commanded.message.place, commanded.person
        if commanded.command == "new":
            await self._store.conversations.forget(place, self._now_us())
            self._spawn(self._notify(connector, commanded.message, FORGOTTEN))
            return
        await self._twice(lambda: self._stop_theirs(person.id, place))

    def _stop_theirs(self, person_id: str, place: Place) -> None:
        self._runs.stop_for(person_id, place)
        self._turn_away_quietly(lambda item: _is_theirs(item, person_id, place))

    async def _rate(self, pressed: Pressed) -> None:
        value: Literal[1, -1] = 1 if pressed.control is Control.UP else -1
        await self._store.feedback.set(pressed.run_id, pressed.person.id, value, self._now_us())

    async def _follow(self, pressed: Pressed, incoming: Incoming, connector: Connector) -> None:
        """Retry or Continue: a new run in new messages, once for each press of each run."""
        await self._store.settled(pressed.run_id, _SETTLE_DEADLINE_S)
        row = await self._store.runs.get(pressed.run_id)
        place = pressed.message.place
        if row is None or not row.start.question:
            self._spawn(self._notify(connector, pressed.message, NOT_KEPT))
            return
        if row.start.person.id != pressed.person.id:
            log.info("intake.not_theirs", run_id=str(pressed.run_id), person=pressed.person.id)
            return
        asked = Asked(MessageRef(place, row.start.question_id), pressed.person, row.start.question)
        kind: Kind = "retry" if pressed.control is Control.RETRY else "continue"
        key = MessageRef(place, f"{kind}:{pressed.run_id}")
        await self._keep(Question(asked, kind, row), key, incoming, connector)

    # Small things.

    def _drop(self, unwanted: Callable[[Waiting], bool]) -> list[Waiting]:
        return self._conversations.drop(unwanted)

    def _turn_away_quietly(self, unwanted: Callable[[Waiting], bool]) -> None:
        for item in self._drop(unwanted):
            self._spawn(self._mark(item, "refused"))

    async def _notify(self, connector: Connector, about: MessageRef, text: str) -> None:
        """Posts a short message of the bot's own, tried once."""
        try:
            async with asyncio.timeout(_COURTESY_DEADLINE_S):
                await self._pacing.turn(connector.budget(about.place, "post"), _Notice())
                await connector.post(about.place, Part(None, 0, text, last=True), f"re:{about.id}")
        except (ConnectorError, TimeoutError) as error:
            log.warning("notice.not_posted", error=str(error) or type(error).__name__)

    async def _signal(self, connector: Connector, place: Place, status: Status) -> None:
        try:
            async with asyncio.timeout(_COURTESY_DEADLINE_S):
                await connector.signal(place, status)
        except (ConnectorError, TimeoutError) as error:
            log.warning("signal.failed", error=str(error) or type(error).__name__)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("intake.bug", exc_info=error)


def _is_theirs(item: Waiting, person_id: str, place: Place) -> bool:
    asked = item.question.asked
    there = asked.message.place
    return asked.person.id == person_id and (
        (there.workspace, there.channel) == (place.workspace, place.channel)
    )
