"""A question is stored before the platform hears that it arrived; what another process kept and
did not answer is made ready to be answered here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from uuid import UUID, uuid4

import structlog

from bot.cluster import Cluster
from bot.intake import notices
from bot.intake.admission import Admission
from bot.intake.notices import Notices
from bot.intake.queue import QueuedQuestion, Tasks, Turns
from bot.runs import Kind, Question
from bot.store import Condition, Given, InboxId, RunStart, Store, StoreUnavailable
from bot.store import KeptQuestion as Kept
from connectors.base import Asked, Connector, Edited, Incoming, MessageRef, Status, Unavailable

# A question is stored before the platform hears that it arrived, and then has its turn.


log = structlog.get_logger(__name__)

_LOOK_AGAIN_S = 2.0


def _nothing() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Arrival:
    """A question on its way into the inbox, where it is kept under `key`.

    `replaces` is called once the question is stored, and withdraws its earlier form; if it returns
    false there was none left to withdraw, and the question is not answered.
    """

    question: Question
    key: MessageRef
    incoming: Incoming
    connector: Connector
    replaces: Callable[[], bool] = _nothing
    given: Condition | None = None
    """What is done in the transaction that stores it, and without which it isn't stored."""
    run_id: UUID = field(default_factory=uuid4)
    """The run that is to answer it."""

    def queued(self, inbox_id: int) -> QueuedQuestion:
        """The question, once it is kept."""
        return QueuedQuestion(inbox_id, self.question, self.connector, self.run_id)


class InboxKeeper:
    """Stores questions, each once, in the order in which they came."""

    def __init__(
        self,
        cluster: Cluster,
        turns: Turns,
        said: Notices,
        tasks: Tasks,
        gate: Admission,
        now_us: Callable[[], int],
    ) -> None:
        self._cluster = cluster
        self._store = cluster.store
        self._turns = turns
        self._gate = gate
        self._notices = said
        self._tasks = tasks
        self._now_us = now_us
        self.lock = asyncio.Lock()
        """Held while a question is stored: what came before it has been kept by then."""
        self.closed = False
        """Whether nothing new has its turn any more."""

    def close(self) -> None:
        """Nothing new has its turn any more."""
        self.closed = True

    async def keep(self, arrival: Arrival) -> bool:
        """Stores a question under its key, and answers it; false where that was stored before."""
        came_us = self._now_us()
        async with self.lock:
            given = await self._stored(arrival, came_us)
            if given is not None:
                self._take(arrival, given)
        return given is not None

    async def _stored(self, arrival: Arrival, came_us: int) -> Given | None:
        """Stores a question; None where it was there before."""
        self._turns.hold(arrival.run_id)
        kept = replace(arrival.question.asked, message=arrival.key)
        try:
            given = await self._given(kept, came_us, arrival)
        except StoreUnavailable:
            self._tasks.spawn_endless(self._look_again(arrival))
            raise
        except BaseException:
            self._turns.let_go(arrival.run_id)
            raise
        arrival.incoming.accept()
        if given is None:
            log.info("intake.duplicate", message=arrival.key.id)
            self._turns.let_go(arrival.run_id)
        return given

    async def _given(self, kept: Asked, came_us: int, arrival: Arrival) -> Given | None:
        run_id, given = arrival.run_id, arrival.given
        if self._turns.one_at_a_time:
            return await self._cluster.locks.keep(kept, came_us, run_id, given)
        inbox_id = await self._store.inbox.add(kept, came_us, run_id, given)
        return None if inbox_id is None else Given(inbox_id, self._cluster.me)

    def _take(self, arrival: Arrival, given: Given) -> None:
        """A question is kept: it has its turn, unless it is another process's to answer.

        Where older ones wait that nobody has in hand, it is left to wait with them: who takes them
        up takes up this one after them.
        """
        if given.owner == self._cluster.me and not given.older <= self._turns.held:
            log.info("intake.behind", inbox=given.inbox_id, older=len(given.older))
            self._turns.let_go(arrival.run_id)
            self._tasks.spawn(self._say_queued(arrival.question.asked, arrival.connector))
        elif given.owner == self._cluster.me:
            log.info("intake.kept", inbox=given.inbox_id)
            self._enter(arrival, arrival.queued(given.inbox_id))
        else:
            log.info("intake.handed_over", inbox=given.inbox_id, to=given.owner)
            self._turns.let_go(arrival.run_id)
            self._tasks.spawn(self._say_queued(arrival.question.asked, arrival.connector))

    async def _say_queued(self, asked: Asked, connector: Connector) -> None:
        """Shows that a question waits for another process, if that will answer it."""
        place, person = asked.message.place, asked.person
        if self._gate.refusal(place, person) is not None:
            return
        if await self._gate.over(place, person, waits=True) is None:
            await self._notices.signal(connector, place, Status.QUEUED)

    async def _look_again(self, arrival: Arrival) -> None:
        """A question may have been kept although the database did not say so.

        The platform was refused, but what it sends again counts as known: then it is answered from
        here. Where the process ends before that is known, another one finds the question.
        """
        while not self.closed:
            await asyncio.sleep(_LOOK_AGAIN_S)
            try:
                given = await self._store.inbox.kept_for(arrival.run_id)
            except StoreUnavailable:
                continue
            if given is None:
                self._turns.let_go(arrival.run_id)
                return
            async with self.lock:
                log.warning("intake.kept_after_all", inbox=given.inbox_id)
                self._take(arrival, given)
            return

    def _enter(self, arrival: Arrival, item: QueuedQuestion) -> None:
        if self.closed:  # meanwhile: like those that wait, it stays in the inbox
            self._turns.let_go(item.run_id)
            self._turns.left(1)
        elif arrival.replaces():
            self._turns.admit(item)
        else:
            self._turns.refuse(item)


