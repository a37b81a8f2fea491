"""One run: a question, the model's answer to it, and the proof that it arrived."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any
from uuid import UUID

import structlog

from bot.callbacks import (
    SEAM,
    DeliveryHandler,
    Lane,
    Reasoning,
    RecordingHandler,
    TokenLines,
)
from bot.pacing import Pacing
from bot.reply import Begun, Ending, Mark, Reply
from bot.runs import outcomes
from bot.runs.outcomes import Ended, Outcome, Question, cure
from bot.runs.prompt import RequestOptions, gather
from bot.runs.receipts import Evidence, Receipt, compare, links, of_log, of_screen, summary
from bot.runs.record import KEEP_DEADLINE_S, Late, RunRecord
from bot.runs.usage import Price, Used, answered_tokens, asked_tokens, no_price, used
from bot.store import Recorded, Store, StoreUnavailable
from bot.telemetry import UNWATCHED, Watch
from bot.words import Sentence
from connectors.base import Budget, Connector, ConnectorError, Status
from providers.base import Generation, Provider, ProviderError, Request

log = structlog.get_logger(__name__)

CANCEL_DEADLINE_S = 2.0
HANDLER_DEADLINE_S = 2.0
SIGNAL_DEADLINE_S = 1.0
QUIET_S = 15.0
"""After so long without a token the reader is told that the model is still at it."""


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


class Run:
    """Answers one question once. `stop` ends it early; `answer` returns when all is settled."""

    def __init__(
        self,
        run_id: UUID,
        question: Question,
        connector: Connector,
        provider: Provider,
        store: Store,
        pacing: Pacing,
        options: RunOptions,
        now_us: Callable[[], int],
        late: Late,
        watch: Watch = UNWATCHED,
    ) -> None:
        """`late` compares what can't be compared at the run's end."""
        self.id = run_id
        self.question = question
        self.generation = Generation()
        self._connector = connector
        self._provider = provider
        self._store = store
        self._options = options
        self._clock = asyncio.get_running_loop().time
        self._started = self._clock()
        self._late = late
        self._log_away = False
        self._left_out: tuple[Sentence, ...] = ()
        self._request: Request | None = None
        self._stop: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        self._generated_us: int | None = None
        self._record = RunRecord(self.id, store, now_us, watch, log_text=options.log_text)
        asked = question.asked.message
        self.reply = Reply(
            self.id,
            asked,
            connector=connector,
            pacing=pacing,
            store=store,
            elapsed_us=self._elapsed_us,
            begun=Begun(at_us=now_us()),
            hearer=watch,
            asker=question.asked.person,
        )
        self._recorder = RecordingHandler(self.id, store.tokens, self._elapsed_us)
        self._recording = Lane(self._recorder, "recording")
        deliverer = DeliveryHandler(self.reply, self._elapsed_us, options.reasoning)
        self._delivery = Lane(deliverer, "delivery")
        self._lanes = [self._recording, self._delivery]
        if options.log_tokens:
            lines = TokenLines(self.id, self._elapsed_us, text=options.log_text)
            self._lanes.append(Lane(lines, "token lines"))

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
        name, price = self._provider.name, self._options.price
        return used(self._request, name, self.generation, error, price)

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
        self._record.begin(self.question, self._provider.name)
        try:
            ended = await self._generate()
            self._generated_us = self._elapsed_us()
            await self._settle(ended, self.generation.text)
            receipt = await self._compare()
        except asyncio.CancelledError:
            self._end(outcomes.INTERRUPTED, None)
            raise
        ended = self._as_delivered(ended)
        self._tell_links(receipt)
        self._end(ended, receipt)
        if self._log_away:
            self._late.owe(self.id, self._logged, self._compared, self._stamp)
        await asyncio.gather(self._stamp(receipt), self._record.kept())
        text, tokens = self.generation.text, self.generation.tokens
        handed_on = self._recorder.handed_on
        known = (ended.error, handed_on, ended.failure)
        return Result(self.id, ended.outcome, text, tokens, receipt, *known)

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
        """Shows that the bot is thinking while no token comes, and takes it back when one does."""
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
        """Whether the answer is longer than it may be, and the service does not mind."""
        most = None if self._request is None else self._request.max_tokens
        return most is not None and answered_tokens(self.generation) > most

    async def _work(self) -> None:
        question = self.question
        gathered = await gather(
            question.asked,
            question.parent if question.kind == "continue" else None,
            self._connector,
            self._store,
            self._provider,
            self._options.request,
        )
        self._left_out, self._request = gathered.left_out, gathered.request
        self._record.asked(asked_tokens(gathered.request))
        await self._provider.generate(
            gathered.request,
            run_id=self.id,
            callbacks=self._lanes,
            generation=self.generation,
        )

    async def _first_end(self, work: asyncio.Task[None]) -> Ended:
        """Whatever comes first: the model's end, a stop, a screen that is gone, the time-out."""
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
        """Closes the model's stream; one that won't close is left behind, and reported."""
        work.cancel()
        done, hung = await asyncio.wait({work}, timeout=CANCEL_DEADLINE_S)
        if done and not work.cancelled():
            work.exception()  # seen: what a stream says of its being closed changes nothing
        if hung:
            log.error("provider.hung", seconds=CANCEL_DEADLINE_S)
            # It may go on. The answer ends here, for all three witnesses alike.
            left = self.generation
            self.generation = replace(left, pieces=list(left.pieces), seams=list(left.seams))
            self._recording.close()
            self._delivery.close()

    # The end.

    async def _settle(self, ended: Ended, text: str) -> None:
        """Ends recording and delivery side by side, each within its own deadline."""
        left_out = (Sentence("answer.not_read", {"what": line}) for line in self._left_out)
        trimmed = outcomes.TRIMMED if self.generation.trimmed else None
        notes = (*left_out, trimmed, ended.note)
        note = "\n\n".join(outcomes.small(line) for line in notes if line is not None)
        seams = tuple(Mark(at, SEAM) for at in self.generation.seams)
        ending = Ending(text, note, outcomes.controls(ended.outcome, text), seams)
        ends = await asyncio.gather(
            self._recording.finish(HANDLER_DEADLINE_S),
            self._deliver(ending),
            self._signal(Status.IDLE),
            *(lane.finish(HANDLER_DEADLINE_S) for lane in self._lanes[2:]),
            return_exceptions=True,
        )
        for fault in ends:
            if isinstance(fault, BaseException):
                log.error("run.bug", exc_info=fault)

    async def _deliver(self, ending: Ending) -> None:
        await self._delivery.finish(HANDLER_DEADLINE_S)
        await self.reply.finish(ending, self._options.delivery_seconds)

    def _as_delivered(self, ended: Ended) -> Ended:
        """A screen that could not be made whole outweighs how the model ended."""
        if self.reply.state.error is None:
            return ended
        return Ended(Outcome.UNDELIVERABLE, error=self.reply.state.error)

    async def _compare(self) -> Receipt:
        return self._compared(await self._recorded())

    def _compared(self, recorded: Evidence) -> Receipt:
        return compare(
            self.generation.text,
            recorded,
            self._shown(),
            self.reply.lost_at,
            self._delivery.fault,
        )

    async def _recorded(self) -> Evidence:
        try:
            await self._store.settled(self.id, KEEP_DEADLINE_S)
            recorded = await self._store.tokens.recorded(self.id)
        except StoreUnavailable as error:
            self._log_away = True
            return Evidence(None, f"the token log is away: {error}")
        except Exception as error:
            log.exception("run.bug")
            return Evidence(None, f"{type(error).__name__} in the token log", broken=True)
        return self._logged(recorded)

    def _logged(self, recorded: Recorded) -> Evidence:
        return of_log(recorded, self.generation.tokens, self._recording.fault or "")

    def _shown(self) -> Evidence:
        state = self.reply.state
        if state.gone:
            return Evidence(None, "the reader deleted the answer")
        if state.unsure is not None:
            return Evidence(None, state.unsure)
        return of_screen(state.shown_text(), state.error or "", state.unknown)

    def _tell_links(self, receipt: Receipt) -> None:
        """One line of the log for each link of the chain: who reads it need not know the store."""
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
            self._recorder.first_token_us,
            self.reply.state.first_text_us,
            self._generated_us,
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
