"""The growing answer: its parts, one edit in flight, the last edit always made.

A reply takes text as fast as the model gives it and shows it as fast as the platform's budget
lets it: whenever it is its turn it sends its newest text, so a stale edit is never queued. Only
one call is under way at a time, so edits can't overtake each other. The next part is posted
before an earlier one gives up its tail, so the joined text never shrinks.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Literal
from uuid import UUID

import structlog

from bot.pacing import Pacing
from bot.render import (
    Layout,
    Piece,
    as_shown,
    close_unfinished,
    first_difference,
    restore,
    with_note,
)
from bot.store import EditRow, MessageRow, Store
from connectors.base import (
    Connector,
    ConnectorError,
    Control,
    Gone,
    MessageRef,
    Part,
    Place,
    RateLimited,
    Refused,
    Shown,
    Unavailable,
)

log = structlog.get_logger(__name__)

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 8.0
_STAMP_DEADLINE_S = 15.0
_CLOSING = "_End of the answer._"
_SURPLUS = Piece(lead="", head="", body="", tail="—", trail="")
"""What a part shows that turned out to be one too many: a dash, for parts can't be taken back."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How an answer ends on the screen: its whole text, a note, and what can be pressed then."""

    text: str
    note: str = ""
    controls: tuple[Control, ...] = ()


@dataclass(frozen=True, slots=True)
class _Message:
    """One message of the answer, as the platform last confirmed it.

    `part` is None where it is not known which version stands: a post whose answer was lost.
    """

    ref: MessageRef
    part: Part | None
    piece: Piece
    shown: str


@dataclass(frozen=True, slots=True)
class _Step:
    """The next call that brings the screen closer to the answer."""

    call: Literal["post", "edit"]
    at: int
    piece: Piece
    part: Part


