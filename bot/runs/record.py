"""What is kept of a run, and told to the operator: its beginning and its end; a run that ended
while the token log was away is compared once it is back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, replace
from typing import Any
from uuid import UUID

import structlog

from bot.runs.outcomes import Ended, Question
from bot.runs.receipts import Evidence, Receipt, Verdict, links
from bot.runs.usage import Used
from bot.store import Recorded, RunEnd, RunStart, Store, StoreUnavailable
from bot.telemetry import Watch
from providers.base import Generation

log = structlog.get_logger(__name__)

KEEP_DEADLINE_S = 5.0


class RunRecord:
    """One run's row, and its first and last line in the bot's own log."""

    def __init__(
        self,
        run_id: UUID,
        store: Store,
        now_us: Callable[[], int],
        watch: Watch,
        *,
        log_text: bool,
    ) -> None:
        self._run_id = run_id
        self._store = store
        self._watch = watch
        self._now_us = now_us
        self._log_text = log_text
        self._started_us = now_us()
        self._start: RunStart | None = None

    def begin(
        self, question: Question, model: str, made_with: Mapping[str, Any] | None = None
    ) -> None:
        """The run begins; never waits. `made_with`: see `RunStart`."""
        asked = question.asked
        start = question.start(self._run_id, model, self._started_us)
        self._start = replace(start, made_with=made_with)
        self._store.runs.begin(self._start)
        self._watch.began(self._start)
        text = {"question": asked.text} if self._log_text else {}
        log.info("run.started", model=model, kind=question.kind, message=asked.message.id, **text)

    def end(
        self,
        ended: Ended,
        receipt: Receipt | None,
        generation: Generation,
        used: Used | None,
        *,
        first_token_us: int | None,
        first_text_us: int | None,
        generated_us: int | None,
    ) -> None:
        """The run has ended; never waits. There is no receipt where nobody could compare."""
        ended_us, usage = self._now_us(), None if used is None else used.usage
        end = RunEnd(
            ended_us=ended_us,
            outcome=ended.outcome,
            verdict=None if receipt is None else receipt.verdict,
            finish_reason=generation.finish_reason,
            finish_word=generation.finish_word or None,
            error=ended.error,
            generated_text=generation.text,
            tokens=generation.tokens,
            input_tokens=None if usage is None else usage.input_tokens,
            output_tokens=None if usage is None else usage.output_tokens,
            cached_input_tokens=None if usage is None else usage.cached_input_tokens,
            usage_estimated=None if usage is None else usage.estimated,
            cost_microusd=None if used is None else used.cost_microusd,
            attempts=[asdict(attempt) for attempt in generation.attempts] or None,
            first_token_us=first_token_us,
            first_text_us=first_text_us,
            receipt=None if receipt is None else receipt.as_dict(),
        )
        self._store.runs.end(self._run_id, end)
        if self._start is not None:
            self._watch.ended(self._start, end, generated_us)
        self._tell(ended, receipt, generation, ended_us - self._started_us)

    async def recorded(self, found: Callable[[Recorded], Evidence]) -> Evidence:
        """What the token log says, once it is durable; `found` judges it."""
        try:
            await self._store.settled(self._run_id, KEEP_DEADLINE_S)
            return found(await self._store.tokens.recorded(self._run_id))
        except StoreUnavailable as error:
            return Evidence(None, f"the token log is away: {error}", later=True)
        except Exception as error:
            log.exception("run.bug")
            return Evidence(None, f"{type(error).__name__} in the token log", broken=True)

    def links(self, receipt: Receipt, delivered: str, shown: str | None) -> None:
        """Logs one line for each link of the chain, so that no access to the store is needed."""
        for link, witness in links(receipt, delivered, shown):
            had = {"unproven": receipt.unproven} if witness is None else asdict(witness)
            log.info("run.link", run_id=str(self._run_id), link=link, **had)

    async def kept(self) -> None:
        """Returns once the end is durable: the conversation's next question finds the answer."""
        try:
            await self._store.settled(self._run_id, KEEP_DEADLINE_S)
        except StoreUnavailable as error:
            log.error("run.end_not_kept", error=str(error))

    def _tell(
        self, ended: Ended, receipt: Receipt | None, generation: Generation, duration_us: int
    ) -> None:
        whole = receipt is not None and receipt.verdict is Verdict.VERIFIED
        text = {"answer": generation.text} if self._log_text else {}
        why = {"unproven": receipt.unproven} if receipt is not None and receipt.unproven else {}
        (log.info if whole and ended.error is None else log.error)(
            "run.ended",
            outcome=ended.outcome.value,
            verdict=None if receipt is None else receipt.verdict.value,
            faults=[] if receipt is None else [str(fault) for fault in receipt.faults],
            error=ended.error,
            tokens=generation.tokens,
            chars=len(generation.text),
            duration_us=duration_us,
            **why,
            **text,
        )


# Runs that ended while the token log was away are compared once it is back.


_LONG_S = 3600.0
_PAUSE_S = 1.0


class Late:
    """The comparisons that are owed. What is not made when the process ends stays `unproven`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tasks: set[asyncio.Task[None]] = set()

    def owe(
        self,
        run_id: UUID,
        found: Callable[[Recorded], Evidence],
        compare: Callable[[Evidence], Receipt],
        tell: Callable[[Receipt], Awaitable[None]],
    ) -> None:
        """Compares later, stores what was found, flagged as late, and tells the reader."""
        task = asyncio.create_task(self._prove(run_id, found, compare, tell), name="late")
        self._tasks.add(task)
        task.add_done_callback(self._done)

    async def settled(self, timeout: float) -> bool:
        """Waits until nothing is owed, for at most `timeout` seconds; says whether that is so."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout)
        return not self._tasks

    def cancel(self) -> None:
        """The process ends."""
        for task in self._tasks:
            task.cancel()

    async def _prove(
        self,
        run_id: UUID,
        found: Callable[[Recorded], Evidence],
        compare: Callable[[Evidence], Receipt],
        tell: Callable[[Receipt], Awaitable[None]],
    ) -> None:
        receipt = replace(compare(found(await self._recorded(run_id))), late=True)
        self._store.runs.prove(run_id, receipt.verdict, receipt.as_dict())
        log.info("run.compared_late", run_id=str(run_id), verdict=receipt.verdict.value)
        await tell(receipt)

    async def _recorded(self, run_id: UUID) -> Recorded:
        while True:
            try:
                await self._store.settled(run_id, _LONG_S)
                return await self._store.tokens.recorded(run_id)
            except StoreUnavailable as error:
                log.debug("run.still_unproven", run_id=str(run_id), error=str(error))
            await asyncio.sleep(_PAUSE_S)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("run.bug", exc_info=error)
