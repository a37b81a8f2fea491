"""Whose turn it is: a question that is safe is admitted, waits where another is answered in its
conversation, and is answered in its turn.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Container, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import structlog

from bot.cluster import Cluster
from bot.identity import Account, Named
from bot.intake import notices
from bot.intake.admission import Access, Admission, Policy, SettingsBy
from bot.intake.notices import Notices, Refusal
from bot.intake.quotas import Quotas
from bot.runs import Question, Runs, within
from bot.scopes import Scopes
from bot.store import StoreUnavailable
from bot.store.inbox import State
from bot.words import Language, Languages
from connectors.base import Asked, Connector, MessageRef, Place, Status

log = structlog.get_logger(__name__)


class Tasks:
    """Runs coroutines side by side; what one of them raises is a bug and is told."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._endless: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Starts a piece of work."""
        self._start(work, self._tasks)

    def spawn_endless(self, work: Coroutine[Any, Any, None]) -> None:
        """Starts what tries again until it works: nobody waits for it, and `cancel` ends it."""
        self._start(work, self._endless)

    def cancel(self) -> None:
        """Ends what tries again and again: the next process sees to it."""
        for task in tuple(self._endless):
            task.cancel()

    async def settled(self) -> None:
        """Waits until all of it is done, also what was started meanwhile."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _start(self, work: Coroutine[Any, Any, None], among: set[asyncio.Task[None]]) -> None:
        task = asyncio.create_task(work)
        among.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._endless.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("intake.bug", exc_info=error)


@dataclass(frozen=True, slots=True)
class QueuedQuestion:
    """A question that was kept and is to be answered."""

    inbox_id: int
    question: Question
    connector: Connector
    run_id: UUID
    """The run that answers it, also if it is another process that does."""
    again: bool = False
    """Its run was begun by a process that died, and is begun again."""


def asks(item: QueuedQuestion, message: MessageRef) -> bool:
    """Whether a question was asked by a message."""
    return item.question.asked.message == message


def is_theirs(item: QueuedQuestion, account: Account, place: Place) -> bool:
    """Whether somebody asked a question in a place, or in a thread of it."""
    question = item.question
    return question.account == account and within(question.asked.message.place, place)


class Conversations:
    """The questions that wait, by conversation.

    `answer` answers one question and returns when its run has settled. `leave` lets another
    process answer there, once nothing waits here. Neither raises anything.
    """

    def __init__(
        self,
        answer: Callable[[QueuedQuestion], Awaitable[None]],
        leave: Callable[[Place], Awaitable[None]],
    ) -> None:
        self._answer = answer
        self._leave = leave
        self._waiting: dict[Place, deque[QueuedQuestion]] = {}

    def __len__(self) -> int:
        """So many questions wait for their turn."""
        return sum(len(waiting) for waiting in self._waiting.values())

    def items(self) -> list[QueuedQuestion]:
        """The questions that wait, by conversation, in order."""
        return [item for waiting in self._waiting.values() for item in waiting]

    @property
    def places(self) -> list[Place]:
        """Where questions are being answered."""
        return list(self._waiting)

    def busy(self, place: Place) -> bool:
        """Whether a question is being answered there."""
        return place in self._waiting

    def wait(self, item: QueuedQuestion) -> None:
        """Puts a question behind those of its conversation, which has to be busy."""
        self._waiting[item.question.asked.message.place].append(item)

    def open(self, item: QueuedQuestion) -> Coroutine[Any, Any, None]:
        """Makes an idle conversation busy, at once; the work is to be run by the caller."""
        place = item.question.asked.message.place
        self._waiting[place] = deque([item])
        return self._work(place)

    async def _work(self, place: Place) -> None:
        """Answers what waits in a conversation, and what comes meanwhile."""
        waiting = self._waiting[place]
        try:
            while waiting:
                # No await between taking a question and starting its run: it is always either
                # here or among the active runs, so a stop finds it.
                await self._answer(waiting.popleft())
                if not waiting:  # what comes while we leave has taken the lock again
                    await self._leave(place)
        finally:
            del self._waiting[place]

    def drop(self, unwanted: Callable[[QueuedQuestion], bool]) -> list[QueuedQuestion]:
        """Takes out the questions that are not to be answered any more, and returns them."""
        dropped: list[QueuedQuestion] = []
        for waiting in self._waiting.values():
            out = [item for item in waiting if unwanted(item)]
            dropped += out
            for item in out:
                waiting.remove(item)
        return dropped


_MARK_AGAIN_S = 2.0
"""Between two tries to say what became of a question, while the database is away."""


@dataclass(frozen=True, slots=True)
class IntakeOptions:
    """What the operator decided about questions.

    `follow_ups` says whether the bot answers, where it takes part, also those who don't name it.
    A question that is changed within `edit_seconds` while it is being answered is answered again.
    `admins` may press what otherwise only the asker may, and no limit holds for them.
    """

    policy: Policy = "queue"
    access: Access = field(default_factory=Access)
    max_question_chars: int = 20_000
    follow_ups: bool = True
    edit_seconds: float = 120.0
    admins: frozenset[Named] = frozenset()
    limits: Quotas = field(default_factory=Quotas)
    scopes: Scopes | None = None
    """What is set for places; None: nothing is."""
    tell_changes: bool = True
    """Whether a change of that is said in the channel."""
    settings_by: SettingsBy = "admins"
    languages: Languages = field(default_factory=Languages)
    blocked: Container[str] = ()
    """Holds each text that is not taken as a question."""


class Turns:
    """The questions that were kept, from their admission to their end."""

    def __init__(
        self,
        cluster: Cluster,
        runs: Runs,
        said: Notices,
        tasks: Tasks,
        options: IntakeOptions,
        gate: Admission,
    ) -> None:
        self._locks = cluster.locks
        self._store = cluster.store
        self._runs = runs
        self._notices = said
        self._tasks = tasks
        self._options = options
        self._gate = gate
        self._conversations = Conversations(self._answer, self.unlock)
        self._entering: dict[UUID, QueuedQuestion] = {}
        """Those whose turn it is, while it is found out whether they are within the limits."""
        self._deciding = asyncio.Lock()
        self._closing = False
        self._held: set[UUID] = set()

    def use(self, options: IntakeOptions) -> None:
        """Takes these options for what comes from now on; the policy has to be the same."""
        self._options = options

    def __len__(self) -> int:
        """So many questions wait for their turn."""
        return len(self._entering) + len(self._conversations)

    def waiting(self) -> list[QueuedQuestion]:
        """The questions that wait, by conversation, in order."""
        return [*self._entering.values(), *self._conversations.items()]

    @property
    def one_at_a_time(self) -> bool:
        """Whether a conversation has one answer at a time, in whichever process."""
        return self._options.policy != "parallel"

    @property
    def places(self) -> list[Place]:
        """Where this process answers one question after the other."""
        return self._conversations.places if self.one_at_a_time else []

    def hold(self, run_id: UUID) -> None:
        """Takes a question in hand, by the run that is to answer it.

        It is from before it is kept until it is durable what became of it.
        """
        self._held.add(run_id)

    def let_go(self, run_id: UUID) -> None:
        """Another process sees to it, or nobody has to any more."""
        self._held.discard(run_id)

    @property
    def held(self) -> frozenset[UUID]:
        """The questions in hand."""
        return frozenset(self._held)

    def leave(self) -> None:
        """What waits stays in the inbox."""
        self._closing = True
        self._let_go(self._taken_out(lambda _item: True))

    def _let_go(self, items: Collection[QueuedQuestion]) -> None:
        for item in items:
            self.let_go(item.run_id)
        self.left(len(items))

    def left(self, questions: int) -> None:
        """Says that questions stay in the inbox."""
        if questions:
            log.warning("intake.left_waiting", questions=questions)

    def refuse(self, item: QueuedQuestion) -> None:
        """A question is not to be answered after all, and nobody needs to be told."""
        self._tasks.spawn(self._refused(item))

    def lose(self, ids: Collection[int]) -> None:
        """Other processes answer these questions."""
        self._let_go(self._taken_out(lambda item: item.inbox_id in ids))

    def drop(self, unwanted: Callable[[QueuedQuestion], bool]) -> list[QueuedQuestion]:
        """Refuses the waiting questions that are not wanted any more, and returns them."""
        dropped = self._taken_out(unwanted)
        for item in dropped:
            self.refuse(item)
        return dropped

    def _taken_out(self, unwanted: Callable[[QueuedQuestion], bool]) -> list[QueuedQuestion]:
        entering = [item for item in self._entering.values() if unwanted(item)]
        for item in entering:
            del self._entering[item.run_id]
        return entering + self._conversations.drop(unwanted)

    def busy(self, place: Place) -> bool:
        """Whether a question that is asked there now has to wait."""
        return self.one_at_a_time and self._conversations.busy(place)

    def admit(self, item: QueuedQuestion) -> None:
        """Answers a question in its turn, or says why not."""
        self.hold(item.run_id)
        if (problem := self._problem(item.question.asked)) is None:
            self._queue(item)
        else:
            self._tasks.spawn(self._turn_away(item, problem))

    def _problem(self, asked: Asked) -> Refusal | None:
        """What speaks against answering; whoever did not name the bot is told nothing."""
        most = self._options.max_question_chars
        if (refusal := self._gate.refusal(asked.message.place, asked.person)) is not None:
            return refusal if asked.addressed else Refusal()
        if not asked.text.strip() and not asked.files:
            return Refusal(notices.EMPTY if asked.addressed else None)
        if len(asked.text) > most:
            return Refusal(notices.too_long(len(asked.text), most))
        blocked = asked.text in self._options.blocked
        return Refusal(notices.BLOCKED_WORDS) if blocked else None

    async def _turn_away(self, item: QueuedQuestion, refusal: Refusal) -> None:
        asked = item.question.asked
        if (told := refusal.told) is not None:
            await self._notices.say(item.connector, asked.message, told, asked.person, asked.text)
        await self._refused(item)

    async def _refused(self, item: QueuedQuestion) -> None:
        if item.again:  # its run was begun, and this is its end
            self._store.runs.end(item.run_id, self._runs.never_answered())
        await self._mark(item, "refused")
        await self._leave_unless_busy(item.question.asked.message.place)

    async def unlock(self, place: Place) -> None:
        """Others may answer there, if nothing waits for this process."""
        if not self.one_at_a_time:
            return
        try:
            await self._locks.leave(place, closing=self._closing)
        except StoreUnavailable as error:
            log.warning("intake.floor_kept", error=str(error))
        except Exception:  # the conversation is over all the same
            log.exception("intake.floor_kept")

    async def _leave_unless_busy(self, place: Place) -> None:
        if not self._conversations.busy(place):
            await self.unlock(place)

    def _queue(self, item: QueuedQuestion) -> None:
        place = item.question.asked.message.place
        if self._options.scopes is None and not self.one_at_a_time:
            self._tasks.spawn(self._answer(item))
        elif not self._conversations.busy(place):
            self._tasks.spawn(self._conversations.open(item))
        elif self._options.scopes is None:
            self._behind(item, self._options.policy)
        else:
            self._entering[item.run_id] = item  # so that a stop finds it
            self._tasks.spawn(self._by_policy(item))

    async def _by_policy(self, item: QueuedQuestion) -> None:
        """A question came during another's answer: what becomes of it is looked up, in order."""
        place = item.question.asked.message.place
        async with self._deciding:
            policy = await self._gate.policy(place, item.connector, self._options.policy)
            if self._entering.pop(item.run_id, None) is None:
                return
            if policy == "parallel":
                self._tasks.spawn(self._answer_beside(item))
            elif not self._conversations.busy(place):
                self._tasks.spawn(self._conversations.open(item))
            else:
                self._behind(item, policy)

    async def _answer_beside(self, item: QueuedQuestion) -> None:
        await self._answer(item)
        await self._leave_unless_busy(item.question.asked.message.place)

    def _behind(self, item: QueuedQuestion, policy: Policy) -> None:
        if policy == "replace":
            self._replace(item.question.asked.message.place)
        self._conversations.wait(item)
        self._tasks.spawn(self._say_queued(item))

    async def _say_queued(self, item: QueuedQuestion) -> None:
        """Shows that a question waits, unless it is known by now that it won't be answered."""
        asked = item.question.asked
        over = await self._gate.over(asked.message.place, asked.person, waits=True)
        if over is None:
            await self._notices.signal(item.connector, asked.message.place, Status.QUEUED)
        elif self._taken_out(lambda other: other is item):
            await self._turn_away(item, over)

    def _replace(self, place: Place) -> None:
        self._runs.stop_in(place)
        for item in self._taken_out(lambda item: item.question.asked.message.place == place):
            self._tasks.spawn(self._turn_away(item, Refusal(notices.REPLACED)))

    async def _answer(self, item: QueuedQuestion) -> None:
        try:
            if (entered := await self._entered(item)) is not None:
                await self._run(entered)
        finally:
            self._gate.left(item.run_id)

    async def _entered(self, item: QueuedQuestion) -> QueuedQuestion | None:
        """A question whose turn it is, if it is within the limits; if not, the asker is told."""
        if item.question.kind == "decided":  # it goes on with what was within the limits
            return _in_its_language(item)
        asked = item.question.asked
        languages = self._options.languages
        self._entering[item.run_id] = item  # so that a stop finds it
        try:
            over = await self._gate.enter(item.run_id, asked, item.connector)
            language = await languages.of(asked.message.place, asked.person, asked.text)
        finally:
            wanted = self._entering.pop(item.run_id, None) is not None
        if wanted and over is not None:
            await self._turn_away(item, over)
        if not wanted or over is not None:
            return None
        return replace(item, question=replace(item.question, language=language))

    async def _run(self, item: QueuedQuestion) -> None:
        try:
            result = await self._runs.answer(item.question, item.connector, item.run_id)
        except Exception:
            log.exception("run.bug")
            await self._mark(item, "done")
        else:
            await self._mark(item, "done", result.run_id)

    async def _mark(self, item: QueuedQuestion, state: State, run_id: UUID | None = None) -> None:
        try:
            await self._store.inbox.mark(item.inbox_id, state, run_id)
        except StoreUnavailable as error:
            log.error("inbox.not_marked", inbox=item.inbox_id, error=str(error))
        except Exception:  # the questions that wait behind this one have their turn all the same
            log.exception("inbox.not_marked", inbox=item.inbox_id)
        else:
            self.let_go(item.run_id)
            return
        self._tasks.spawn_endless(self._mark_later(item, state, run_id))

    async def _mark_later(self, item: QueuedQuestion, state: State, run_id: UUID | None) -> None:
        """Tries again: nobody else closes a question whose owner lives."""
        await asyncio.sleep(_MARK_AGAIN_S)
        await self._mark(item, state, run_id)
        if item.run_id not in self._held:
            await self._leave_unless_busy(item.question.asked.message.place)


def _in_its_language(item: QueuedQuestion) -> QueuedQuestion:
    """A question that goes on with an answer, in the language that this began in."""
    before = item.question.parent
    language = Language.ENGLISH if before is None else before.start.language
    return replace(item, question=replace(item.question, language=language))
