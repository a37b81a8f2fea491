"""The runs of this process: started, found, stopped and drained; and which link lost a token
first.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID, uuid4

import structlog
from structlog.contextvars import bound_contextvars

from bot.callbacks import Reasoning
from bot.identity import Account
from bot.pacing import Pacing
from bot.runs import outcomes
from bot.runs.making import Maker, RunOptions
from bot.runs.outcomes import Ended, Question, Result
from bot.runs.receipts import Fault
from bot.runs.record import Late
from bot.runs.run import Run
from bot.runs.services import RunServices
from bot.store import RunEnd, Store
from bot.telemetry import UNWATCHED, Watch
from bot.tools import Toolbox
from connectors.base import Connector, MessageRef, Place
from providers.base import Provider, Usage

log = structlog.get_logger(__name__)

_REGARD_S = 0.25
_WORDS_S = 3.0
"""What last words need: to end the models' streams, one edit each, and the log."""
_LEAST_WORDS_S = 1.0
_NOTHING_S = 0.001


class Runs:
    """One message in, one answer out; knows every run of this process that has not ended."""

    def __init__(
        self,
        *,
        provider: Provider,
        store: Store,
        pacing: Pacing,
        options: RunOptions,
        now_us: Callable[[], int],
        watch: Watch = UNWATCHED,
        toolbox: Toolbox | None = None,
        maker: Maker | None = None,
    ) -> None:
        self.late = Late(store)
        """The comparisons that wait for the token log."""
        self._services = RunServices(
            provider=provider,
            store=store,
            pacing=pacing,
            options=options,
            now_us=now_us,
            late=self.late,
            watch=watch,
            toolbox=toolbox,
            maker=maker,
        )
        self._active: dict[UUID, Run] = {}
        self._idle = asyncio.Event()
        self._idle.set()

    def use(
        self,
        *,
        provider: Provider,
        options: RunOptions,
        toolbox: Toolbox | None,
        maker: Maker | None,
    ) -> Callable[[], Awaitable[None]]:
        """Makes answers that begin from now on with these.

        What is returned waits until every run that began before has ended.
        """
        self._services = replace(
            self._services, provider=provider, options=options, toolbox=toolbox, maker=maker
        )
        before = self.active

        async def ended() -> None:
            for run in before:
                await run.over.wait()

        return ended

    def price(self, model: str, service: str, usage: Usage) -> int | None:
        """What tokens cost by the prices that hold now: after a reload, the new ones."""
        return self._services.options.price(model, service, usage)

    @property
    def reasoning(self) -> Reasoning:
        """What readers see of a model's reasoning."""
        return self._services.options.reasoning

    @property
    def call_tools(self) -> bool:
        """Whether answers may call tools."""
        return self._services.toolbox is not None

    @property
    def active(self) -> list[Run]:
        """The runs that have not ended, oldest first."""
        return list(self._active.values())

    async def answer(
        self,
        question: Question,
        connector: Connector,
        run_id: UUID | None = None,
    ) -> Result:
        """Answers a question; returns when the run has ended and its receipt is made.

        `run_id` is the id that was kept for it, if one was.
        """
        run_id = run_id or uuid4()
        with bound_contextvars(run_id=str(run_id)):  # the run's own tasks inherit it
            run = Run(run_id, question, connector, self._services)
            self._active[run_id] = run
            self._idle.clear()
            try:
                return await run.answer()
            finally:
                run.over.set()
                del self._active[run_id]
                if not self._active:
                    self._idle.set()

    def never_answered(self) -> RunEnd:
        """The end of a run that was begun, of which nobody saw anything, and that nobody wants."""
        return RunEnd(self._services.now_us(), outcomes.STOPPED.outcome, "", 0)

    def stop(self, run_id: UUID) -> bool:
        """Stops a run; False if it isn't running here."""
        run = self._active.get(run_id)
        if run is None:
            return False
        run.stop()
        return True

    def stop_for(self, account: Account, place: Place) -> int:
        """Stops a person's runs in a thread, or in a channel and all its threads; says how many."""
        return self._stop_where(
            lambda run: (
                run.question.account == account and within(run.question.asked.message.place, place)
            )
        )

    def stop_at(self, message: MessageRef) -> int:
        """A message was deleted: stops the runs that answer it, or of whose answer it is a part."""
        parts = {run.id for run in self.active if run.reply.state.forget(message)}
        return self._stop_where(
            lambda run: message == run.question.asked.message or run.id in parts
        )

    def stop_in(self, place: Place) -> int:
        """Stops the runs of a conversation."""
        return self._stop_where(lambda run: run.question.asked.message.place == place)

    def abandon(self, run_ids: Collection[UUID]) -> None:
        """Other processes have claimed these runs: they go on there, and end here unseen."""
        for run in self.active:
            if run.id in run_ids:
                log.error("run.lost", run_id=str(run.id))
                run.abandon()

    async def drain(self, seconds: float) -> bool:
        """Gives running answers their time, and the last of it to say that they end.

        From now on all other edits leave room in the budgets for these: so when those that last
        longer are interrupted, their last edits can all be made at once. Says whether all have
        ended within `seconds`.
        """
        until = self._now() + seconds
        words = min(_WORDS_S, seconds / 4)
        while (left := until - self._now() - words) > _NOTHING_S:
            self._expect_ends()
            if await self.idle(min(_REGARD_S, left)):
                return True
        log.warning("runs.interrupted", runs=len(self._active))
        self._stop_where(lambda _run: True, outcomes.INTERRUPTED)
        return await self.idle(max(words, _LEAST_WORDS_S))

    def _expect_ends(self) -> None:
        for budget, ends in Counter(run.ends_by for run in self._active.values()).items():
            self._services.pacing.expect(budget, ends)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    async def idle(self, timeout: float) -> bool:
        """Waits at most `timeout` seconds until every run has ended; returns whether they have."""
        try:
            await asyncio.wait_for(self._idle.wait(), timeout)
        except TimeoutError:
            return False
        return True

    def _stop_where(self, chosen: Callable[[Run], bool], ended: Ended = outcomes.STOPPED) -> int:
        runs = [run for run in self.active if chosen(run)]
        for run in runs:
            run.stop(ended)
        return len(runs)


