"""Ends the answer of a process that died: on the platform, then in the store, with the longer of
what the log and the screen have of it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, product, takewhile

import structlog

from bot.callbacks import DeliveryHandler, Reasoning
from bot.pacing import Pacing
from bot.render import Piece, close_unfinished, layout, undecorated
from bot.reply import Begun, Ending, Message, Reply
from bot.runs import Price, Used, as_known, outcomes, standing
from bot.runs.receipts import Receipt, Verdict, Witness, summary
from bot.store import EditRow, MessageRow, RunEnd, RunRow, Store, StoreUnavailable, TokenRow
from bot.telemetry import Watch
from bot.words import is_one_of
from connectors.base import (
    Connector,
    ConnectorError,
    Limits,
    MessageRef,
    Place,
    RateLimited,
    Shown,
    Status,
    Unavailable,
)
from connectors.markdown import form
from providers.base import ANSWER_KINDS, Usage

_MOST_CLOSING = 100
"""A text on the screen ends in at most so many characters that only close it for the moment."""
_CLOSED = re.compile(r"\n[ >]*(?:`{3,}|~{3,})$")
_OPENED = re.compile(r"[ >]*(?:`{3,}|~{3,}).*\n")
_MARK = re.compile(r"[\\`*_~#|<>$]")
_NOTES = ("ended.", "failed.", "answer.", "shown.")
_GAPS = ("", "\n\n", "\n", " ")
"""What may have stood between two messages of which the log knows nothing."""


def in_order(tokens: Sequence[TokenRow]) -> list[TokenRow]:
    """The tokens up to the first gap."""
    return [token for n, token in takewhile(lambda each: each[0] == each[1].seq, enumerate(tokens))]


def recorded(tokens: Sequence[TokenRow]) -> str:
    """The answer in these tokens."""
    return "".join(token.text for token in tokens if token.kind in ANSWER_KINDS)


def longer(log: str, shown: Sequence[str], pieces: Sequence[Piece], limits: Limits) -> str:
    """The log's text, or the screen's where that goes on from it.

    `shown` is the Markdown that the messages were made of, `pieces` how they were laid out last.
    The screen counts only if it is exactly what showing that text gives: of the texts that could be
    behind it the shortest, for what the others have more may be marks that only close it for the
    moment.
    """
    if not shown:
        return log
    bare = [*pieces[:-1], *(replace(piece, tail="", trail="") for piece in pieces[-1:])]
    for laid_out, gap in product((_with_fences(bare, shown), bare), _GAPS):
        seen = _joined(log, shown, laid_out, gap)
        least = max(len(log), len(seen) - _MOST_CLOSING)
        for end in range(least, len(seen) + 1) if seen.startswith(log) else ():
            if _shows(seen[:end], shown, limits):
                return seen[:end]
    text = _overlapping(shown)
    return text if text.startswith(log) and _shows(text, shown, limits, overlap=True) else log


def beyond(log: str, seen: Sequence[str], pieces: Sequence[Piece]) -> str:
    """The log's text, and literally what else can be seen where the screen goes on from it.

    `seen` is what the messages' clients draw, in the normal form. What was shown is never taken
    away: of what nobody recorded only the marks are lost.
    """
    bodies = [_without_head(text, piece) for text, piece in zip(seen, pieces, strict=True)]
    bodies[-1:] = [_without_notes(text) for text in bodies[-1:]]
    shown = "\n".join(filter(None, bodies))
    for begun in (log, close_unfinished(log)):
        if (at := _after(shown, "".join(form(begun).split()))) is not None:
            return _with_rest(log, begun, shown[at:].rstrip())
    return log


def _with_rest(log: str, begun: str, rest: str) -> str:
    words = rest.lstrip()
    if not words.strip("…"):  # that stands for what was hidden while the answer grew
        return log
    gap, had = rest[: len(rest) - len(words)], begun[len(begun.rstrip()) :]
    if not begun:
        gap = ""
    elif had:  # code is drawn with each of its spaces
        gap = gap[len(had) :] if gap.startswith(had) else ""
    else:
        gap = gap.replace("\n", "\n\n")
    return begun + gap + _MARK.sub(_escaped, words)


def _after(shown: str, known: str) -> int | None:
    """Where a text goes on behind what is known of it, white space apart; None where it differs."""
    at = 0
    for character in known:
        while at < len(shown) and shown[at].isspace():
            at += 1
        if at == len(shown) or shown[at] != character:
            return None
        at += 1
    return at


def _without_head(text: str, piece: Piece) -> str:
    """A message without what its part repeats of the one before."""
    return text.removeprefix(form(piece.head)) if piece.head else text


def _without_notes(text: str) -> str:
    """A message without the sentences of ours that say how its answer ended."""
    lines = text.split("\n")
    while lines and (not lines[-1].strip() or is_one_of(lines[-1], *_NOTES)):
        lines.pop()
    return "\n".join(lines)


def _escaped(mark: re.Match[str]) -> str:
    return f"\\{mark[0]}"


def _with_fences(pieces: Sequence[Piece], shown: Sequence[str]) -> list[Piece]:
    """The same, if wherever a fence seems to be carried into the next message it was."""
    found = list(pieces)
    for n, (each, following) in enumerate(pairwise(shown)):
        closed, opened = _CLOSED.search(each), _OPENED.match(following)
        if closed and opened and not (found[n].tail or found[n + 1].head):
            found[n] = replace(found[n], tail=closed[0])
            found[n + 1] = replace(found[n + 1], head=opened[0])
    return found


def _overlapping(shown: Sequence[str]) -> str:
    """What two messages show where the second begins with what the first has not yet given up."""
    if len(shown) != 2:
        return ""
    first, last = (each.strip() for each in shown)
    for length in range(min(len(first), len(last)), 0, -1):
        if first.endswith(last[:length]):
            return first + last[length:]
    return ""


def _joined(log: str, shown: Sequence[str], pieces: Sequence[Piece], gap: str) -> str:
    """What the messages show as one text.

    No message shows the white space between two of them: where it is not known how they were laid
    out, the log has it, or it was `gap`.
    """
    text = ""
    for n, (piece, each) in enumerate(zip(pieces, shown, strict=True)):
        text += undecorated([piece], [each])
        if piece.trail or n + 1 == len(shown):
            continue
        rest = log.removeprefix(text) if log.startswith(text) else ""
        text += rest[: len(rest) - len(rest.lstrip())] if rest else gap
    return text


def _shows(text: str, shown: Sequence[str], limits: Limits, *, overlap: bool = False) -> bool:
    """Whether a growing answer of this text is shown so; with `overlap`, before its last part but
    one gave up its tail.
    """
    parts = [piece.text for piece in layout(text, limits)]
    parts[-1:] = [close_unfinished(part) for part in parts[-1:]]
    stripped = [part.strip() for part in parts]
    seen = [each.strip() for each in shown]
    if overlap and len(stripped) == len(seen) and seen[-2].startswith(stripped[-2]):
        seen[-2] = stripped[-2]
    return stripped == seen


# Ends the answer of a process that died: on the platform, then in the store.


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


class Takeover:
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
            connector=connector,
            pacing=self._pacing,
            store=self._store,
            elapsed_us=lambda: self._now_us() - started_us,
            begun=Begun(
                messages=left.messages,
                calls=max((edit.n + 1 for edit in left.edits), default=0),
                at_us=started_us,
                elsewhere=True,
                firm=firm,
            ),
            hearer=self._watch,
            asker=left.row.start.person,
        )
        ended = outcomes.INTERRUPTED
        await self._tell(reply, left.tokens, text)
        ending = Ending(text, outcomes.small(ended.note), outcomes.controls(ended.outcome, text))
        try:
            await reply.finish(ending, _SHOW_DEADLINE_S)
        except asyncio.CancelledError:
            reply.abandon()
            raise
        if reply.late:
            await self._store.settled(left.row.run_id, _KEEP_DEADLINE_S)
            raise Unavailable(reply.state.error or "not shown")
        return reply

    async def _tell(self, reply: Reply, tokens: Sequence[TokenRow], text: str) -> None:
        """Says it all again, as it was said; the screen may have had more than the log."""
        at_us = 0
        delivery = DeliveryHandler(reply, lambda: at_us, self._reasoning)
        for token in tokens:
            at_us = token.at_us
            await delivery.on_llm_new_token(token.text, kind=token.kind)
        reply.append(text[len(recorded(tokens)) :])

    def _close(self, left: Left, text: str, reply: Reply | None) -> Receipt:
        """The run has ended: from here on the store says so."""
        gone = reply is None or reply.state.gone
        receipt = Receipt(
            Verdict.UNPROVEN,
            generated=None,
            recorded=Witness.of(recorded(left.tokens)),
            shown=None if reply is None or gone else Witness.of(reply.state.shown_text()),
            unproven=WHY,
        )
        first = next(iter(left.tokens), None)
        used = self._used(left)
        problem = None if reply is None else reply.state.error
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
        return Used(usage, self._price(left.row.start.model, "", usage))
