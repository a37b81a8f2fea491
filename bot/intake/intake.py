"""Each event has its effect, once.

A question is in the inbox before the platform hears that it arrived. Then it is admitted (who,
where, how long), and waits for its turn in its conversation.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from uuid import UUID

import structlog

from bot.cluster import Cluster, Takeover
from bot.identity import Account
from bot.intake import notices, switches
from bot.intake.admission import Admission
from bot.intake.approvals import Approvals
from bot.intake.configuring import Configuring
from bot.intake.inbox import Arrival, InboxKeeper, Resuming, differs
from bot.intake.notices import Notices, Refusal
from bot.intake.presses import Presses
from bot.intake.queue import IntakeOptions, Tasks, Turns, asks, is_theirs
from bot.intake.quotas import QuotaMeter
from bot.pacing import Pacing
from bot.runs import Question, Run, Runs, outcomes
from bot.store import InboxId, RunStart, StoreUnavailable
from bot.store import KeptQuestion as Kept
from bot.telemetry import UNWATCHED
from connectors.base import (
    Asked,
    Commanded,
    Configured,
    Connector,
    Control,
    Deleted,
    Edited,
    Event,
    Incoming,
    MessageRef,
    Person,
    Place,
    Preflight,
    Pressed,
    Unavailable,
)

log = structlog.get_logger(__name__)

_SETTLE_DEADLINE_S = 5.0
_FILES = "files"
"""The version of a question whose files were told of late."""


class Intake:
    """Pulls connectors' events and sees to their effects."""

    def __init__(
        self,
        cluster: Cluster,
        runs: Runs,
        pacing: Pacing,
        options: IntakeOptions,
        now_us: Callable[[], int],
    ) -> None:
        self._cluster = cluster
        self._store = store = cluster.store
        self._runs = runs
        self._notices = Notices(pacing, options.languages)
        self._options = options
        self._now_us = now_us
        self._tasks = Tasks()
        self._gate = Admission(
            options.access,
            options.admins,
            QuotaMeter(store, runs, options.limits, now_us),
            options.scopes,
            options.settings_by,
        )
        self._configuring = Configuring(self._gate, self._notices, self._tasks)
        self._turns = Turns(cluster, runs, self._notices, self._tasks, options, self._gate)
        self._resuming = Resuming(store, self._notices, now_us)
        self._keeping = InboxKeeper(
            cluster, self._turns, self._notices, self._tasks, self._gate, now_us
        )
        self._connectors: dict[str, Connector] = {}
        takeover = Takeover(store, pacing, now_us, runs, UNWATCHED)
        self.approvals = Approvals(
            store, self._keeping, self._notices, self._tasks, takeover, runs, self._connectors
        )
        """What is decided about tool calls; part of it goes on by itself (`serve`)."""
        self._presses = Presses(
            store, self._keeping, self._notices, self._tasks, self._may, self.approvals, now_us
        )
        self._among_others = False

    def use(self, options: IntakeOptions) -> None:
        """Takes these options for what comes from now on, but for the policy, which stays."""
        self._options = replace(options, policy=self._options.policy)
        self._gate.use(
            options.access, options.admins, options.limits, options.scopes, options.settings_by
        )
        self._turns.use(self._options)
        self._notices.languages = options.languages

    def among(self, processes: int) -> None:
        """So many processes answer on these platforms, this one counted."""
        self._among_others = processes > 1

    @property
    def waiting(self) -> int:
        """Questions that were kept and wait for their turn."""
        return len(self._turns)

    @property
    def closed(self) -> bool:
        """Whether nothing new is taken any more."""
        return self._keeping.closed

    async def serve(self, connector: Connector) -> None:
        """Takes a connector's events until it is closed."""
        self._connectors[connector.name] = connector
        async for incoming in connector.events():
            self._tasks.spawn(self._take(incoming, connector))

    def close(self) -> None:
        """Refuses what comes from now on; what waits stays in the inbox."""
        self._keeping.close()
        self._tasks.cancel()
        self._turns.leave()

    async def settled(self) -> None:
        """Waits until everything that was taken has had its effect."""
        await self._tasks.settled()

    async def _take(self, incoming: Incoming, connector: Connector, *, told: bool = False) -> None:
        """`told`: by another process."""
        heard_us = self._now_us()
        try:
            if self._keeping.closed:
                incoming.refuse()
            else:
                await self._admit(incoming, connector, told=told)
                if not told and not incoming.declined:
                    await self._tell(incoming, heard_us)
        except StoreUnavailable as error:
            log.error("intake.not_kept", error=str(error))
            incoming.refuse()
        except Exception:
            incoming.refuse()
            raise

    async def _admit(self, incoming: Incoming, connector: Connector, *, told: bool) -> None:
        """Sees to an event's effect, if the person may have it. Of a deletion nobody is known."""
        event = incoming.event
        refusal = await self._refusal(event)
        if refusal is None:
            await self._handle(incoming, connector)
            return
        words = refusal.told
        if isinstance(event, Asked) and words:  # told once, however often it is delivered
            await self._ask(event, incoming, connector)
        elif words and not told and not isinstance(event, Preflight | Deleted):
            text = event.text if isinstance(event, Edited) else ""
            said = self._notices.say(connector, event.message, words, event.person, text)
            self._tasks.spawn(said)
        incoming.decline(await self._notices.worded(words, event))

    async def _refusal(self, event: Event) -> Refusal | None:
        """What somebody who may not do that is told; None where they may."""
        match event:
            case Deleted():
                return None
            case Preflight():
                return await self._refused_before(event)
            case Asked() | Edited() | Pressed() | Configured():
                return self._gate.refusal(event.message.place, event.person)
            case Commanded():
                place, person = event.message.place, event.person
                admin = self._gate.is_admin(place, person)
                return self._gate.refusal(place, person) or switches.refusal(event, admin=admin)

    async def _refused_before(self, wants: Preflight) -> Refusal | None:
        place, person = wants.place, wants.person
        refusal = self._gate.refusal(place, person)
        if refusal is None and wants.run_id is not None:
            refusal = self._gate.not_theirs(place, person, await self._asker(wants.run_id))
        if refusal is None and wants.spends:
            connector = self._connectors.get(place.connector)
            refusal = await self._gate.kept_out(place, person, connector)
        if refusal is None and wants.spends:
            refusal = await self._gate.over(place, person, waits=self._turns.busy(place))
        return refusal

    async def _asker(self, run_id: UUID) -> Person | None:
        """Who asked for an answer; None where that isn't kept."""
        for run in self._runs.active:
            if run.id == run_id:
                return run.question.asked.person
        await self._store.settled(run_id, _SETTLE_DEADLINE_S)
        row = await self._store.runs.get(run_id)
        return None if row is None else row.start.person

    async def _handle(self, incoming: Incoming, connector: Connector) -> None:
        match incoming.event:
            case Asked() as asked:
                await self._ask(asked, incoming, connector)
            case Edited() as edited:
                await self._edited(edited, incoming, connector)
            case Pressed(control=Control.STOP) as pressed:
                self._stop(pressed, connector)
            case Pressed() as pressed:
                await self._presses.press(pressed, incoming, connector)
            case Deleted(message=message):
                await self._twice(lambda: self._deleted(message))
                if self._runs.call_tools:
                    await self.approvals.withdraw_at(message)
            case Commanded() | Configured() as ordered:
                await self._obey(ordered, incoming, connector)
        incoming.accept()

    async def _ask(self, asked: Asked, incoming: Incoming, connector: Connector) -> None:
        if asked.addressed or await self._takes_part(asked.message.place, connector):
            arrival = Arrival(Question(asked), asked.message, incoming, connector)
            new = await self._keeping.keep(arrival)
            if asked.files and not new:
                self._add_files(asked, connector)

    def _add_files(self, asked: Asked, connector: Connector) -> None:
        """A platform may tell of a message twice, and only the second time of its files."""
        found = Edited(asked.message, asked.person, asked.text, _FILES, asked.files)
        self._tasks.spawn(self._take(Incoming(found), connector))

    async def _takes_part(self, place: Place, connector: Connector) -> bool:
        """Whether the bot answers, or has answered, in a conversation, and may go on unasked."""
        if not (self._options.follow_ups or self._options.scopes):
            return False
        running = any(run.question.asked.message.place == place for run in self._runs.active)
        part = running or await self._store.messages.any_in(place)
        if not part and not (self._among_others and await self._cluster.locks.held(place)):
            return False
        return await self._gate.follows_up(place, connector, usual=self._options.follow_ups)

    async def resume(self, kept: Kept, connector: Connector, *, again: bool = False) -> bool:
        """Answers a question of another process as if it came now; says whether it does.

        `again`: also where its run has begun. Raises `StoreUnavailable` or `ConnectorError` where
        that can't be said yet: then ask again.
        """
        if kept.run_id in self._turns.held:
            return True
        # The lock comes last: a question that can't be answered yet must not keep it.
        found = await self._resuming.prepare(kept, connector, again=again)
        if found is None:
            async with self._keeping.lock:
                await self._turns.unlock(kept.asked.message.place)
            return False
        if self._turns.one_at_a_time and not await self._has_lock(kept, again=again):
            return True
        async with self._keeping.lock:
            if self._keeping.closed:
                self._turns.left(1)
            else:
                self._turns.admit(found)
        return True

    async def _has_lock(self, kept: Kept, *, again: bool) -> bool:
        """Takes the lock for a question, or hands that over to the process that has the lock."""
        place = kept.asked.message.place
        if await self._cluster.locks.take(place, kept.id, hand_over=not again):
            return True
        if again:  # its run is ours, and a run can't be handed over
            raise Unavailable("another process answers there")
        log.info("intake.handed_over", inbox=kept.id)
        return False

    @property
    def held(self) -> frozenset[UUID]:
        """The questions in hand, by the runs that are to answer them."""
        return self._turns.held

    async def read_mail(self) -> None:
        """Does what other processes heard and only this one can do. Raises `StoreUnavailable`."""
        if self._keeping.closed:
            return
        for event in await self._cluster.mailbox.take():
            connector = self._connectors.get(event.message.place.connector)
            if connector is not None:
                log.info("intake.errand", what=type(event).__name__)
                self._tasks.spawn(self._take(Incoming(event), connector, told=True))

    async def back(self) -> None:
        """After an outage in which others may have taken the locks. Raises `StoreUnavailable`."""
        await self._cluster.locks.retake(self._turns.places)

    async def _tell(self, incoming: Incoming, heard_us: int) -> None:
        """Tells the other processes of what may be theirs to do."""
        event = incoming.event
        if not self._among_others or isinstance(event, Asked | Preflight | Configured):
            return
        if isinstance(event, Pressed) and event.control is not Control.STOP:
            return
        if isinstance(event, Commanded) and event.command != "stop":
            return
        if told := await self._cluster.mailbox.leave(event, heard_us):
            log.info("intake.told", processes=told)

    async def unrecorded(self, kept: Kept) -> RunStart | None:
        """The run that was to answer a question of another process, if it was not recorded.

        Raises `StoreUnavailable`.
        """
        if kept.run_id in self._turns.held:
            return None
        return await self._resuming.unrecorded(kept)

    def kept(self) -> list[int]:
        """The questions that wait here for their turn, by their numbers in the inbox."""
        return [item.inbox_id for item in self._turns.waiting()]

    def drop(self, ids: Collection[int]) -> None:
        """Other processes answer these questions."""
        self._turns.lose(ids)

    async def _edited(self, edited: Edited, incoming: Incoming, connector: Connector) -> None:
        async with self._keeping.lock:  # what was asked before has been kept by now
            found = self._being_answered(edited.message)
        if found is None and edited.version != _FILES:
            await self._tell_too_late(edited, connector)
        if found is None or not differs(edited, found.asked):
            return
        if await self._over_by_edit(edited, connector):
            return
        asked = replace(found.asked, text=edited.text, files=edited.files)
        key = InboxId("edited", edited.message.id, edited.version).written
        arrival = Arrival(
            Question(asked, found.kind, found.parent),
            replace(edited.message, id=key),
            incoming,
            connector,
            replaces=lambda: self._withdraw(edited.message),
        )
        await self._keeping.keep(arrival)

    async def _over_by_edit(self, edited: Edited, connector: Connector) -> bool:
        """Whether its author is over a limit apart from the answer that the change would end."""
        ended = [run.id for run in self._fresh(edited.message)]
        place, person = edited.message.place, edited.person
        over = await self._gate.over(place, person, waits=True, apart=ended)
        if over is not None and over.told is not None:
            said = self._notices.say(connector, edited.message, over.told, person, edited.text)
            self._tasks.spawn(said)
        return over is not None

    async def _tell_too_late(self, edited: Edited, connector: Connector) -> None:
        """An answer that is done stays: whoever changes its question is told what to do."""
        if self._options.edit_seconds and await self._store.inbox.answered(edited.message):
            told = notices.ANSWERED_AS_IT_WAS
            said = self._notices.say(connector, edited.message, told, edited.person, edited.text)
            self._tasks.spawn(said)

    def _being_answered(self, message: MessageRef) -> Question | None:
        """The newest form of a question that waits or is being answered, if it came just now."""
        running = [run.question for run in self._fresh(message)]
        waiting = [i.question for i in self._turns.waiting() if asks(i, message)]
        return (running + waiting)[-1] if running or waiting else None

    def _fresh(self, message: MessageRef) -> list[Run]:
        """The runs that answer a question and are not older than a change may be late."""
        return [
            run
            for run in self._runs.active
            if run.question.asked.message == message and run.age_s < self._options.edit_seconds
        ]

    def _withdraw(self, message: MessageRef) -> bool:
        """Takes a question back in the form that it had; says whether it was there."""
        runs = self._fresh(message)
        for run in runs:
            run.stop(outcomes.EDITED)
        waiting = self._turns.drop(lambda item: asks(item, message))
        return bool(runs or waiting)

    async def _twice(self, stop: Callable[[], None]) -> None:
        """Stops at once what is there; then what was asked before and is only being kept."""
        stop()
        async with self._keeping.lock:
            stop()

    def _stop(self, pressed: Pressed, connector: Connector) -> None:
        run = next((run for run in self._runs.active if run.id == pressed.run_id), None)
        if run is None:
            self._drop(pressed)
        elif self._may(pressed, run.question.asked.person, connector):
            run.stop()

    def _drop(self, pressed: Pressed) -> None:
        """The command `stop` reaches questions that wait, too, if another process has heard it."""
        theirs, run_id = _account(pressed), pressed.run_id
        if not self._turns.drop(
            lambda item: item.run_id == run_id and item.question.account == theirs
        ):
            log.info("intake.nothing_to_stop", run_id=str(run_id))

    def _may(self, pressed: Pressed, asker: Person, connector: Connector) -> bool:
        """Whether a person may do what they pressed; if not, they are told."""
        refusal = self._gate.not_theirs(pressed.message.place, pressed.person, asker)
        if refusal is not None and refusal.told is not None:
            said = self._notices.say(connector, pressed.message, refusal.told, pressed.person)
            self._tasks.spawn(said)
        return refusal is None

    def _deleted(self, message: MessageRef) -> None:
        self._runs.stop_at(message)
        self._turns.drop(lambda item: asks(item, message))

    async def _obey(
        self, commanded: Commanded | Configured, incoming: Incoming, connector: Connector
    ) -> None:
        if isinstance(commanded, Configured):
            await self._configuring.take(commanded, incoming, connector, self._options)
            return
        place, person = commanded.message.place, commanded.person
        match commanded.command:
            case "stop":
                await self._twice(lambda: self._stop_theirs(_account(commanded), place))
                if self._runs.call_tools:
                    await self.approvals.withdraw_for(_account(commanded), place)
                return
            case "new":
                await self._store.conversations.forget(place, self._now_us())
                told = notices.FORGOTTEN
            case "retry":
                await self._presses.retry(commanded, incoming, connector, self._gate.models)
                return
            case "tools off" | "tools on" as switch:
                told = await switches.turn(self._store.brakes, switch, _account(commanded))
        self._tasks.spawn(self._notices.say(connector, commanded.message, told, person))

    def _stop_theirs(self, account: Account, place: Place) -> None:
        self._runs.stop_for(account, place)
        self._turns.drop(lambda item: is_theirs(item, account, place))


def _account(event: Pressed | Commanded) -> Account:
    return Account.of(event.message.place, event.person)
