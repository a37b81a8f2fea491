"""Ends the answer of a process that died: on the platform, then in the store, with the longer of
what the log and the screen have of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import structlog

from bot.callbacks import DeliveryHandler, Reasoning
from bot.cluster.known_text import (
    as_read,
    beyond,
    firm,
    in_order,
    longer,
    recorded,
    without_notes,
)
from bot.pacing import Pacing
from bot.reply import Begun, Ending, Message, Reply
from bot.runs import Runs, Used, as_known, outcomes, standing
from bot.runs.files import FileProof, proof
from bot.runs.outcomes import Ended
from bot.runs.receipts import Receipt, Verdict, Witness, summary, worth_saying
from bot.store import (
    CallRow,
    EditRow,
    MessageRow,
    RunEnd,
    RunRow,
    RunStart,
    Store,
    StoreUnavailable,
    TokenRow,
)
from bot.telemetry import Watch
from bot.words import Sentence, small
from connectors.base import (
    Connector,
    ConnectorError,
    MessageRef,
    Place,
    RateLimited,
    Shown,
    Status,
    Unavailable,
)
from providers.base import Usage

log = structlog.get_logger(__name__)

WHY = "the process died"
_READ_DEADLINE_S = 60.0
_SHOW_DEADLINE_S = 120.0
_KEEP_DEADLINE_S = 5.0
_SIGNAL_DEADLINE_S = 1.0


@dataclass(frozen=True, slots=True)
class Left:
    """What there is of a run whose process died: in the store, and on the platform."""

    row: RunRow
    tokens: Sequence[TokenRow]
    edits: Sequence[EditRow]
    messages: tuple[Message, ...]
    acted: bool = False
    """Whether a tool was called that may have changed something."""

    @property
    def blank(self) -> bool:
        """Nobody has seen anything of it, and nothing was done that would be done again."""
        return not (self.tokens or self.messages or self.acted)

    @property
    def question(self) -> MessageRef:
        """The message that asked."""
        return MessageRef(self.row.start.place, self.row.start.question_id)


class Takeover:
    """Ends runs that this process has claimed."""

    def __init__(
        self,
        store: Store,
        pacing: Pacing,
        now_us: Callable[[], int],
        runs: Runs,
        watch: Watch,
    ) -> None:
        """`runs` says what tokens cost now, and what readers see of the reasoning."""
        self._runs = runs
        self._store = store
        self._pacing = pacing
        self._now_us = now_us
        self._watch = watch

    async def left(self, row: RunRow, connector: Connector | None) -> Left:
        """What there is of a run. Raises `Unavailable` and `StoreUnavailable`.

        Without a connector, or once its text was deleted, the platform does not count.
        """
        tokens = in_order(await self._store.tokens.read(row.run_id))
        edits = await self._store.edits.read(row.run_id)
        acted = any(map(_may_have_acted, await self._store.calls.of_run(row.run_id)))
        if connector is None or row.text_deleted_us is not None:
            return Left(row, tokens, edits, (), acted)
        known = await self._store.messages.read(row.run_id)
        messages = await self._standing(row, known, recorded(tokens), connector)
        return Left(row, tokens, edits, messages, acted)

    async def end(self, left: Left, connector: Connector | None) -> None:
        """Ends a run; without a connector, or once its text was deleted, in the store alone.

        Raises `Unavailable` where the platform does not answer, and `StoreUnavailable`: then the
        run has not ended, and all can be done again.
        """
        if connector is None or left.row.text_deleted_us is not None:
            await self._close_calls(left.row)
            self._close(left, recorded(left.tokens), None, outcomes.INTERRUPTED)
        else:
            await self._end(left, connector)
        try:
            await self._store.settled(left.row.run_id, _KEEP_DEADLINE_S)
        except StoreUnavailable as error:
            log.error("run.end_not_kept", error=str(error))

    async def _end(self, left: Left, connector: Connector) -> None:
        await self._at_rest(connector, left.question.place)
        shown = await self._read(left, connector)
        if shown is not None:
            left = replace(left, messages=as_read(left.messages, shown))
        text = self._known(left, connector, shown)
        kept = firm(left.messages, shown, text)
        ended = await self._ended(left.row)
        reply = await self._shown(left, text, connector, kept, ended)
        files = await self._files(left.row.run_id, reply)
        receipt = self._close(left, text, reply, ended, files)
        if connector.limits.receipts and worth_saying(receipt, len(left.tokens)):
            await reply.stamp(summary(receipt, len(left.tokens)))

    async def _files(self, run_id: UUID, reply: Reply) -> tuple[FileProof, ...]:
        """Sends the files that were made and not yet shown; what became of each. Raises
        `StoreUnavailable`.
        """
        store = self._store.files
        if not (rows := await store.of_run(run_id)):
            return ()
        shown = await reply.attach(rows, store, _SHOW_DEADLINE_S)
        return tuple([await proof(store, run_id, row, None) for row in shown])

    async def _ended(self, row: RunRow) -> Ended:
        """How it ended: it may have come so far that it waits for somebody to allow a call."""
        call = await self._store.waiting.of_run(row.run_id)
        if call is None:
            await self._close_calls(row)
            return outcomes.INTERRUPTED
        return outcomes.waits_still(call)

    async def _close_calls(self, row: RunRow) -> None:
        decided = row.start.parent_run_id if row.start.kind == "decided" else None
        await self._store.calls.close(row.run_id, Sentence("tool.ended"), decided)

    async def restate(self, row: RunRow, connector: Connector, ended: Ended) -> None:
        """A run that has ended says something else about its end. Raises as `end` does."""
        await self._at_rest(connector, row.start.place)
        left = await self.left(row, connector)
        shown = await self._read(left, connector)
        if not left.messages or shown is None:
            return
        left = replace(left, messages=as_read(left.messages, shown))
        # Whoever recorded it may be late: the screen, and the end with it, may have had more.
        ended_with = "" if row.end is None else row.end.generated_text
        text = max(recorded(left.tokens), ended_with, key=len)
        kept = firm(left.messages, shown, text)
        reply = await self._shown(left, text, connector, kept, ended)
        if connector.limits.receipts and row.end is not None and row.end.verdict is not None:
            receipt = Receipt(Verdict(row.end.verdict), None, None, None)
            proven = receipt.verdict in (Verdict.VERIFIED, Verdict.MENDED)
            if proven and worth_saying(receipt, row.end.tokens):
                await reply.stamp(summary(receipt, row.end.tokens))

    async def _at_rest(self, connector: Connector, place: Place) -> None:
        """Nobody is at work there any more; a platform may show that somebody is for an hour."""
        try:
            async with asyncio.timeout(_SIGNAL_DEADLINE_S):
                await connector.signal(place, Status.IDLE)
        except (ConnectorError, TimeoutError) as error:
            log.warning("signal.failed", error=str(error) or type(error).__name__)

    async def _standing(
        self, row: RunRow, known: Sequence[MessageRow], text: str, connector: Connector
    ) -> tuple[Message, ...]:
        start = row.start
        question = MessageRef(start.place, start.question_id)
        try:
            return await standing(row.run_id, question, connector, start.started_us, known, text)
        except RateLimited as error:
            raise Unavailable(str(error)) from error
        except Unavailable:
            raise
        except ConnectorError as error:  # nothing can be looked for there: what is known is all
            log.warning("recovery.not_found", error=str(error))
            return as_known(known, text)

    async def _read(self, left: Left, connector: Connector) -> Sequence[Shown] | None:
        """What the messages show now; None where one is gone, or not to be read."""
        try:
            async with asyncio.timeout(_READ_DEADLINE_S):
                return [await connector.read(message.ref) for message in left.messages]
        except (TimeoutError, RateLimited, Unavailable) as error:
            raise Unavailable(str(error) or "no answer") from error
        except ConnectorError:  # an edit will tell
            return None

    def _known(self, left: Left, connector: Connector, shown: Sequence[Shown] | None) -> str:
        """The longer of log and screen."""
        text, messages = recorded(left.tokens), left.messages
        limits = connector.limits.at(left.question.place)
        if shown is None:
            return text
        pieces = [message.piece for message in messages]
        sources = [each.source for each in shown if each.source is not None]
        if len(sources) == len(shown):  # the platform keeps the Markdown that it was sent
            sources[-1:] = [without_notes(source) for source in sources[-1:]]
            found = longer(text, sources, pieces, limits)
            if found != text:
                return found
        return beyond(text, [each.text for each in shown], pieces)

    async def _shown(
        self, left: Left, text: str, connector: Connector, kept: int, ended: Ended
    ) -> Reply:
        """Shows the end; of the messages so many stay as they are. Raises `Unavailable` where that
        took too long.
        """
        started_us = left.row.start.started_us
        reply = Reply(
            left.row.run_id,
            left.question,
            connector=connector,
            pacing=self._pacing,
            store=self._store,
            elapsed_us=lambda: self._now_us() - started_us,
            begun=Begun(
                messages=left.messages,
                calls=max((edit.n + 1 for edit in left.edits), default=0),
                at_us=started_us,
                elsewhere=True,
                firm=kept,
            ),
            hearer=self._watch,
            asker=left.row.start.person,
            language=left.row.start.language,
        )
        await self._tell(reply, left.row.start, left.tokens, text)
        note, controls = small(ended.note, reply.language), outcomes.controls(ended, text)
        ending = Ending(text, note, controls, failed=ended.outcome in outcomes.ERRORS)
        try:
            await reply.finish(ending, _SHOW_DEADLINE_S)
        except asyncio.CancelledError:
            reply.abandon()
            raise
        if reply.late:
            await self._store.settled(left.row.run_id, _KEEP_DEADLINE_S)
            raise Unavailable(reply.state.error or "not shown")
        return reply

    async def _tell(
        self, reply: Reply, start: RunStart, tokens: Sequence[TokenRow], text: str
    ) -> None:
        """Says it all again, as it was said; the screen may have had more than the log."""
        at_us = 0
        delivery = DeliveryHandler(reply, lambda: at_us, self._reasoning_of(start), reply.language)
        for token in tokens:
            at_us = token.at_us
            await delivery.on_llm_new_token(token.text, kind=token.kind)
        reply.append(text[len(recorded(tokens)) :])

    def _reasoning_of(self, start: RunStart) -> Reasoning:
        """What readers of this run see of the reasoning."""
        own = (start.made_with or {}).get("reasoning", {})
        made: Reasoning = own.get("value", self._runs.reasoning)
        return made

    def _close(
        self,
        left: Left,
        text: str,
        reply: Reply | None,
        ended: Ended,
        files: tuple[FileProof, ...] = (),
    ) -> Receipt:
        """The run has ended: from here on the store says so."""
        gone = reply is None or reply.state.gone
        receipt = Receipt(
            Verdict.UNPROVEN,
            generated=None,
            recorded=Witness.of(recorded(left.tokens)),
            shown=None if reply is None or gone else Witness.of(reply.state.shown_text()),
            unproven=WHY,
            files=files,
        )
        first = next(iter(left.tokens), None)
        used = self._used(left)
        problem = None if reply is None else reply.state.error
        end = RunEnd(
            ended_us=self._now_us(),
            outcome=ended.outcome,
            generated_text=text,
            tokens=len(left.tokens),
            input_tokens=None if used is None else used.usage.input_tokens,
            output_tokens=None if used is None else used.usage.output_tokens,
            usage_estimated=None if used is None else True,
            cost_microusd=None if used is None else used.cost_microusd,
            verdict=receipt.verdict,
            receipt=receipt.as_dict(),
            first_token_us=None if first is None else first.at_us,
            error=WHY if problem is None else f"{WHY}; {problem}",
        )
        self._store.runs.end(left.row.run_id, end)
        self._watch.ended(left.row.start, end, None)
        log.warning("run.recovered", tokens=len(left.tokens), chars=len(text), error=end.error)
        return receipt

    def _used(self, left: Left) -> Used | None:
        """An estimate: what the model was given, as it was noted, and the tokens in the log."""
        if left.row.asked_tokens is None:
            return None
        usage = Usage(left.row.asked_tokens, len(left.tokens), estimated=True)
        return Used(usage, self._runs.price(left.row.start.model, "", usage))


def _may_have_acted(call: CallRow) -> bool:
    """Whether a call of a run's own was sent that does not only read."""
    reads = call.reason is not None and call.reason.id == "tool.reads"
    return call.sender == call.key.run_id and call.state in ("answered", "uncertain") and not reads