class Reply:
    """One answer on its way to the screen. `append` never waits; `finish` ends it, visibly."""

    def __init__(
        self,
        run_id: UUID,
        place: Place,
        connector: Connector,
        pacing: Pacing,
        store: Store,
        elapsed_us: Callable[[], int],
    ) -> None:
        self.over = asyncio.Event()
        """Set once nothing more can be shown: the reader deleted a part, or see `error`."""
        self.gone = False
        """The reader deleted a part of the answer."""
        self.error: str | None = None
        """Why the rest can't be shown, once that is final."""
        self.first_text_us: int | None = None
        self.lost_at: int | None = None
        """Where the delivered text first differed from the provider's, if it did."""
        self._run_id = run_id
        self._place = place
        self._connector = connector
        self._pacing = pacing
        self._store = store
        self._elapsed_us = elapsed_us
        self._clock = asyncio.get_running_loop().time
        self._layout = Layout(connector.limits)
        self._length = 0
        self._frozen: list[_Message] = []
        self._closing = ""  # said where nothing but the end is missing, and no edit can show it
        self._messages: list[_Message] = []
        self._complete = 0  # so many leading messages are as they will stay
        self._position = 0
        self._since = self._clock()
        self._ending: Ending | None = None
        self._changed = asyncio.Event()
        self._pause_s = _FIRST_PAUSE_S
        self._post_lost = False
        self._calls = 0
        self._task = asyncio.create_task(self._run(), name=f"reply {run_id}")

    # What pacing asks of those who wait.

    @property
    def ended(self) -> bool:
        """The answer is whole; what is missing on the screen is its last edit."""
        return self._ending is not None

    @property
    def blank(self) -> bool:
        """Nothing of the answer is shown yet."""
        return not self._messages and not self._frozen

    @property
    def unseen(self) -> int:
        """Characters that are here and not on the screen."""
        return max(0, self._length - self._position)

    @property
    def since(self) -> float:
        """When the reader last saw something new, in the loop's time (seconds)."""
        return self._since

    # What the run asks.

    @property
    def refs(self) -> list[MessageRef]:
        """The messages of the answer, in order."""
        return [message.ref for message in self._all()]

    def append(self, text: str) -> None:
        """Takes the answer's next characters; never waits."""
        if self._ending is None:
            self._layout.append(text)
            self._length += len(text)
            self._changed.set()

    async def finish(self, ending: Ending, timeout: float) -> None:
        """Shows the whole text, the note and the controls; gives up after `timeout` seconds.

        The provider's text decides: where the delivered text differs from it, it is replaced.
        """
        self._correct(ending.text)
        self._ending = ending
        self._changed.set()
        for call in ("post", "edit"):
            self._pacing.nudge(self._connector.budget(self._place, call))
        _, late = await asyncio.wait({self._task}, timeout=timeout)
        if late:
            self._give_up(f"not shown within {timeout:g} s")
            self._task.cancel()

    def shown_text(self) -> str:
        """The answer as the platform's own answers have it, decoration undone."""
        messages = self._all()
        return restore([m.piece for m in messages], [m.shown for m in messages])

    async def stamp(self, footer: str) -> None:
        """Sets small print under the answer's last part; a courtesy, tried once."""
        if not self._messages or self.over.is_set():
            return
        last = self._messages[-1]
        if (part := last.part) is None:
            return
        try:
            async with asyncio.timeout(_STAMP_DEADLINE_S):
                await self._pacing.turn(self._connector.budget(self._place, "edit"), self)
                await self._connector.edit(last.ref, replace(part, footer=footer))
        except (ConnectorError, TimeoutError) as error:
            log.warning("reply.not_stamped", error=str(error) or type(error).__name__)

    # The loop: look, wait for the turn, look again, send.

    async def _run(self) -> None:
        try:
            await self._show()
        except Exception as error:
            log.exception("reply.broke")
            self._give_up(f"{type(error).__name__} in the connector")

    async def _show(self) -> None:
        while not self.over.is_set():
            if (step := self._next()) is not None:
                budget = self._connector.budget(self._place, step.call)
                await self._pacing.turn(budget, self)
                newest = self._next()
                if newest is not None and newest.call == step.call:
                    await self._send(newest)
            elif self._ending is not None:
                return
            else:
                await self._changed.wait()
                self._changed.clear()

    def _next(self) -> _Step | None:
        pieces = self._target()
        for at in range(self._complete, len(pieces)):
            if at >= len(self._messages):
                return self._step("post", at, pieces)
            sent = self._messages[at]
            step = self._step("edit", at, pieces)
            if sent.part == step.part:
                continue
            gives_up_tail = len(sent.piece.body) > len(step.piece.body)
            if gives_up_tail and at + 1 == len(self._messages) < len(pieces):
                return self._step("post", at + 1, pieces)
            return step
        return None

    def _target(self) -> list[Piece]:
        """The parts as they should be shown now, one for each message at least."""
        pieces = self._layout.pieces()
        if self._ending is None:
            return pieces
        visible = bool(pieces)
        note = self._ending.note or ("" if visible else self._closing)
        if note:
            pieces = with_note(pieces, note, self._connector.limits)
        if note and not visible:
            pieces = [replace(pieces[0], lead=self._layout.text)]  # white space is all there is
        return pieces + [_SURPLUS] * (len(self._messages) - len(pieces))

    def _step(self, call: Literal["post", "edit"], at: int, pieces: list[Piece]) -> _Step:
        piece, newest = pieces[at], at == len(pieces) - 1
        text = piece.text
        controls: tuple[Control, ...] = ()
        if newest and self._ending is None:
            text, controls = close_unfinished(piece.text), (Control.STOP,)
        elif newest and self._ending is not None:
            controls = self._ending.controls
        part = Part(
            run_id=self._run_id,
            index=len(self._frozen) + at,
            text=text,
            controls=controls,
            last=newest and self._ending is not None,
        )
        return _Step(call, at, as_shown(piece, text), part)

    async def _send(self, step: _Step) -> None:
        started_us, problem = self._elapsed_us(), None
        try:
            shown = await self._call(step)
            self._confirm(step, shown)
        except ConnectorError as error:
            problem = error
        self._record(step, started_us, problem)
        if problem is not None:
            await self._face(step, problem)

    async def _call(self, step: _Step) -> Shown:
        if step.call == "post":
            key = f"{self._run_id}:{step.part.index}"
            return await self._connector.post(self._place, step.part, key)
        return await self._connector.edit(self._messages[step.at].ref, step.part)

    def _confirm(self, step: _Step, shown: Shown) -> None:
        part: Part | None = step.part
        piece = step.piece
        if step.call == "post" and self._post_lost:
            self._post_lost = False
            part, piece = None, as_shown(piece, shown.text)
        self._messages[step.at : step.at + 1] = [_Message(shown.ref, part, piece, shown.text)]
        self._pause_s = _FIRST_PAUSE_S
        self._since = self._clock()
        if self.first_text_us is None and step.piece.body:
            self.first_text_us = self._elapsed_us()
            log.info("reply.first_text", after_us=self.first_text_us)
        self._advance()
        self._store.messages.add(
            self._run_id,
            MessageRow(step.part.index, shown.ref, piece.lead, piece.head, piece.tail, piece.trail),
        )

    def _advance(self) -> None:
        """Counts the messages that will stay as they are, and the characters on the screen."""
        fixed = self._layout.fixed
        while self._complete < min(len(fixed), len(self._messages)):
            part = self._messages[self._complete].part
            if part is None or part.controls or part.text != fixed[self._complete].text:
                break
            self._complete += 1
        self._position = self._shown_up_to()

    def _shown_up_to(self) -> int:
        """Characters of the answer on the screen. Parts may overlap while one gives up its tail."""
        starts = accumulate((_extent(piece) for piece in self._layout.pieces()), initial=0)
        ends = [at + _extent(m.piece) for at, m in zip(starts, self._messages, strict=False)]
        return len(self._frozen_text()) + max(ends, default=0)

    def _record(self, step: _Step, started_us: int, problem: ConnectorError | None) -> None:
        self._store.edits.add(
            self._run_id,
            EditRow(
                n=self._calls,
                part=step.part.index,
                call=step.call,
                at_us=started_us,
                latency_us=self._elapsed_us() - started_us,
                position=self._position,
                sha256=hashlib.sha256(step.part.text.encode()).hexdigest(),
                error=None if problem is None else f"{type(problem).__name__}: {problem}",
            ),
        )
        self._calls += 1

    # What follows from an error.

    async def _face(self, step: _Step, problem: ConnectorError) -> None:
        log.warning("reply.call_failed", call=step.call, part=step.part.index, error=str(problem))
        match problem:
            case RateLimited():
                budget = self._connector.budget(self._place, step.call)
                self._pacing.limited(budget, problem.retry_after)
            case Unavailable():
                self._post_lost = self._post_lost or step.call == "post"
                await asyncio.sleep(self._pause_s)
                self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
            case Gone() if step.call == "edit":
                self.gone = True
                self.over.set()
            case Refused() if step.call == "edit" and step.at == len(self._messages) - 1:
                self._freeze()
            case _:
                self._give_up(str(problem) or type(problem).__name__)

    def _freeze(self) -> None:
        """The last message can't be edited any more: what is missing goes into a new one."""
        last = self._messages[-1]
        frozen = [*self._messages[:-1], replace(last, piece=replace(last.piece, trail=""))]
        rest = self._layout.text[sum(_extent(message.piece) for message in frozen) :]
        self._frozen += frozen
        self._messages, self._complete = [], 0
        self._layout = Layout(self._connector.limits)
        self._layout.append(rest)
        self._closing = _CLOSING

    def _frozen_text(self) -> str:
        """The part of the answer that stands in messages that can't be edited any more."""
        pieces = [message.piece for message in self._frozen]
        return "".join(piece.lead + piece.body + piece.trail for piece in pieces)

    def _give_up(self, why: str) -> None:
        if self.error is None:
            self.error = why
            self.over.set()
            log.error("reply.given_up", why=why, unseen=self.unseen)

    def _correct(self, text: str) -> None:
        frozen = self._frozen_text()
        delivered = frozen + self._layout.text
        if delivered == text:
            return
        self.lost_at = first_difference(delivered, text)
        log.error("reply.delivery_lost_text", position=self.lost_at)
        rest = text.removeprefix(frozen)
        self._layout = Layout(self._connector.limits)
        self._layout.append(rest)
        self._length, self._complete = len(text), 0

    def _all(self) -> list[_Message]:
        return self._frozen + self._messages


def _extent(piece: Piece) -> int:
    """So many characters of the answer a piece accounts for."""
    return len(piece.lead) + len(piece.body) + len(piece.trail)
