"""Ends the answer of a process that died: on the platform, then in the store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from bot.pacing import Pacing
from bot.receipts import Receipt, Verdict, Witness, summary
from bot.recovery.text import beyond, in_order, longer, recorded
from bot.reply import Begun, Ending, Message, Reasoning, Reply, Telling
from bot.runs import Price, Used, as_known, outcomes, standing
from bot.store import EditRow, MessageRow, RunEnd, RunRow, Store, StoreUnavailable, TokenRow
from bot.telemetry import Watch
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

    @property
    def blank(self) -> bool:
        """Nobody has seen anything of it."""
        return not self.tokens and not self.messages

    @property
    def question(self) -> MessageRef:
        """The message that asked."""
        return MessageRef(self.row.start.place, self.row.start.question_id)


def _firm(messages: Sequence[Message], shown: Sequence[Shown] | None, text: str) -> int:
    """So many messages show just what was noted of them, one after the other, up to the last.

    Laid out again they might be others: the platform may have refused what was longer.
    """
    if shown is None or any(not message.piece.body for message in messages):
        return 0
    firm, at = 0, 0
    for message, now in zip(messages[:-1], shown, strict=False):
        piece = message.piece
        own = piece.lead + piece.body + piece.trail
        if now.unknown or now.text != message.shown or not text.startswith(own, at):
            break
        firm, at = firm + 1, at + len(own)
    return firm


class Endings:
    """Ends runs that this process has claimed."""

    def __init__(
        self,
        store: Store,
        pacing: Pacing,
        now_us: Callable[[], int],
        price: Price,
        watch: Watch,
        reasoning: Reasoning = "hidden",
    ) -> None:
        self._reasoning = reasoning
        self._store = store
        self._pacing = pacing
        self._now_us = now_us
        self._price = price
        self._watch = watch

    async def left(self, row: RunRow, connector: Connector | None) -> Left:
        """What there is of a run. Raises `Unavailable` and `StoreUnavailable`.

        Without a connector, or once its text was deleted, the platform does not count.
        """
        tokens = in_order(await self._store.tokens.read(row.run_id))
        edits = await self._store.edits.read(row.run_id)
        if connector is None or row.text_deleted_us is not None:
            return Left(row, tokens, edits, ())
        known = await self._store.messages.read(row.run_id)
        messages = await self._standing(row, known, recorded(tokens), connector)
        return Left(row, tokens, edits, messages)

    async def end(self, left: Left, connector: Connector | None) -> None:
        """Ends a run; without a connector, or once its text was deleted, in the store alone.

        Raises `Unavailable` where the platform does not answer, and `StoreUnavailable`: then the
        run has not ended, and all can be done again.
        """
        if connector is None or left.row.text_deleted_us is not None:
            self._close(left, recorded(left.tokens), None)
        else:
            await self._end(left, connector)
        try:
            await self._store.settled(left.row.run_id, _KEEP_DEADLINE_S)
        except StoreUnavailable as error:
            log.error("run.end_not_kept", error=str(error))

    async def _end(self, left: Left, connector: Connector) -> None:
        await self._at_rest(connector, left.question.place)
        shown = await self._read(left, connector)
        text = self._known(left, connector, shown)
        reply = await self._shown(left, text, connector, _firm(left.messages, shown, text))
        receipt = self._close(left, text, reply)
        if connector.limits.receipts:
            await reply.stamp(summary(receipt, len(left.tokens)))

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
            found = longer(text, sources, pieces, limits)
            if found != text:
                return found
        return beyond(text, [each.text for each in shown], pieces)

    async def _shown(self, left: Left, text: str, connector: Connector, firm: int) -> Reply:
        """Shows the end; of the messages so many stay as they are. Raises `Unavailable` where that
        took too long.
        """
        started_us = left.row.start.started_us
        reply = Reply(
            left.row.run_id,
            left.question,
            connector,
            self._pacing,
            self._store,
            lambda: self._now_us() - started_us,
            Begun(
                left.messages,
                max((edit.n + 1 for edit in left.edits), default=0),
                started_us,
                elsewhere=True,
                firm=firm,
            ),
            self._watch,
            left.row.start.person,
        )
        ended = outcomes.INTERRUPTED
        self._tell(reply, left.tokens, text)
        ending = Ending(text, outcomes.small(ended.note), outcomes.controls(ended.outcome, text))
        try:
            await reply.finish(ending, _SHOW_DEADLINE_S)
        except asyncio.CancelledError:
            reply.abandon()
            raise
        if reply.late:
            await self._store.settled(left.row.run_id, _KEEP_DEADLINE_S)
            raise Unavailable(reply.error or "not shown")
        return reply

    def _tell(self, reply: Reply, tokens: Sequence[TokenRow], text: str) -> None:
        """Says it all again, as it was said; the screen may have had more than the log."""
        telling = Telling(reply, self._reasoning)
        for token in tokens:
            telling.take(token.text, token.kind, partial(int, token.at_us))
        reply.append(text[len(recorded(tokens)) :])

    def _close(self, left: Left, text: str, reply: Reply | None) -> Receipt:
        """The run has ended: from here on the store says so."""
        gone = reply is None or reply.gone
        receipt = Receipt(
            Verdict.UNPROVEN,
            generated=None,
            recorded=Witness.of(recorded(left.tokens)),
            shown=None if reply is None or gone else Witness.of(reply.shown_text()),
            unproven=WHY,
        )
        first = next(iter(left.tokens), None)
        used = self._used(left)
        end = RunEnd(
            ended_us=self._now_us(),
            outcome=outcomes.INTERRUPTED.outcome,
            generated_text=text,
            tokens=len(left.tokens),
            input_tokens=None if used is None else used.usage.input_tokens,
            output_tokens=None if used is None else used.usage.output_tokens,
            usage_estimated=None if used is None else True,
            cost_microusd=None if used is None else used.cost_microusd,
            verdict=receipt.verdict,
            receipt=receipt.as_dict(),
            first_token_us=None if first is None else first.at_us,
            error=WHY if reply is None or reply.error is None else f"{WHY}; {reply.error}",
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
        return Used(usage, self._price(left.row.start.model, "", usage))
