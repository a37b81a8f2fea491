"""A reply takes text as fast as the model gives it, and shows it as fast as the platform allows.

Whenever it is its turn it sends its newest text, so a stale edit is never queued. Only one call is
under way at a time, so edits can't overtake each other.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from uuid import UUID

import structlog

from bot.pacing import Pacing
from bot.reply.closing import Closing
from bot.reply.ladder import Ladder, Rung
from bot.reply.screen import Ending, Message, Screen, Step
from bot.store import EditRow, MessageRow, Store
from bot.words import Sentence, english
from connectors.base import (
    Budget,
    Connector,
    ConnectorError,
    Gone,
    MessageLimited,
    MessageRef,
    Part,
    Person,
    RateLimited,
    Shown,
    TooLong,
    Unavailable,
    Whispers,
)

log = structlog.get_logger(__name__)

_GATHER_S = 0.15
"""So long the first text gathers: a first post of one letter would stand for over a second."""
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 8.0
_STAMP_DEADLINE_S = 15.0
_CALL_DEADLINE_S = 60.0
_PAUSES_S = (0.5, 2.0, 8.0)
_MOST_FAULTS = 1
"""So many faults of our own are survived."""
_MOST_MENDS = 2
"""So often a part is sent again that the platform says it shows otherwise."""


@dataclass(frozen=True, slots=True)
class Begun:
    """What another process has shown of an answer: its messages, and so many calls for them.

    It may live after all, and have posted a further part since (`since_us`, microseconds since the
    epoch): each is looked for before it is posted.
    """

    messages: tuple[Message, ...] = ()
    calls: int = 0
    since_us: int | None = None


Called = Callable[[UUID, str, EditRow, int | None], None]
"""Hears of each call: run, connector, what it was, and for how long the oldest of the characters
that it brought to the screen had waited, in microseconds (None: it brought none)."""


def _unheard(_run_id: UUID, _connector: str, _call: EditRow, _lag_us: int | None) -> None:
    pass


class Reply:
    """One answer on its way to the screen. `append` never waits; `finish` ends it, visibly."""

    def __init__(
        self,
        run_id: UUID,
        question: MessageRef,
        connector: Connector,
        pacing: Pacing,
        store: Store,
        elapsed_us: Callable[[], int],
        begun: Begun = Begun(),
        called: Called = _unheard,
        asker: Person | None = None,
    ) -> None:
        """`asker` is who is told where no message can be shown."""
        self.over = asyncio.Event()
        """Set once no more of the answer is to be shown: see `gone` and `error`."""
        self.gone = False
        """The reader deleted a part of the answer."""
        self.error: str | None = None
        """Why the rest can't be shown, once that is final."""
        self.late = False
        """The time given was over before all was shown; the platform may still take it."""
        self.unsure: str | None = None
        """Why it is not known what a message shows."""
        self.first_text_us: int | None = None
        self.delivered = ""
        """The text that was appended, once the reply has been finished."""
        self.lost_at: int | None = None
        """Where the delivered text first differed from the provider's, if it did."""
        self._run_id = run_id
        self._question = question
        self._place = question.place
        self._connector = connector
        self._pacing = pacing
        self._store = store
        self._elapsed_us = elapsed_us
        self._clock = asyncio.get_running_loop().time
        self._screen = Screen(run_id, connector.limits.at(question.place), question, begun.messages)
        self._since = self._clock()
        self._called = called
        self.behind_since: float | None = None
        """Since when a character waits to be shown, in the loop's time; None where none does."""
        self._asker = asker
        self._ladder = Ladder()
        self._closing: Closing | None = None
        self._deleted: set[MessageRef] = set()
        """Deletions that were heard, of messages here; of some it is not known yet whose."""
        self._changed = asyncio.Event()
        self._pause_s = _FIRST_PAUSE_S
        self._lost: set[str] = set()
        """The calls, post or edit, of which it is not known whether the last had its effect."""
        self._mends = 0
        self._calls = begun.calls
        self._begun_us = begun.since_us
        self._task = asyncio.create_task(self._run(), name=f"reply {run_id}")

    # What pacing asks of those who wait.

    @property
    def ended(self) -> bool:
        """The answer is whole; what is missing on the screen is its last edit."""
        return self._screen.ending is not None

    @property
    def blank(self) -> bool:
        """Nothing of the answer is shown yet."""
        return not self._screen.messages

    @property
    def unseen(self) -> int:
        """Characters that are here and not on the screen."""
        return self._screen.unseen

    @property
    def since(self) -> float:
        """When the reader last saw something new, in the loop's time (seconds)."""
        return self._since

    # What the run asks.

    @property
    def refs(self) -> list[MessageRef]:
        """The messages of the answer, in order."""
        return [message.ref for message in self._messages]

    def append(self, text: str) -> None:
        """Takes the answer's next characters; never waits."""
        if not self.ended:
            self._screen.append(text)
            self._changed.set()
            if self.behind_since is None:
                self.behind_since = self._clock()

    def mark(self, text: str) -> None:
        """Puts a line of ours where the answer has got to; never waits."""
        if not self.ended:
            self._screen.mark(text)
            self._changed.set()

    def think(self, text: str) -> None:
        """Takes the next characters of what is shown before the answer; never waits."""
        if not self.ended:
            self._screen.think(text)
            self._changed.set()

    async def finish(self, ending: Ending, timeout: float) -> None:
        """Shows the whole text, the note and the controls; gives up after `timeout` seconds.

        The provider's text decides: where the delivered text differs from it, it is replaced.
        """
        self.delivered = self._screen.text
        self.lost_at = self._screen.end(ending)
        if self.lost_at is not None:
            log.error("reply.delivery_lost_text", position=self.lost_at)
        self._changed.set()
        for call in ("post", "edit"):
            self._pacing.nudge(self._connector.budget(self._place, call))
        _, late = await asyncio.wait({self._task}, timeout=timeout)
        if late:
            self.late = True
            self._give_up(f"not shown within {timeout:g} s")
            self._task.cancel()

    def forget(self, ref: MessageRef) -> bool:
        """A message was deleted; says whether it is a part of the answer.

        Then no more is shown, and what still stands is ended. One whose posting is still under way
        is remembered.
        """
        if ref.place.channel == self._place.channel:
            self._deleted.add(ref)
        if ref not in self.refs:
            return False
        self.gone = True
        self._close()
        return True

    def abandon(self) -> None:
        """Another process ends the answer: nothing more is sent from here."""
        self.error = self.error or "another process has taken the answer over"
        self.over.set()
        self._task.cancel()

    def shown_text(self) -> str:
        """The answer as the platform's own answers have it, decoration undone."""
        return self._screen.shown_text(self._messages)

    @property
    def unknown(self) -> tuple[str, ...]:
        """Blocks of the platform's answers of which it can't be said what they show, by name."""
        return tuple(sorted({name for message in self._messages for name in message.unknown}))

    async def stamp(self, footer: str) -> None:
        """Sets small print under the answer's last part; a courtesy, tried once."""
        last = next(reversed(self._messages), None)
        if last is None or last.part is None or self.over.is_set():
            return
        try:
            async with asyncio.timeout(_STAMP_DEADLINE_S):
                await self._pacing.turn(self._connector.budget(self._place, "edit"), self)
                await self._connector.edit(last.ref, replace(last.part, footer=footer))
        except (ConnectorError, TimeoutError) as error:
            log.warning("reply.not_stamped", error=str(error) or type(error).__name__)
        except Exception:
            log.exception("reply.broke")

    # The loop: look, wait for the turn, look again, send.

    @property
    def _messages(self) -> list[Message]:
        return self._screen.messages if self._closing is None else self._closing.messages

    def _next(self) -> Step | None:
        if self._closing is None:
            return self._screen.next()
        ending = self._screen.ending
        return None if ending is None else self._closing.next(ending)

    async def _run(self) -> None:
        faults = 0
        while faults <= _MOST_FAULTS:
            try:
                await self._show()
            except Exception as error:
                log.exception("reply.broke")
                self._give_up(f"{type(error).__name__} in the connector")
                faults += 1
            else:
                return

    async def _show(self) -> None:
        while True:
            if self.blank and not self.ended and self._screen.unseen:
                await asyncio.sleep(_GATHER_S)
            if (step := self._next()) is not None:
                since_us = self._begun_us if step.ref is None else None
                if since_us is not None and await self._posted_elsewhere(step, since_us):
                    continue
                budget = self._connector.budget(self._place, step.call)
                await self._pacing.turn(budget, self)
                newest = self._next()
                if newest is not None and newest.call == step.call:
                    await self._send(newest)
            elif self.ended:
                await self._end()
                return
            else:
                await self._changed.wait()
                self._changed.clear()

    async def _end(self) -> None:
        """All is sent that can be: no message is to look unfinished, and somebody is told."""
        if self._closing is None:
            await self._tidy()
        elif not self._closing.told:
            await self._tell_the_asker()

    async def _tell_the_asker(self) -> None:
        """Where no message takes the news, the asker alone is told; a failure leaves the log."""
        connector, asker = self._connector, self._asker
        if asker is None or not isinstance(connector, Whispers):
            log.error("reply.nobody_told", why=self.error)
            return
        id_ = "shown.cut_there" if self._messages else "shown.nothing_there"
        for pause_s in _PAUSES_S:
            budget = connector.budget(self._place, "post")
            await self._pacing.turn(budget, self)
            try:
                async with asyncio.timeout(_CALL_DEADLINE_S):
                    words, key = english(Sentence(id_)), f"{self._run_id}:asker"
                    await connector.whisper(self._place, asker, words, key)
            except (ConnectorError, TimeoutError) as error:
                log.error("reply.nobody_told", why=self.error, error=str(error))
                if not self._may_be_tried_again(budget, error):
                    return
                await asyncio.sleep(pause_s)
            else:
                log.warning("reply.asker_told", why=self.error)
                return

    def _may_be_tried_again(self, budget: Budget, error: Exception) -> bool:
        """Whether a call that failed may go well later; a pause that is wanted is kept."""
        if isinstance(error, RateLimited) and not isinstance(error, MessageLimited):
            self._pacing.limited(budget, error.retry_after)
        passing = isinstance(error, RateLimited | Unavailable | TimeoutError)
        return passing and not isinstance(error, MessageLimited)

    async def _tidy(self) -> None:
        """Messages that refused an edit may take one now: none is to look unfinished."""
        for ref, part in self._screen.left_writing():
            for pause_s in _PAUSES_S:
                if await self._tidied(ref, part):
                    break
                await asyncio.sleep(pause_s)

    async def _tidied(self, ref: MessageRef, part: Part) -> bool:
        """Whether it is done, or never will be."""
        budget = self._connector.budget(self._place, "edit")
        await self._pacing.turn(budget, self)
        try:
            async with asyncio.timeout(_CALL_DEADLINE_S):
                self._screen.tidied(await self._connector.edit(ref, part))
        except (ConnectorError, TimeoutError) as error:
            log.warning("reply.left_writing", error=str(error) or type(error).__name__)
            doubtful = isinstance(error, Gone) and self._ladder.looked_for(ref)
            return not (doubtful or self._may_be_tried_again(budget, error))
        return True

    async def _send(self, step: Step) -> None:
        started_us, problem, lag_us = self._elapsed_us(), None, None
        began, position, closing = self._clock(), self._screen.position, self._closing
        try:
            shown = await self._call(step)
        except ConnectorError as error:
            problem = error
        else:
            self._confirm(step, shown, closing)
            lag_us = self._caught_up(step, began, position)
        self._record(step, started_us, problem, lag_us)
        if problem is not None:
            await self._face(step, problem)

    async def _call(self, step: Step) -> Shown:
        try:
            async with asyncio.timeout(_CALL_DEADLINE_S):
                if step.ref is None:
                    key = f"{self._run_id}:{step.part.index}"
                    return await self._connector.post(self._place, step.part, key)
                return await self._connector.edit(step.ref, step.part)
        except TimeoutError as error:
            raise Unavailable(f"no answer within {_CALL_DEADLINE_S:g} s") from error

    async def _posted_elsewhere(self, step: Step, since_us: int) -> bool:
        """Whether another process has posted the part meanwhile; then it is edited from here on."""
        key, closing = f"{self._run_id}:{step.part.index}", self._closing
        try:
            async with asyncio.timeout(_CALL_DEADLINE_S):
                found = await self._connector.find(self._place, step.part, key, since_us)
        except (ConnectorError, TimeoutError) as error:
            log.warning("reply.not_looked_for", error=str(error) or type(error).__name__)
            return False
        if found is not None:
            self._lost.add("post")  # which version stands is not known
            self._confirm(step, found, closing)
        return found is not None

    def _confirm(self, step: Step, shown: Shown, closing: Closing | None) -> None:
        """The platform did a step that `closing` made, or else the screen."""
        if shown.unknown:
            log.warning("reply.unknown_blocks", part=step.part.index, blocks=shown.unknown)
        message = self._confirmed(step, shown) if closing is None else closing.confirm(step, shown)
        self._pause_s = _FIRST_PAUSE_S
        self._since = self._clock()
        if self.first_text_us is None and step.piece.body:
            self.first_text_us = self._elapsed_us()
            log.info("reply.first_text", after_us=self.first_text_us)
        self._store.messages.add(self._run_id, _row(step.part.index, message))
        if any(_alike(heard, shown.ref) for heard in self._deleted):
            self.forget(shown.ref)

    def _confirmed(self, step: Step, shown: Shown) -> Message:
        sure = step.call == "edit" or step.call not in self._lost
        self._lost.discard(step.call)
        message = self._screen.confirm(step, shown, sure=sure, again=self._to_mend(step, shown))
        if self._closing is not None:  # it came up while the call was under way
            self._closing.take(message)
        return message

    def _to_mend(self, step: Step, shown: Shown) -> bool:
        """Whether a part is to be sent again that grows no more and is shown otherwise."""
        if step.part.firm is not None or self._screen.shows(step, shown):
            self._mends = 0
            return False
        self._mends += 1
        log.warning("reply.shown_otherwise", part=step.part.index, times=self._mends)
        return self._mends <= _MOST_MENDS

    def _caught_up(self, step: Step, began: float, position: int) -> int | None:
        """How long the oldest text had waited that a call brought to the screen, if it did."""
        since = self.behind_since
        if since is None or self._screen.position <= position:
            return None
        if step.part.last or step.part.firm is not None:  # what is unseen now came after that
            self.behind_since = began if self.unseen else None
        return int((self._clock() - since) * 1_000_000)

    def _record(
        self, step: Step, started_us: int, problem: ConnectorError | None, lag_us: int | None
    ) -> None:
        row = EditRow(
            n=self._calls,
            part=step.part.index,
            call=step.call,
            at_us=started_us,
            latency_us=self._elapsed_us() - started_us,
            position=self._screen.position,
            sha256=hashlib.sha256(step.part.text.encode(errors="surrogatepass")).hexdigest(),
            error=None if problem is None else f"{type(problem).__name__}: {problem}",
        )
        self._store.edits.add(self._run_id, row)
        self._called(self._run_id, self._connector.name, row, lag_us)
        self._calls += 1
        log.debug("reply.sent", call=step.call, part=step.part.index, shown=self._screen.position)

    # What follows from an error: see `bot.reply.ladder`.

    async def _face(self, step: Step, problem: ConnectorError) -> None:
        log.warning("reply.call_failed", call=step.call, part=step.part.index, error=str(problem))
        match problem:
            case Unavailable():
                self._lost.add(step.call)
                self._screen.doubt(step)
                await self._wait()
            case RateLimited() if not _is_final(problem):
                await self._limited(step, problem)
            case Gone() if step.ref is not None:
                await self._look_for(step, step.ref)
            case _ if self._closing is not None:
                self._closing.refuse(step)
            case _ if step.ref is not None:
                await self._go_on_below(step, problem)
            case _:
                self._go_down(step, problem)

    async def _limited(self, step: Step, problem: RateLimited) -> None:
        """A call was refused for its rate; where that is one message's own, the others go on."""
        if isinstance(problem, MessageLimited):
            await asyncio.sleep(problem.retry_after)
        else:
            budget = self._connector.budget(self._place, step.call)
            self._pacing.limited(budget, problem.retry_after)

    async def _wait(self) -> None:
        await asyncio.sleep(self._pause_s)
        self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)

    async def _look_for(self, step: Step, ref: MessageRef) -> None:
        """The platform says that a message is gone; that is believed once it can't be read."""
        if self._ladder.looked_for(ref):
            await self._leave(step)
            return
        budget = self._connector.budget(self._place, "edit")
        await self._pacing.turn(budget, self)
        try:
            async with asyncio.timeout(_CALL_DEADLINE_S):
                await self._connector.read(ref)
        except Gone:
            self.forget(ref)
        except (ConnectorError, TimeoutError) as error:
            if self._may_be_tried_again(budget, error):
                await self._wait()
            else:
                await self._leave(step)
        else:
            self._ladder.found(ref)

    async def _leave(self, step: Step) -> None:
        """A message takes no more edits."""
        if self._closing is None:
            await self._freeze(step)
        else:
            self._closing.refuse(step)

    async def _go_on_below(self, step: Step, problem: ConnectorError) -> None:
        """A message was refused an edit: it stays as it is, and the rest goes into a new one."""
        await self._freeze(step)
        if isinstance(problem, TooLong) and self._ladder.rung < Rung.QUARTER:
            self._shrink(problem)

    async def _freeze(self, step: Step) -> None:
        """Goes on below a message that can't be edited any more."""
        shown = self._screen.shown_otherwise(step)
        if "edit" in self._lost and step.ref is not None:
            # It may have had its effect all the same: its text must not come twice.
            read = await self._read(step.ref)
            shown = shown if read is None else read
        self._lost.discard("edit")
        frozen = self._screen.freeze(step, shown)
        self._store.messages.add(self._run_id, _row(step.part.index, frozen))

    def _go_down(self, step: Step, problem: ConnectorError) -> None:
        """A new message was refused: the next rung on which something else would be sent."""
        following: Step | None = step
        while following is not None and following.part.text == step.part.text:
            match self._ladder.down(problem):
                case Rung.HALF | Rung.QUARTER:
                    self._keep(self._screen.shrink())
                case Rung.LITERAL:
                    self._keep(self._screen.as_literal())
                case _:
                    self._give_up(str(problem) or type(problem).__name__)
            following = self._next()

    def _shrink(self, problem: ConnectorError) -> None:
        self._ladder.down(problem)
        self._keep(self._screen.shrink())

    def _keep(self, frozen: list[Message]) -> None:
        for index, message in enumerate(frozen):
            self._store.messages.add(self._run_id, _row(index, message))

    async def _read(self, ref: MessageRef) -> str | None:
        try:
            async with asyncio.timeout(_CALL_DEADLINE_S):
                return (await self._connector.read(ref)).text
        except (ConnectorError, TimeoutError) as error:
            self.unsure = "a message can neither be edited nor read back"
            log.warning("reply.not_read", error=str(error) or type(error).__name__)
            return None

    def _give_up(self, why: str) -> None:
        """The rest can't be shown: what stands is ended and says so, or the asker is told."""
        if self.error is None:
            self.error = why
            log.error("reply.given_up", why=why, unseen=self.unseen)
        self._close()

    def _close(self) -> None:
        """No more is shown: what stands is only ended."""
        self.over.set()
        self._ladder.close()
        if self._closing is None:
            limits = self._connector.limits.at(self._place)
            self._closing = Closing(
                self._run_id, self._screen.messages, limits, self._question, self._deleted
            )
        self._changed.set()


def _is_final(problem: RateLimited) -> bool:
    """Whether one message is limited for longer than a reader would wait."""
    return isinstance(problem, MessageLimited) and problem.retry_after > _LONGEST_PAUSE_S


def _alike(heard: MessageRef, ref: MessageRef) -> bool:
    """Whether a deletion is that of a message; a connector may not know the threads of others."""
    where = (heard.place.workspace, heard.place.channel, heard.id)
    return where == (ref.place.workspace, ref.place.channel, ref.id)


def _row(index: int, message: Message) -> MessageRow:
    piece = message.piece
    return MessageRow(
        index, message.ref, piece.lead, piece.head, piece.tail, piece.trail, len(piece.body)
    )
