"""What is noted of a reply: its calls and messages in the store, and for those who watch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Protocol
from uuid import UUID

import structlog

from bot.reply.ladder import Taken
from bot.reply.screen import Message, Step
from bot.store import EditRow, MessageRow, Store
from connectors.base import ConnectorError

log = structlog.get_logger(__name__)


class Hearer(Protocol):
    """Who watches replies. No method waits or raises."""

    def called(self, run_id: UUID, connector: str, call: EditRow, lag_us: int | None) -> None:
        """A post or an edit was made, or failed.

        `lag_us`: how long the oldest character that it brought to the screen had waited, in
        microseconds; None where it brought none.
        """
        ...

    def refused(self, run_id: UUID, connector: str, taken: Taken) -> None:
        """The platform refused something; `taken` says what was done about it."""
        ...


class _Nobody:
    def called(self, run_id: UUID, connector: str, call: EditRow, lag_us: int | None) -> None:
        pass

    def refused(self, run_id: UUID, connector: str, taken: Taken) -> None:
        pass


UNHEARD = _Nobody()
"""Nobody watches."""


class ReplyRecord:
    """Notes what one reply does; never waits. `calls` were made for it before."""

    def __init__(
        self, run_id: UUID, connector: str, store: Store, hearer: Hearer, calls: int
    ) -> None:
        self._run_id = run_id
        self._connector = connector
        self._store = store
        self._hearer = hearer
        self._calls = calls

    def call(
        self,
        step: Step,
        at_us: int,
        latency_us: int,
        position: int,
        problem: ConnectorError | None,
        lag_us: int | None,
    ) -> None:
        """A call was made: when, for how long, how much of the answer is shown, how it went."""
        row = EditRow(
            n=self._calls,
            part=step.part.index,
            call=step.call,
            at_us=at_us,
            latency_us=latency_us,
            position=position,
            sha256=hashlib.sha256(step.part.text.encode(errors="surrogatepass")).hexdigest(),
            error=None if problem is None else f"{type(problem).__name__}: {problem}",
        )
        self._store.edits.add(self._run_id, row)
        self._hearer.called(self._run_id, self._connector, row, lag_us)
        self._calls += 1
        log.debug("reply.sent", call=step.call, part=step.part.index, shown=position)

    def message(self, index: int, message: Message) -> None:
        """What a message shows of the answer."""
        piece = message.piece
        chars = len(piece.body)
        row = MessageRow(index, message.ref, piece.lead, piece.head, piece.tail, piece.trail, chars)
        self._store.messages.add(self._run_id, row)

    def messages(self, messages: Iterable[Message]) -> None:
        """The same of the first messages."""
        for index, message in enumerate(messages):
            self.message(index, message)

    def refused(self, taken: Taken, why: object) -> None:
        """Something was refused, and this was done about it."""
        log.warning("reply.refused", taken=taken, why=str(why) or type(why).__name__)
        self._hearer.refused(self._run_id, self._connector, taken)