def within(place: Place, wider: Place) -> bool:
    """Whether a place is this one, or a thread of this channel."""
    return wider in (place, replace(place, thread=""))


# Which link of the chain lost a token first.


Link = Literal["provider", "recording", "log", "delivery", "connector"]


@dataclass(frozen=True, slots=True)
class Loss:
    """A link that lost something, and what is known of it.

    `provider` is the way from the model to the callbacks, `recording` the handler before the token
    `log`, `delivery` the handler before the reply, `connector` the screen.
    """

    link: Link
    detail: str

    def __str__(self) -> str:
        return f"{self.link}: {self.detail}"


def first_loss(result: Result, said: str | None = None) -> Loss | None:
    """The first link of a run that lost something, in the order of a token's way; None: none did.

    `said` is what the model said, where that is known.
    """
    faults = {fault.link: fault for fault in result.receipt.faults}
    recorded, delivered = faults.get("recorded"), faults.get("delivered")
    if said is not None and result.text != said:
        return Loss("provider", f"{len(result.text)} characters of {len(said)} were read")
    short = result.handed_on < result.tokens
    if recorded and delivered and short:
        return Loss("provider", f"callbacks had {result.handed_on} tokens of {result.tokens}")
    if recorded:
        return _loss("recording" if short else "log", recorded)
    if delivered:
        return _loss("delivery", delivered)
    if (shown := faults.get("shown")) is not None:
        return _loss("connector", shown)
    return Loss("connector", result.receipt.unproven) if result.receipt.unproven else None


def _loss(link: Link, fault: Fault) -> Loss:
    where = "" if fault.position is None else f"from character {fault.position} on, "
    return Loss(link, where + fault.detail)