ANSWER_WITHIN_US = 600_000_000
"""So late a question is still answered; after that the asker is told that it was not."""


class Resuming:
    """Finds out what a kept question asked, and whether it is still to be answered."""

    def __init__(self, store: Store, said: Notices, now_us: Callable[[], int]) -> None:
        self._store = store
        self._notices = said
        self._now_us = now_us

    async def prepare(
        self, kept: Kept, connector: Connector, *, again: bool
    ) -> QueuedQuestion | None:
        """The question as it was to be answered; None where it is settled already, or is now.

        `again` says that its run has begun, and that nobody has seen anything of it. Raises
        `StoreUnavailable` or `ConnectorError` where nothing can be said yet.
        """
        late = self._now_us() - kept.received_us > ANSWER_WITHIN_US
        if (again and late) or (not again and await self._begun_before(kept)):
            return None
        question = await self._question(kept)
        if kept.run_id is None or question is None or await self._replaced(kept, question):
            await self._store.inbox.mark(kept.id, "refused")
            return None
        if late:
            await self._turn_away(kept, question.asked, connector)
            return None
        return QueuedQuestion(kept.id, question, connector, kept.run_id, again)

    async def unrecorded(self, kept: Kept) -> RunStart | None:
        """The run that was to answer a question, if it was not recorded, as it would have begun.

        Which model was asked is not known. Raises `StoreUnavailable`.
        """
        if kept.run_id is None or await self._store.runs.get(kept.run_id) is not None:
            return None
        question = await self._question(kept)
        return None if question is None else question.start(kept.run_id, "", kept.received_us)

    async def _begun_before(self, kept: Kept) -> bool:
        """Whether the question's run was begun; once that has ended, the question is done."""
        row = None if kept.run_id is None else await self._store.runs.get(kept.run_id)
        if row is None:
            return False
        if row.end is None:
            raise Unavailable("its run has not ended yet")
        await self._store.inbox.mark(kept.id, "done")
        return True

    async def _question(self, kept: Kept) -> Question | None:
        """What was asked; None where the run that it follows is not known any more."""
        key = InboxId.read(kept.asked.message.id)
        if key.kind == "retry" or key.kind == "continue" or key.kind == "decided":
            return await self._following(key, kept)
        message = replace(kept.asked.message, id=key.of)
        return Question(replace(kept.asked, message=message))

    async def _following(self, key: InboxId, kept: Kept) -> Question | None:
        try:
            row = await self._store.runs.get(UUID(key.of))
        except ValueError:
            return None
        if row is None:
            return None
        message = MessageRef(kept.asked.message.place, row.start.question_id)
        kind: Kind = "ask" if key.kind == "asked" or key.kind == "edited" else key.kind
        return Question(replace(kept.asked, message=message), kind, row, model=key.version)

    async def _replaced(self, kept: Kept, question: Question) -> bool:
        """Whether the asker has changed the question since, and the change was kept too."""
        if question.kind != "ask":
            return False
        return await self._store.inbox.changed_since(kept, question.asked.message.id)

    async def _turn_away(self, kept: Kept, asked: Asked, connector: Connector) -> None:
        log.warning("intake.too_late", inbox=kept.id)
        if asked.addressed:
            said = notices.NOT_ANSWERED
            await self._notices.say(connector, asked.message, said, asked.person, asked.text)
        await self._store.inbox.mark(kept.id, "refused")


def differs(edited: Edited, asked: Asked) -> bool:
    """Whether a question says something else now, or has files that were not known before."""
    changed = bool(asked.text.strip()) and asked.text != edited.text
    return changed or (bool(edited.files) and not asked.files)
