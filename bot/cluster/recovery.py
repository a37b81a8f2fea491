"""Looks for what processes that died left behind, claims it, and sees to it.

Runs are ended, then the questions of the same conversation are answered. What can't be done now
stays claimed, and is tried again.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

import structlog
from structlog.contextvars import bound_contextvars

from bot.cluster.cluster import Cluster
from bot.cluster.heartbeat import FailureDetector
from bot.cluster.leases import Orphan, Process, Snapshot
from bot.cluster.takeover import Takeover
from bot.pacing import Pacing
from bot.runs import Runs
from bot.store import KeptQuestion, RunRow, RunStart, StoreUnavailable
from bot.telemetry import UNWATCHED, Watch
from connectors.base import Connector, ConnectorError, Place

log = structlog.get_logger(__name__)

LOOK_S = 1.0
_KEEP_DEADLINE_S = 5.0
_FIRST_PAUSE_S = 2.0
_LONGEST_PAUSE_S = 60.0


class RecoveryIntake(Protocol):
    """Where questions come in."""

    async def resume(
        self, kept: KeptQuestion, connector: Connector, *, again: bool = False
    ) -> bool:
        """Answers a question that another process kept, as if it came now; says whether it does.

        `again`: also where its run has begun. Raises `StoreUnavailable` or a `ConnectorError`
        where it can't be said yet.
        """
        ...

    async def unrecorded(self, kept: KeptQuestion) -> RunStart | None:
        """The run that was to answer a question, if it was not recorded, as it would have begun.

        Raises `StoreUnavailable`.
        """
        ...

    @property
    def held(self) -> frozenset[UUID]:
        """The questions in hand here, by the runs that are to answer them."""
        ...

    def among(self, processes: int) -> None:
        """So many processes answer on these platforms, this one counted."""
        ...

    async def read_mail(self) -> None:
        """Does what other processes heard and this one has to do. Raises `StoreUnavailable`."""
        ...

    async def back(self) -> None:
        """After an outage in which others may have answered. Raises `StoreUnavailable`."""
        ...

    def kept(self) -> list[int]:
        """The questions that wait here for their turn."""
        ...

    def drop(self, ids: Collection[int]) -> None:
        """Other processes answer these questions."""
        ...


@dataclass(slots=True)
class _Estate:
    """What was left in one conversation, and when to try again what could not be done."""

    runs: dict[UUID, Orphan[RunRow]] = field(default_factory=dict)
    questions: dict[int, Orphan[KeptQuestion]] = field(default_factory=dict)
    task: asyncio.Task[None] | None = None
    not_before: float = 0.0
    pause_s: float = _FIRST_PAUSE_S


class Recovery:
    """Recovers what belongs to these connectors; what was left by `unattended` ones is closed."""

    def __init__(
        self,
        cluster: Cluster,
        runs: Runs,
        pacing: Pacing,
        connectors: Sequence[Connector],
        door: RecoveryIntake,
        now_us: Callable[[], int],
        unattended: Collection[str] = (),
        watch: Watch = UNWATCHED,
    ) -> None:
        self._cluster = cluster
        self._leases = cluster.leases
        self._store = cluster.store
        self._runs = runs
        self._connectors = {connector.name: connector for connector in connectors}
        self._names = [*self._connectors, *unattended]
        self._door = door
        self._heartbeat = cluster.heartbeat
        self._now_us = now_us
        self._pacing = pacing
        self._watch = watch
        self._takeover = Takeover(cluster.store, pacing, now_us, runs, watch)
        self._detector = FailureDetector(cluster.me, cluster.heartbeat.seat)
        self._given_up: set[UUID] = set()
        self._sharing: dict[str, int] = {}
        self._estates: dict[Place, _Estate] = {}

    async def serve(self) -> None:
        """Looks now and every second until cancelled; then nothing it began still runs."""
        try:
            while True:
                await self._safely(self.look())
                if self._cluster.wakes is None:
                    await asyncio.sleep(LOOK_S)
                else:
                    await self._cluster.wakes.rest()
        finally:
            tasks = [estate.task for estate in self._estates.values() if estate.task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def stand_by(self) -> None:
        """Instead of `serve`, while this process closes: claims nothing, until it is cancelled.

        Its last answers still draw on the budgets, and processes may come that share them.
        """
        while True:
            await self._safely(self.look_around())
            await asyncio.sleep(LOOK_S)

    async def give_up_what_was_taken(self) -> None:
        """After an outage: stops what another process has claimed. Raises `StoreUnavailable`."""
        self._door.drop(await self._leases.taken_questions(self._door.kept()))
        self._given_up |= await self._leases.taken_runs([run.id for run in self._runs.active])
        self._runs.abandon(self._given_up)
        for run_id in self._given_up:
            await self._store.settled(run_id, _KEEP_DEADLINE_S)
        await self._leases.reopen(self._given_up)  # who ended them may have been overwritten by us
        await self._door.back()
        self._given_up.clear()

    async def _safely(self, look: Awaitable[object]) -> None:
        try:
            await look
        except StoreUnavailable as error:
            log.debug("recovery.no_store", error=str(error))
        except Exception:
            log.exception("recovery.bug")

    async def look(self) -> None:
        """Finds what was left, and begins what is due. Raises `StoreUnavailable`."""
        held = self._door.held
        at = _now()
        seen = await self._heartbeat.look()
        living = self._shared_by(seen.processes)
        self._share(seen, living, at)
        if self._cluster.me in seen.letters:
            await self._door.read_mail()
        if not self._heartbeat.calm:
            return
        await self._inherit(seen, living)
        if self._has_orphans(seen, living, held):
            await self._find(living)
        self._begin_what_is_due()

    async def _inherit(self, seen: Snapshot, living: set[str]) -> None:
        """Takes the locks of the dead, and what was left for them."""
        known = living | {self._cluster.me}
        dead = {process.id for process in seen.processes} - living
        if not seen.locks <= known:
            await self._cluster.locks.vacate(dead)
        if not seen.letters <= known:
            await self._cluster.mailbox.inherit(dead)

    def _has_orphans(self, seen: Snapshot, living: set[str], held: Collection[UUID]) -> bool:
        """Whether something of these connectors has no owner that lives, or that has it in hand."""
        me, in_hand = self._cluster.me, {*held, *self._door.held}
        return any(
            owner not in living for owner, connector in seen.runs if connector in self._names
        ) or any(
            owner not in living or (owner == me and run_id not in in_hand)
            for owner, connector, run_id in seen.questions
            if connector in self._names
        )

    async def _find(self, living: set[str]) -> None:
        """Notes what has no owner among the living. Raises `StoreUnavailable`."""
        runs = await self._leases.orphaned_runs(living, self._names)
        # Of this process's own questions those that others handed over, or that were not marked.
        held, others = self._door.held, living - {self._cluster.me}
        questions = await self._leases.orphaned_questions(others, self._names)
        if runs or questions:  # a process may have begun since, and have taken these
            living = living | await self.look_around()
        for run in runs:
            if run.owner not in living:
                self._estate(run.row.start.place).runs.setdefault(run.row.run_id, run)
        for question in questions:
            others = living - {self._cluster.me}
            if question.owner not in others and question.row.run_id not in held | self._door.held:
                estate = self._estate(question.row.asked.message.place)
                estate.questions.setdefault(question.row.id, question)

    async def look_around(self) -> set[str]:
        """Who lives; they share the budgets. Raises `StoreUnavailable`."""
        if self._cluster.budgets is None:
            return self._shared_by(await self._leases.processes())
        at = _now()
        seen = await self._leases.snapshot()
        living = self._shared_by(seen.processes)
        self._share(seen, living, at)
        return living

    def _share(self, seen: Snapshot, living: set[str], at: float) -> None:
        """How the living share budgets, as a look saw it that began at this time."""
        if self._cluster.budgets is not None:
            others = living - {self._cluster.me}
            there = [process for process in seen.processes if process.id in others]
            self._cluster.budgets.seen(there, seen.modes, at)

    def _shared_by(self, processes: Sequence[Process]) -> set[str]:
        """Who of these lives: the living share the budgets."""
        living = self._detector.living(processes, self._now_us(), _now())
        serving = Counter(
            name for process in processes if process.id in living for name in process.connectors
        )
        for name in self._connectors:
            # After an outage others may only seem dead: they keep their parts until that is known.
            least = 1 if self._heartbeat.calm else self._sharing.get(name, 1)
            self._sharing[name] = max(least, serving[name])
            self._pacing.divide(name, self._sharing[name])
        self._door.among(max((serving[name] for name in self._connectors), default=1))
        return living

    def _estate(self, place: Place) -> _Estate:
        return self._estates.setdefault(place, _Estate())

    def _begin_what_is_due(self) -> None:
        for place, estate in list(self._estates.items()):
            if estate.task is not None:
                continue
            if not (estate.runs or estate.questions):
                del self._estates[place]
            elif _now() >= estate.not_before:
                estate.task = asyncio.create_task(self._see_to(estate), name="recovery")

    async def _see_to(self, estate: _Estate) -> None:
        try:
            for run_id, run in list(estate.runs.items()):
                with bound_contextvars(run_id=str(run_id)):
                    if await self._done(self._end(run)):
                        del estate.runs[run_id]
            for inbox_id, question in list(estate.questions.items()):
                if await self._done(self._answer(question)):
                    del estate.questions[inbox_id]
            if estate.runs or estate.questions:
                estate.not_before = _now() + estate.pause_s
                estate.pause_s = min(2 * estate.pause_s, _LONGEST_PAUSE_S)
        finally:
            estate.task = None

    async def _done(self, work: Coroutine[Any, Any, None]) -> bool:
        """Does what it can; false where it has to be tried again."""
        try:
            await work
        except (ConnectorError, StoreUnavailable) as error:
            log.warning("recovery.put_off", error=str(error) or type(error).__name__)
            return False
        except Exception:
            log.exception("recovery.bug")
            return False
        return True

    async def _end(self, run: Orphan[RunRow]) -> None:
        lost = self._watch.tool_ended
        if not await self._leases.claim_run(run.row.run_id, run.owner, lost):
            return
        log.info("run.claimed", owner=run.owner)
        connector = self._connector(run.row.start.place)
        left = await self._takeover.left(run.row, connector)
        if connector is None or not left.blank or not await self._begins_again(run, connector):
            await self._takeover.end(left, connector)

    async def _begins_again(self, run: Orphan[RunRow], connector: Connector) -> bool:
        """Answers the question of a run of which nobody has seen anything, if it still waits."""
        question = await self._leases.question_of(run.row.run_id)
        if question is None:
            return False
        if not await self._leases.claim_question(question.row.id, question.owner):
            return False
        return await self._door.resume(question.row, connector, again=True)

    async def _answer(self, question: Orphan[KeptQuestion]) -> None:
        row = question.row
        if not await self._leases.claim_question(row.id, question.owner):
            return
        log.info("question.claimed", inbox=row.id, owner=question.owner)
        connector = self._connector(row.asked.message.place)
        if connector is None:
            await self._store.inbox.mark(row.id, "refused")
        elif not await self._ended(row, connector):
            await self._door.resume(row, connector)

    async def _ended(self, question: KeptQuestion, connector: Connector) -> bool:
        """Ends an answer that can be seen, though nobody recorded that it was begun."""
        if question.run_id is not None:  # an earlier try may have ended it
            await self._store.settled(question.run_id, _KEEP_DEADLINE_S)
        start = await self._door.unrecorded(question)
        if start is None:
            return False
        left = await self._takeover.left(RunRow(start, None, None), connector)
        if not left.messages:
            return False
        with bound_contextvars(run_id=str(start.run_id)):
            await self._record(start)
            await self._takeover.end(left, connector)
        await self._store.inbox.mark(question.id, "done", start.run_id)
        return True

    async def _record(self, start: RunStart) -> None:
        """Makes a run this process's own before anybody sees its end.

        Its first owner may live after all, and write the run's row while it is ended here. Raises
        `StoreUnavailable` where it was faster: then the run is seen to like any other.
        """
        self._store.runs.begin(start)
        await self._store.settled(start.run_id, _KEEP_DEADLINE_S)
        if not await self._leases.claim_run(start.run_id, self._cluster.me):
            raise StoreUnavailable("another process has recorded the run")

    def _connector(self, place: Place) -> Connector | None:
        return self._connectors.get(place.connector)


def _now() -> float:
    return asyncio.get_running_loop().time()
