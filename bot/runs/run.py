"""One run: a question, the model's answer to it, and the proof that it arrived."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import structlog

from bot.callbacks import SEAM, RunHandlers
from bot.reply import Begun, Ending, Mark, Reply
from bot.runs import outcomes
from bot.runs.files import RunFiles
from bot.runs.hearing import hear, is_spoken, tell_heard
from bot.runs.making import Making
from bot.runs.outcomes import Ended, Outcome, Question, Result, cure
from bot.runs.prompt import Gathered, gather
from bot.runs.receipts import Evidence, Receipt, compare, of_log, of_screen, summary, worth_saying
from bot.runs.record import KEEP_DEADLINE_S, RunRecord
from bot.runs.resumed import close_calls, gather_again
from bot.runs.services import RunServices
from bot.runs.usage import Used, answered_tokens, asked_tokens, used
from bot.store import Recorded
from bot.tools import CallTally, LoopNotKept, SavedLoop, Toolbox, ToolLoop
from bot.words import Sentence, render, small
from connectors.base import Asked, Budget, Connector, ConnectorError, Status
from providers.base import Generation, ProviderError, Request, takes_tools

log = structlog.get_logger(__name__)

CANCEL_DEADLINE_S = 2.0
HANDLER_DEADLINE_S = 2.0
SIGNAL_DEADLINE_S = 1.0
QUIET_S = 15.0
"""Seconds without a token after which the reader is told that the model is still working."""


class Run:
    """Answers one question once. `stop` ends it early; `answer` returns when all is settled."""

    def __init__(
        self, run_id: UUID, question: Question, connector: Connector, services: RunServices
    ) -> None:
        self.id = run_id
        self.question = question
        self.generation = Generation()
        self.over = asyncio.Event()
        """Set once nothing of it goes on."""
        self._connector = connector
        self._services = services
        self._making = Making(services.provider, services.options, services.toolbox)
        self._clock = asyncio.get_running_loop().time
        self._started = self._clock()
        self._gathered: Gathered | None = None
        self._generated_us: int | None = None
        self._notes: tuple[str, ...] = ()
        self._unheard: tuple[Sentence, ...] = ()
        self._loop: ToolLoop | None = None
        self._tally: CallTally | None = None
        self._files: RunFiles | None = None
        self._stop: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        told = services.store, services.now_us, services.watch
        self._record = RunRecord(run_id, *told, log_text=services.options.log_text)
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
            language=question.language,
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
        name, price = self._making.provider.name, self._making.options.price
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
        await self._make()
        try:
            self._record.begin(self.question, self._making.provider.name, self._making.record)
            ended = await self._generate()
            most = self._making.options.files.block_messages * self._connector.limits.length
            if 0 < most < len(self.generation.text):
                await self._note_all(self._run_files().blocks(self.generation.text, most))
            self._generated_us = self._elapsed_us()
            await self._settle(ended, self.generation.text)
            if self._files is not None:
                within = self._making.options.delivery_seconds
                self._notes += await self._files.send(self.reply, within)
            recorded = await self._record.recorded(self._logged)
            self._tally = None if self._loop is None else await self._loop.tallied()
            receipt = self._compared(recorded)
        except asyncio.CancelledError:
            self._end(outcomes.INTERRUPTED, None)
            raise
        ended = self._as_delivered(ended)
        shown = None if receipt.shown is None else self.reply.state.shown_text()
        self._record.links(receipt, self.reply.delivered, shown)
        self._end(ended, receipt)
        if recorded.later:
            self._services.late.owe(self.id, self._logged, self._compared, self._stamp)
        last = [self._stamp(receipt), self._record.kept()]
        if (self._loop or self.question.kind == "decided") and ended.outcome is not Outcome.WAITING:
            last.append(close_calls(self._services.store.calls, self.id, self.question))
        await asyncio.gather(*last)
        return Result(
            run_id=self.id,
            outcome=ended.outcome,
            text=self.generation.text,
            tokens=self.generation.tokens,
            receipt=receipt,
            error=ended.error,
            handed_on=self._handlers.recorder.handed_on,
            failure=ended.failure,
            notes=self._notes,
        )

    async def _make(self) -> None:
        """Finds what holds in this place: it is what the whole run is made with."""
        if (maker := self._services.maker) is not None:
            asked, model = self.question.asked, self.question.model
            try:
                self._making = await maker.making(self._making, asked, self._connector, model)
            except Exception:  # answered by the default is better than not at all
                log.exception("scope.bug")
            self._making = maker.masked(self._making, self.id, self.question)
        options = self._making.options
        self._handlers = RunHandlers(
            self.id,
            self._elapsed_us,
            tokens=self._services.store.tokens,
            reply=self.reply,
            reasoning=options.reasoning,
            lines=options.log_tokens,
            text=options.log_text,
            language=self.question.language,
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
        """Asks the model, unless it was stopped already. Raises what the model raised."""
        if self._stop.done():
            return self._stop.result()
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

    async def _work(self) -> Ended | None:
        """Asks until the model has answered; returns what else ended that, if anything did."""
        if self.question.kind == "decided":
            return await self._resume()
        question, toolbox = self.question, self._making.toolbox
        asked = question.asked
        if asked.files and is_spoken(asked.files):
            asked = await self._heard(asked)
        if toolbox is not None and takes_tools(self._making.provider):
            self._loop = self._with_tools(toolbox)
        self._gathered = await gather(
            asked,
            question.parent if question.kind == "continue" else None,
            self._connector,
            self._services.store,
            self._making.provider,
            self._making.options.request,
            tools=() if self._loop is None else await self._loop.offers(),
        )
        request = self._gathered.request
        self._services.store.runs.asked(self.id, asked_tokens(request))
        if self._loop is None:
            await self._ask_once(request)
            return None
        await self._loop.answer(request)
        return None if self._loop.waits is None else outcomes.waits(self._loop.waits)

    async def _heard(self, asked: Asked) -> Asked:
        """The question with what is said in its recordings, which is recorded and shown first."""
        options = self._making.options.request
        limits = options.files.limits
        heard = await hear(asked, self._connector, options.transcriber, limits)
        self._unheard = heard.left_out
        if heard.words:
            self._services.store.runs.heard(self.id, heard.asked.text, heard.asked.files)
            await self._note(heard.note)
            await tell_heard(heard.asked, self._connector)
        return heard.asked

    async def _resume(self) -> Ended | None:
        """Goes on with a loop that another run kept, now that its call was decided about."""
        toolbox, parent = self._making.toolbox, self.question.parent
        row = None if parent is None else await self._services.store.waiting.of_run(parent.run_id)
        if toolbox is None or row is None:
            return outcomes.NOT_KEPT
        try:
            saved = SavedLoop.from_json(row.loop)
        except LoopNotKept as error:
            return replace(outcomes.NOT_KEPT, error=str(error))
        making, self._loop = self._making, self._with_tools(toolbox)
        tools = await self._loop.offers()
        self._gathered = gather_again(saved, making.provider, making.options.request, tools)
        request = self._gathered.request
        self._services.store.runs.asked(self.id, asked_tokens(request))
        await self._loop.resume(replace(saved, request=request), row.key)
        return None if self._loop.waits is None else outcomes.waits(self._loop.waits)

    async def _ask_once(self, request: Request) -> None:
        await self._making.provider.generate(
            request,
            run_id=self.id,
            callbacks=self._handlers.lanes,
            generation=self.generation,
        )
        if self.generation.files:
            await self._note_all(self._run_files().take(self.generation.files))

    def _with_tools(self, toolbox: Toolbox) -> ToolLoop:
        mine = toolbox, self.id, self.generation
        return ToolLoop(
            *mine,
            where=self.question.asked.message.place,
            asker=self.question.account,
            ask=self._ask_once,
            note=self._note,
            durable=lambda: self._services.store.settled(self.id, KEEP_DEADLINE_S),
            keep=lambda files: self._run_files().keep(files),
        )

    def _run_files(self) -> RunFiles:
        """Where the answer's files are kept, from the first one on."""
        if self._files is None:
            store, limits = self._services.store.files, self._making.options.files
            self._files = RunFiles(self.id, store, limits)
        return self._files

    async def _note_all(self, lines: Awaitable[Sequence[Sentence]]) -> None:
        for line in await lines:
            await self._note(line)

    async def _note(self, line: Sentence) -> None:
        """Puts a line of ours where the answer has got to, for all witnesses alike."""
        text = small(line, self.question.language)
        self.generation.add(text, "note")
        for lane in self._handlers.lanes:
            await lane.on_llm_new_token(text, run_id=self.id, kind="note")

    async def _first_end(self, work: asyncio.Task[Ended | None]) -> Ended:
        """The first to come: the model's end, a stop, the loss of the screen, the time-out."""
        over = asyncio.create_task(self.reply.state.over.wait())
        ends: set[asyncio.Future[Any]] = {work, over, self._stop}
        try:
            await asyncio.wait(
                ends, timeout=self._making.options.run_seconds, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            over.cancel()
        if work.cancelled():
            raise RuntimeError("the provider cancelled itself")
        if work.done():
            return work.result() or outcomes.finished(self.generation)
        if self._stop.done():
            return self._stop.result()
        return outcomes.STOPPED if self.reply.state.over.is_set() else outcomes.TOO_LATE

    async def _halt(self, work: asyncio.Task[Ended | None]) -> None:
        """Closes the model's stream; one that doesn't close in time is left behind and reported."""
        work.cancel()
        done, hung = await asyncio.wait({work}, timeout=CANCEL_DEADLINE_S)
        if done and not work.cancelled():
            work.exception()  # seen: what a stream says of its being closed changes nothing
        if hung:
            log.error("provider.hung", seconds=CANCEL_DEADLINE_S)
            # It may go on. The answer ends here, for all three witnesses alike.
            left = self.generation
            self.generation = replace(
                left, pieces=list(left.pieces), seams=list(left.seams), notes=list(left.notes)
            )
            self._handlers.recording.close()
            self._handlers.delivery.close()

    # The end.

    async def _settle(self, ended: Ended, text: str) -> None:
        """Ends recording and delivery side by side, each within its own deadline."""
        unread = self._unheard + (() if self._gathered is None else self._gathered.left_out)
        left_out = (Sentence("answer.not_read", {"what": line}) for line in unread)
        trimmed = outcomes.TRIMMED if self.generation.trimmed else None
        below = [line for at, line in self.generation.notes if not text[at:].strip()]
        notes, language = (*left_out, trimmed, ended.note), self.question.language
        self._notes = tuple(render(line, language) for line in notes if line is not None)
        shown = notes if self._connector.limits.notes else ()
        said = [small(line, language) for line in shown if line is not None]
        note = "\n\n".join([*below, *said])
        controls, failed = outcomes.controls(ended, text), ended.outcome in outcomes.ERRORS
        ending = Ending(text, note, controls, self._marks(), failed)
        ends = await asyncio.gather(
            self._handlers.recording.finish(HANDLER_DEADLINE_S),
            self._deliver(ending),
            self._signal(Status.WAITING if ended.outcome is Outcome.WAITING else Status.IDLE),
            *(lane.finish(HANDLER_DEADLINE_S) for lane in self._handlers.others),
            return_exceptions=True,
        )
        for fault in ends:
            if isinstance(fault, BaseException):
                log.error("run.bug", exc_info=fault)

    def _marks(self) -> tuple[Mark, ...]:
        """The lines of ours within the answer, in order. What begins it stays as it is."""
        seams = [Mark(at, small(SEAM, self.question.language)) for at in self.generation.seams]
        text = self.generation.text
        notes = [Mark(at, line) for at, line in self.generation.notes if at and text[at:].strip()]
        return tuple(sorted((*seams, *notes), key=lambda mark: mark.at))

    async def _deliver(self, ending: Ending) -> None:
        await self._handlers.delivery.finish(HANDLER_DEADLINE_S)
        await self.reply.finish(ending, self._making.options.delivery_seconds)

    def _as_delivered(self, ended: Ended) -> Ended:
        """How the run ended: an answer that can't be shown outweighs how the model ended."""
        if self.reply.state.error is None:
            gone = ended.outcome is Outcome.WAITING and self.reply.state.gone
            return outcomes.STOPPED if gone else ended
        return Ended(Outcome.UNDELIVERABLE, error=self.reply.state.error)

    def _compared(self, recorded: Evidence) -> Receipt:
        witnesses = self.generation.text, recorded, self._shown()
        return compare(
            *witnesses,
            delivery_lost_at=self.reply.lost_at,
            delivery_fault=self._handlers.delivery.fault,
            calls=self._tally,
            files=() if self._files is None else self._files.proofs,
            masks=None if self._making.masks is None else self._making.masks.tally(),
        )

    def _logged(self, recorded: Recorded) -> Evidence:
        return of_log(recorded, self.generation.tokens, self._handlers.recording.fault or "")

    def _shown(self) -> Evidence:
        state = self.reply.state
        if state.gone:
            return Evidence(None, "the reader deleted the answer")
        if state.unsure is not None:
            return Evidence(None, state.unsure)
        return of_screen(state.shown_text(), state.error or "", state.unknown)

    def _end(self, ended: Ended, receipt: Receipt | None) -> None:
        spent = None
        try:
            spent = self.used(ended.error)
        except Exception:  # a fault in counting must not cost the run its end
            log.exception("usage.bug")
        self._record.end(
            ended,
            receipt,
            self.generation,
            spent,
            first_token_us=self._handlers.recorder.first_token_us,
            first_text_us=self.reply.state.first_text_us,
            generated_us=self._generated_us,
        )

    async def _stamp(self, receipt: Receipt) -> None:
        if self._connector.limits.receipts and worth_saying(receipt, self.generation.tokens):
            await self.reply.stamp(summary(receipt, self.generation.tokens))

    async def _signal(self, status: Status) -> None:
        """Shows a status; a courtesy that never holds up the run for long."""
        try:
            async with asyncio.timeout(SIGNAL_DEADLINE_S):
                await self._connector.signal(self.question.asked.message.place, status)
        except (ConnectorError, TimeoutError) as error:
            log.warning("signal.failed", error=str(error) or type(error).__name__)
        except Exception:
            log.exception("signal.broke")

    def _elapsed_us(self) -> int:
        return int((self._clock() - self._started) * 1_000_000)
