"""The calls that a reply makes to its platform, and what is recorded of them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Iterable
from typing import Literal, Protocol, TypeVar
from uuid import UUID

import structlog

from bot.pacing import Claimant, Pacing
from bot.reply.screen import Message, Step
from bot.store import EditRow, MessageRow, Store
from connectors.base import (
    Budget,
    Connector,
    ConnectorError,
    MessageLimited,
    MessageRef,
    Part,
    Place,
    RateLimited,
    Shown,
    Unconfirmed,
)

log = structlog.get_logger(__name__)

CALL_DEADLINE_S = 60.0

_Answer = TypeVar("_Answer")


async def answered(call: Awaitable[_Answer]) -> _Answer:
    """The platform's answer to a call. Raises `Unconfirmed` if none comes within a minute."""
    try:
        async with asyncio.timeout(CALL_DEADLINE_S):
            return await call
    except TimeoutError as error:
        raise Unconfirmed(f"no answer within {CALL_DEADLINE_S:g} s") from error


class PlatformCalls:
    """The calls of one reply: each in its turn, with a deadline, all in one place.

    `waiting` is who waits for the turns, `since_us` when the run began, in microseconds since the
    epoch. Every call raises `ConnectorError`.
    """

    def __init__(
        self,
        run_id: UUID,
        place: Place,
        connector: Connector,
        pacing: Pacing,
        *,
        waiting: Claimant,
        since_us: int,
    ) -> None:
        self.connector = connector
        self.place = place
        self._run_id = run_id
        self._pacing = pacing
        self._waiting = waiting
        self._since_us = since_us
        self._granted: tuple[Budget, float] | None = None
        """The turn that the call being made was given."""
        self._foreseen: Budget | None = None
        """What edits will draw on."""

    def budget(self, call: Literal["post", "edit"]) -> Budget:
        """The budget that a call draws on now."""
        return self.connector.budget(self.place, call)

    async def turn(self, call: Literal["post", "edit"]) -> Budget:
        """Waits until such a call may be made, and returns the budget that it draws on."""
        budget = self.budget(call)
        self._granted = budget, await self._pacing.turn(budget, self._waiting)
        return budget

    async def turn_in(self, budget: Budget) -> None:
        """Waits until a call may be made that draws on a budget of its own."""
        await self._pacing.turn(budget, self._waiting)

    def hurry(self) -> None:
        """The reply has ended, which makes its calls more urgent: the queues decide again."""
        self._pacing.nudge(self.budget("post"))
        self._pacing.nudge(self.budget("edit"))

    def hold(self, budget: Budget, problem: ConnectorError) -> None:
        """Pauses a whole budget, if that is what the platform asked for."""
        if isinstance(problem, RateLimited) and not isinstance(problem, MessageLimited):
            self._pacing.limited(budget, problem.retry_after)

    async def make(self, step: Step) -> Shown:
        """Posts or edits a part."""
        if step.ref is not None:
            return await self.edit(step.ref, step.part)
        key = self._key(step.part)
        shown = await self._counted(self.connector.post(self.place, step.part, key))
        if self._foreseen is None:
            self._foreseen = self.budget("edit")
            self._pacing.foresee(self._foreseen)
        return shown

    def leave(self) -> None:
        """The reply makes no more calls."""
        if self._foreseen is not None:
            self._pacing.leave(self._foreseen)
            self._foreseen = None

    async def edit(self, ref: MessageRef, part: Part) -> Shown:
        """Edits a message."""
        return await self._counted(self.connector.edit(ref, part))

    async def find(self, part: Part) -> Shown | None:
        """Looks for a part, whoever posted it."""
        key = self._key(part)
        return await answered(self.connector.find(self.place, part, key, self._since_us))

    async def read(self, ref: MessageRef) -> Shown:
        """What a message shows."""
        return await answered(self.connector.read(ref))

    async def _counted(self, call: Awaitable[Shown]) -> Shown:
        """The platform's answer to a call, which counts in its budget from then on."""
        try:
            return await answered(call)
        finally:
            if self._granted is not None:
                self._pacing.answered(*self._granted)
                self._granted = None

    def _key(self, part: Part) -> str:
        return f"{self._run_id}:{part.index}"


# What is recorded of a reply: its calls and messages, in the store and for those who watch.


Taken = Literal[
    "read_back", "below", "half", "quarter", "literal", "closed", "asker", "operator"
]  # fmt: skip
"""What was done about a refusal, as named in the log and the metrics: a message that is said to be
gone was read back; the text continues below a message that took no edit; parts became half as long,
then a quarter; they became code; no more is shown; only the asker was told; nobody could be."""


class Hearer(Protocol):
    """Observes replies. No method waits or raises."""

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
"""The default: nobody observes."""


class ReplyRecord:
    """Records what one reply does; never waits. `calls`: how many were made for it before."""

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
        *,
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
        """Stores which slice of the answer a message shows."""
        piece = message.piece
        chars = len(piece.body)
        row = MessageRow(index, message.ref, piece.lead, piece.head, piece.tail, piece.trail, chars)
        self._store.messages.add(self._run_id, row)

    def messages(self, messages: Iterable[Message]) -> None:
        """Stores the same for the first messages."""
        for index, message in enumerate(messages):
            self.message(index, message)

    def refused(self, taken: Taken, why: object) -> None:
        """Something was refused; `taken` says what was done about it."""
        log.warning("reply.refused", taken=taken, why=str(why) or type(why).__name__)
        self._hearer.refused(self._run_id, self._connector, taken)
