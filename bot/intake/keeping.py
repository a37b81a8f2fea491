"""A question is stored before the platform hears that it arrived, and then has its turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Literal
from uuid import UUID, uuid4

import structlog

from bot.intake.access import Gate
from bot.intake.conversations import Waiting
from bot.intake.notices import Notices
from bot.intake.tasks import Tasks
from bot.intake.turns import Turns
from bot.runs import Question
from bot.store import Given, Store, StoreUnavailable
from connectors.base import Asked, Connector, Incoming, MessageRef, Status

log = structlog.get_logger(__name__)

_LOOK_AGAIN_S = 2.0


class Keeping:
    """Stores questions, each once, in the order in which they came."""

    def __init__(
        self,
        store: Store,
        turns: Turns,
        said: Notices,
        tasks: Tasks,
        gate: Gate,
        now_us: Callable[[], int],
    ) -> None:
        self._store = store
        self._turns = turns
        self._gate = gate
        self._notices = said
        self._tasks = tasks
        self._now_us = now_us
        self.lock = asyncio.Lock()
        """Held while a question is stored: what came before it has been kept by then."""
        self.closed = False
        """Whether nothing new has its turn any more."""

    async def keep(
        self,
        question: Question,
        key: MessageRef,
        incoming: Incoming,
        connector: Connector,
        replaces: Callable[[], bool] = lambda: True,
    ) -> bool:
        """Stores a question under `key`, and answers it; false where that was stored before.

        `replaces` takes back what the question stands for, once it is safe; where it says that
        nothing is left to take back, the question is not answered.
        """
        came_us = self._now_us()
        async with self.lock:
            item = await self._stored(question, key, came_us, incoming, connector, replaces)
            if isinstance(item, Waiting):
                self._enter(item, replaces)
        return item != "known"

    async def _stored(
        self,
        question: Question,
        key: MessageRef,
        came_us: int,
        incoming: Incoming,
        connector: Connector,
        replaces: Callable[[], bool],
    ) -> Waiting | Literal["known", "handed over"]:
        """Stores a question, which may have been there before, or be another process's."""
        run_id = uuid4()
        self._turns.hold(run_id)
        try:
            given = await self._given(replace(question.asked, message=key), came_us, run_id)
        except StoreUnavailable:
            self._tasks.spawn_endless(self._look_again(run_id, question, connector, replaces))
            raise
        except BaseException:
            self._turns.let_go(run_id)
            raise
        incoming.accept()
        if given is None:
            log.info("intake.duplicate", message=key.id)
            self._turns.let_go(run_id)
            return "known"
        return self._mine(given, run_id, question, connector) or "handed over"

    async def _given(self, kept: Asked, came_us: int, run_id: UUID) -> Given | None:
        if self._turns.one_at_a_time:
            return await self._store.floors.keep(kept, came_us, run_id)
        inbox_id = await self._store.inbox.add(kept, came_us, run_id)
        return None if inbox_id is None else Given(inbox_id, self._store.leases.me)

    def _mine(
        self, given: Given, run_id: UUID, question: Question, connector: Connector
    ) -> Waiting | None:
        """A kept question, unless it is another process's to answer."""
        if given.owner == self._store.leases.me:
            log.info("intake.kept", inbox=given.inbox_id)
            return Waiting(given.inbox_id, question, connector, run_id)
        log.info("intake.handed_over", inbox=given.inbox_id, to=given.owner)
        self._turns.let_go(run_id)
        self._tasks.spawn(self._say_queued(question.asked, connector))
        return None

    async def _say_queued(self, asked: Asked, connector: Connector) -> None:
        """Shows that a question waits for another process, if that will answer it."""
        place, person = asked.message.place, asked.person
        if self._gate.refusal(place, person) is not None:
            return
        if await self._gate.over(place, person, waits=True) is None:
            await self._notices.signal(connector, place, Status.QUEUED)

    async def _look_again(
        self,
        run_id: UUID,
        question: Question,
        connector: Connector,
        replaces: Callable[[], bool],
    ) -> None:
        """A question may have been kept although the database did not say so.

        The platform was refused, but what it sends again counts as known: then it is answered from
        here. Where the process ends before that is known, another one finds the question.
        """
        while not self.closed:
            await asyncio.sleep(_LOOK_AGAIN_S)
            try:
                given = await self._store.inbox.kept_for(run_id)
            except StoreUnavailable:
                continue
            if given is None:
                self._turns.let_go(run_id)
                return
            async with self.lock:
                log.warning("intake.kept_after_all", inbox=given.inbox_id)
                item = self._mine(given, run_id, question, connector)
                if item is not None:
                    self._enter(item, replaces)
            return

    def _enter(self, item: Waiting, replaces: Callable[[], bool]) -> None:
        if self.closed:  # meanwhile: like those that wait, it stays in the inbox
            self._turns.let_go(item.run_id)
            self._turns.left(1)
        elif replaces():
            self._turns.admit(item)
        else:
            self._turns.refuse(item)
