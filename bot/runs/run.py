"""One run: a question, the model's answer to it, and the proof that it arrived."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any
from uuid import UUID

import structlog

from bot.callbacks import SEAM, Reasoning, RunHandlers
from bot.pacing import Pacing
from bot.reply import Begun, Ending, Mark, Reply
from bot.runs import outcomes
from bot.runs.outcomes import Ended, Outcome, Question, cure
from bot.runs.prompt import Gathered, RequestOptions, gather
from bot.runs.receipts import Evidence, Receipt, compare, links, of_log, of_screen, summary
from bot.runs.record import KEEP_DEADLINE_S, Late, RunRecord
from bot.runs.usage import Price, Used, answered_tokens, asked_tokens, no_price, used
from bot.store import Recorded, Store, StoreUnavailable
from bot.telemetry import UNWATCHED, Watch
from bot.words import Sentence
from connectors.base import Budget, Connector, ConnectorError, Status
from providers.base import Generation, Provider, ProviderError

log = structlog.get_logger(__name__)

CANCEL_DEADLINE_S = 2.0
HANDLER_DEADLINE_S = 2.0
SIGNAL_DEADLINE_S = 1.0
QUIET_S = 15.0
"""Seconds without a token after which the reader is told that the model is still working."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the operator decided about runs; times in seconds."""

    request: RequestOptions
    run_seconds: float = 600
    delivery_seconds: float = 600
    log_text: bool = False
    price: Price = no_price
    reasoning: Reasoning = "hidden"
    log_tokens: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended."""

    run_id: UUID
    outcome: Outcome
    text: str
    tokens: int
    receipt: Receipt
    error: str | None = None
    """What the operator is told of a failure."""
    handed_on: int = 0
    """Tokens that the recording handler gave to the log."""
    failure: ProviderError | None = None
    """The model's failure, where that ended it."""


@dataclass(frozen=True, slots=True)
class RunServices:
    """What all runs of a process share. `late` makes comparisons that can't be made at the end."""

    provider: Provider
    store: Store
    pacing: Pacing
    options: RunOptions
    now_us: Callable[[], int]
    late: Late
    watch: Watch = UNWATCHED


class Run:
    """Answers one question once. `stop` ends it early; `answer` returns when all is settled."""

    def __init__(
        self, run_id: UUID, question: Question, connector: Connector, services: RunServices
    ) -> None:
        self.id = run_id
        self.question = question
        self.generation = Generation()
        self._connector = connector
        self._services = services
        self._options = services.options
        self._clock = asyncio.get_running_loop().time
        self._started = self._clock()
        self._gathered: Gathered | None = None
        self._generated_us: int | None = None
        self._stop: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        self._record = RunRecord(
            run_id, services.store, services.now_us, services.watch,
            log_text=services.options.log_text,
        )  # fmt: skip
        self.reply = Reply(
            run_id,
            question.asked.message,
            connector=connector,
            pacing=services.pacing,
            store=services.store,
            elapsed_us=self._elapsed_us,
            begun=Begun(at_us=services.now_us()),
            hearer=services.watch,
            asker=question.asked.person,
        )
        self._handlers = RunHandlers(
            run_id,
            self._elapsed_us,
            tokens=services.store.tokens,
            reply=self.reply,
            reasoning=services.options.reasoning,
            lines=services.options.log_tokens,
            text=services.options.log_text,
        )

    @property
    def age_s(self) -> float:
        """Seconds since the run began."""
        return self._clock() - self._started

    @property
    def ends_by(self) -> Budget:
        """The budget that its last edit needs."""
        return self._connector.budget(self.question.asked.message.place, "edit")

    def used(self, error: str | None = None) -> Used | None:
        """What the run has used so far; once it has ended, `error` is what the operator is told."""
        request = None if self._gathered is None else self._gathered.request
        name, price = self._services.provider.name, self._options.price
        return used(request, name, self.generation, error, price)

    def stop(self, ended: Ended = outcomes.STOPPED) -> None:
        """Ends the run early; what was generated so far is kept, recorded and shown."""
        if not self._stop.done():
            self._stop.set_result(ended)

    def abandon(self) -> None:
        """Another process ends the answer: it is generated no more, and nothing more is shown."""
        self.reply.abandon()
        self.stop(outcomes.INTERRUPTED)

    async def answer(self) -> Result:
        """Generates, records, shows, compares; a failure of the model is an outcome."""
        self._record.begin(self.question, self._services.provider.name)
        try:
            ended = await self._generate()
            self._generated_us = self._elapsed_us()
            await self._settle(ended, self.generation.text)
            recorded = await self._recorded()
            receipt = self._compared(recorded)
        except asyncio.CancelledError:
            self._end(outcomes.INTERRUPTED, None)
            raise
        ended = self._as_delivered(ended)
        self._tell_links(receipt)
        self._end(ended, receipt)
        if recorded.later:
            self._services.late.owe(self.id, self._logged, self._compared, self._stamp)
        await asyncio.gather(self._stamp(receipt), self._record.kept())
        return Result(
            run_id=self.id,
            outcome=ended.outcome,
            text=self.generation.text,
            tokens=self.generation.tokens,
            receipt=receipt,
            error=ended.error,
            handed_on=self._handlers.recorder.handed_on,
            failure=ended.failure,
        )

    # The model.

    async def _generate(self) -> Ended:
        try:
            return await self._ask()
        except ProviderError as error:
            ended = outcomes.failed(error, self.generation.text)
            root = type(error.__cause__).__name__
            log.error("provider.failed", error=ended.error, cure=cure(error), cause=root)
            if error.said:
                log.debug("provider.said", words=error.said)
            return ended
        except Exception as error:
            log.exception("run.bug")
            return Ended(Outcome.FAILED, outcomes.BUG, type(error).__name__)

    async def _ask(self) -> Ended:
        """Asks the model. Raises what the model raised."""
        work = asyncio.create_task(self._work(), name=f"generate {self.id}")
        watch = asyncio.create_task(self._watch(), name=f"watch {self.id}")
        try:
            await self._signal(Status.THINKING)
            return await self._first_end(work)
        finally:
            watch.cancel()
            await self._halt(work)

    async def _watch(self) -> None:
        """Shows that the bot is thinking while no token comes, until one does."""
        tokens, since, told = 0, self._clock(), False
        while True:
            await asyncio.sleep(1.0)
            if self._over_its_cap():
                self.stop(outcomes.CAPPED)
            if self.generation.tokens != tokens:
                tokens, since = self.generation.tokens, self._clock()
                if told:
                    await self._signal(Status.WRITING)
                told = False
            elif self._clock() - since >= QUIET_S:
                since, told = self._clock(), True
                await self._signal(Status.THINKING)

    def _over_its_cap(self) -> bool:
        """Whether the answer is longer than its cap, which the service should have kept."""
        most = None if self._gathered is None else self._gathered.request.max_tokens
        return most is not None and answered_tokens(self.generation) > most

    async def _work(self) -> None:
        question = self.question
        self._gathered = await gather(
            question.asked,
            question.parent if question.kind == "continue" else None,
            self._connector,
            self._services.store,
            self._services.provider,
            self._options.request,
        )
        request = self._gathered.request
        self._record.asked(asked_tokens(request))
        await self._services.provider.generate(
            request,
            run_id=self.id,
            callbacks=self._handlers.lanes,
            generation=self.generation,
        )

    async def _first_end(self, work: asyncio.Task[None]) -> Ended:
        """The first to come: the model's end, a stop, the loss of the screen, the time-out."""
        over = asyncio.create_task(self.reply.state.over.wait())
        ends: set[asyncio.Future[Any]] = {work, over, self._stop}
        try:
            await asyncio.wait(
                ends, timeout=self._options.run_seconds, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            over.cancel()
        if work.cancelled():
            raise RuntimeError("the provider cancelled itself")
        if work.done():
            work.result()
            return outcomes.finished(self.generation)
        if self._stop.done():
            return self._stop.result()
        return outcomes.STOPPED if self.reply.state.over.is_set() else outcomes.TOO_LATE

    async def _halt(self, work: asyncio.Task[None]) -> None:
        """Closes the model's stream; one that doesn't close in time is left behind and reported."""
        work.cancel()
        done, hung = await asyncio.wait({work}, timeout=CANCEL_DEADLINE_S)
        if done and not work.cancelled():
            work.exception()  # seen: what a stream says of its being closed changes nothing
        if hung:
            log.error("provider.hung", seconds=CANCEL_DEADLINE_S)
            # It may go on. The answer ends here, for all three witnesses alike.
            left = self.generation
            self.generation = replace(left, pieces=list(left.pieces), seams=list(left.seams))
            self._handlers.recording.close()
            self._handlers.delivery.close()

    # The end.

    async def _settle(self, ended: Ended, text: str) -> None:
        """Ends recording and delivery side by side, each within its own deadline."""
        unread = () if self._gathered is None else self._gathered.left_out
        left_out = (Sentence("answer.not_read", {"what": line}) for line in unread)
        trimmed = outcomes.TRIMMED if self.generation.trimmed else None
        notes = (*left_out, trimmed, ended.note)
        note = "\n\n".join(outcomes.small(line) for line in notes if line is not None)
        seams = tuple(Mark(at, SEAM) for at in self.generation.seams)
        ending = Ending(text, note, outcomes.controls(ended.outcome, text), seams)
        ends = await asyncio.gather(
            self._handlers.recording.finish(HANDLER_DEADLINE_S),
            self._deliver(ending),
            self._signal(Status.IDLE),
            *(lane.finish(HANDLER_DEADLINE_S) for lane in self._handlers.others),
            return_exceptions=True,
        )
        for fault in ends:
            if isinstance(fault, BaseException):
                log.error("run.bug", exc_info=fault)

    async def _deliver(self, ending: Ending) -> None:
        await self._handlers.delivery.finish(HANDLER_DEADLINE_S)
        await self.reply.finish(ending, self._options.delivery_seconds)

    def _as_delivered(self, ended: Ended) -> Ended:
        """How the run ended: an answer that can't be shown outweighs how the model ended."""
        if self.reply.state.error is None:
            return ended
        return Ended(Outcome.UNDELIVERABLE, error=self.reply.state.error)

    def _compared(self, recorded: Evidence) -> Receipt:
        return compare(
            self.generation.text,
            recorded,
            self._shown(),
            delivery_lost_at=self.reply.lost_at,
            delivery_fault=self._handlers.delivery.fault,
        )

    async def _recorded(self) -> Evidence:
        try:
            await self._services.store.settled(self.id, KEEP_DEADLINE_S)
            recorded = await self._services.store.tokens.recorded(self.id)
        except StoreUnavailable as error:
            return Evidence(None, f"the token log is away: {error}", later=True)
        except Exception as error:
            log.exception("run.bug")
            return Evidence(None, f"{type(error).__name__} in the token log", broken=True)
        return self._logged(recorded)

    def _logged(self, recorded: Recorded) -> Evidence:
        return of_log(recorded, self.generation.tokens, self._handlers.recording.fault or "")

    def _shown(self) -> Evidence:
        state = self.reply.state
        if state.gone:
            return Evidence(None, "the reader deleted the answer")
        if state.unsure is not None:
            return Evidence(None, state.unsure)
        return of_screen(state.shown_text(), state.error or "", state.unknown)

    def _tell_links(self, receipt: Receipt) -> None:
        """Logs one line for each link of the chain, so that no access to the store is needed."""
        shown = None if receipt.shown is None else self.reply.state.shown_text()
        for link, witness in links(receipt, self.reply.delivered, shown):
            had = {"unproven": receipt.unproven} if witness is None else asdict(witness)
            log.info("run.link", run_id=str(self.id), link=link, **had)

    def _end(self, ended: Ended, receipt: Receipt | None) -> None:
        self._record.end(
            ended,
            receipt,
            self.generation,
            self._used(ended),
            first_token_us=self._handlers.recorder.first_token_us,
            first_text_us=self.reply.state.first_text_us,
            generated_us=self._generated_us,
        )

    def _used(self, ended: Ended) -> Used | None:
        """What the run used; a fault in counting must not cost its end."""
        try:
            return self.used(ended.error)
        except Exception:
            log.exception("usage.bug")
            return None

    async def _stamp(self, receipt: Receipt) -> None:
        if self._connector.limits.receipts:
            await self.reply.stamp(summary(receipt, self.generation.tokens))

    async def _signal(self, status: Status) -> None:
        """Shows a status; a courtesy that never holds up the run for long."""
        place = self.question.asked.message.place
        try:
            async with asyncio.timeout(SIGNAL_DEADLINE_S):
                await self._connector.signal(place, status)
        except (ConnectorError, TimeoutError) as error:
            log.warning("signal.failed", error=str(error) or type(error).__name__)
        except Exception:
            log.exception("signal.broke")

    def _elapsed_us(self) -> int:
        return int((self._clock() - self._started) * 1_000_000)
