"""A reply takes text as fast as the model gives it, and shows it as fast as the platform allows.

Whenever it is its turn it sends its newest text, so a stale edit is never queued. Only one call is
under way at a time, so edits can't overtake each other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from uuid import UUID

import structlog

from bot.pacing import Pacing
from bot.reply.closing import Closing
from bot.reply.ladder import LONGEST_PAUSE_S, Asker, Ladder, Rung, is_final, pause_after
from bot.reply.record import UNHEARD, Hearer, ReplyRecord
from bot.reply.screen import Ending, Message, Screen, Step
from bot.store import Store
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
    TooLarge,
    Unavailable,
    Unconfirmed,
)

log = structlog.get_logger(__name__)

_GATHER_S = 0.15
"""So long the first text gathers: a first post of one letter would stand for over a second."""
_FIRST_PAUSE_S = 0.5
_STAMP_DEADLINE_S = 15.0
_CALL_DEADLINE_S = 60.0
_LAST_WORD_S = 60.0
_MOST_FAULTS = 1
"""So many faults of our own are survived."""
_MOST_MENDS = 2
"""So often a part is sent again that the platform says it shows otherwise."""


@dataclass(frozen=True, slots=True)
class Begun:
    """When a run began, and what another process has shown of its answer: messages, calls.

    `elsewhere`: it may live after all, and have posted a further part since: each is looked for
    before it is posted. `at_us` is in microseconds since the epoch. The first `firm` messages are
    known to show the beginning of the answer, and stay as they are.
    """

    messages: tuple[Message, ...] = ()
    calls: int = 0
    at_us: int = 0
    elsewhere: bool = False
    firm: int = 0


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
        hearer: Hearer = UNHEARD,
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
        self._record = ReplyRecord(run_id, connector.name, store, hearer, begun.calls)
        self._asker = Asker(run_id, asker, self._place, connector, pacing, store.whispers)
        self._elapsed_us = elapsed_us
        self._clock = asyncio.get_running_loop().time
        limits = connector.limits.at(question.place)
        self._screen = Screen(run_id, limits, question, begun.messages, begun.firm)
        self._since = self._clock()
        self.behind_since: float | None = None
        """Since when a character waits to be shown, in the loop's time; None where none does."""
        self._ladder = Ladder()
        self._closing: Closing | None = None
        self._deleted: set[MessageRef] = set()
        """Deletions that were heard, of messages here; of some it is not known yet whose."""
        self._changed = asyncio.Event()
        self._pause_s = _FIRST_PAUSE_S
        self._lost: dict[str, Step] = {}
        """By its call, post or edit: the last step of which nobody knows whether it was done."""
        self._mends = 0
        self._begun = begun
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

        Then there is a minute for saying so, unless all is to be done again elsewhere. The
        provider's text decides: where the delivered text differs from it, it is replaced.
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
            why = f"not shown within {timeout:g} s"
            self._give_up(why)
            if not self._begun.elsewhere:
                await self._say_so(why)
            self._task.cancel()

    async def _say_so(self, why: str) -> None:
        """Gives what stands some time to say that the rest is missing."""
        _, unsaid = await asyncio.wait({self._task}, timeout=_LAST_WORD_S)
        if unsaid:
            self._record.refused("operator", why)
            log.error("reply.nobody_told", why=why, error=f"no turn within {_LAST_WORD_S:g} s")

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
                looks = self._begun.elsewhere and step.ref is None
                if looks and await self._posted_already(step):
                    continue
                budget = self._connector.budget(self._place, step.call)
                await self._pacing.turn(budget, self)
                newest = self._next()
                if newest is not None and newest.call == step.call:
                    await self._send(newest)
            elif not self.ended:
                await self._changed.wait()
                self._changed.clear()
            elif not await self._found_late():
                await self._end()
                return

    async def _found_late(self) -> bool:
        """Whether a message stands whose posting was in doubt when the end came: it is ended."""
        if self._closing is None or (step := self._lost.pop("post", None)) is None:
            return False
        tries = 0
        while True:
            try:
                return await self._look_for_post(step)
            except (ConnectorError, TimeoutError) as error:
                tries += 1
                log.warning("reply.not_looked_for", error=str(error) or type(error).__name__)
                if (pause_s := pause_after(error, tries)) is None:
                    return False
            await asyncio.sleep(pause_s)

    async def _end(self) -> None:
        """All is sent that can be: no message is to look unfinished, and somebody is told."""
        await self._tidy()
        if self.error is not None and not (self._closing is not None and self._closing.told):
            await self._tell_the_asker(self.error)

    async def _tell_the_asker(self, why: str) -> None:
        """Where no message takes the news, the asker alone is told; a failure leaves the log."""
        stands = any(ref not in self._deleted for ref in self.refs)
        sentence = "shown.cut_there" if stands else "shown.nothing_there"
        now_us = self._begun.at_us + self._elapsed_us()
        problem = await self._asker.tell(sentence, self, now_us)
        self._record.refused("asker" if problem is None else "operator", why)
        if problem is None:
            log.warning("reply.asker_told", why=why)
        else:
            log.error("reply.nobody_told", why=why, error=problem)

    async def _tidy(self) -> None:
        """Messages that refused an edit may take one now: none is to look unfinished."""
        for ref, part in self._left_writing():
            tries = refusals = 0
            while ref not in self._deleted:
                problem = await self._tidied(ref, part)
                if problem is None:
                    break
                tries, refusals = tries + 1, refusals + is_final(problem)
                pause_s = pause_after(problem, tries, refusals)
                if pause_s is None:
                    break
                await asyncio.sleep(pause_s)

    def _left_writing(self) -> list[tuple[MessageRef, Part]]:
        ending = self._screen.ending
        if self._closing is None or ending is None:
            return self._screen.left_writing()
        return self._closing.left_writing(ending)

    async def _tidied(self, ref: MessageRef, part: Part) -> Exception | None:
        """What went wrong, if anything did."""
        budget = self._connector.budget(self._place, "edit")
        await self._pacing.turn(budget, self)
        try:
            async with asyncio.timeout(_CALL_DEADLINE_S):
                shown = await self._connector.edit(ref, part)
        except (ConnectorError, TimeoutError) as error:
            log.warning("reply.left_writing", error=str(error) or type(error).__name__)
            self._hold(budget, error)
            return error
        (self._closing or self._screen).tidied(part, shown)
        return None

    def _hold(self, budget: Budget, problem: Exception) -> None:
        """Keeps the pause that a platform wants of a whole budget."""
        if isinstance(problem, RateLimited) and not isinstance(problem, MessageLimited):
            self._pacing.limited(budget, problem.retry_after)

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
        latency_us = self._elapsed_us() - started_us
        self._record.call(step, started_us, latency_us, self._screen.position, problem, lag_us)
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
            raise Unconfirmed(f"no answer within {_CALL_DEADLINE_S:g} s") from error

    async def _posted_already(self, step: Step) -> bool:
        """Whether a part stands that seems not to be posted; then it is edited from here on."""
        try:
            return await self._look_for_post(step)
        except (ConnectorError, TimeoutError) as error:
            log.warning("reply.not_looked_for", error=str(error) or type(error).__name__)
            return False

    async def _look_for_post(self, step: Step) -> bool:
        """Looks for a part, whoever posted it. Raises what the platform says to that."""
        key, since_us = f"{self._run_id}:{step.part.index}", self._begun.at_us
        async with asyncio.timeout(_CALL_DEADLINE_S):
            found = await self._connector.find(self._place, step.part, key, since_us)
        if found is not None:
            self._lost["post"] = step  # which version stands is not known
            self._confirm(step, found, None)
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
        self._record.message(step.part.index, message)
        if any(_alike(heard, shown.ref) for heard in self._deleted):
            self.forget(shown.ref)

    def _confirmed(self, step: Step, shown: Shown) -> Message:
        sure = step.call == "edit" or step.call not in self._lost
        self._lost.pop(step.call, None)
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

    # What follows from an error: see `bot.reply.ladder`.

    async def _face(self, step: Step, problem: ConnectorError) -> None:
        log.warning("reply.call_failed", call=step.call, part=step.part.index, error=str(problem))
        match problem:
            case Unavailable():
                self._lost[step.call] = step
                self._screen.doubt(step)
                await self._wait()
            case RateLimited() if not is_final(problem):
                await self._limited(step, problem)
            case Gone() if step.ref is not None:
                await self._look_for(step, step.ref)
            case _ if self._closing is not None:
                self._closing.refuse(step)
            case _ if step.ref is not None:
                await self._go_on_below(step, problem)
            case _:
                await self._go_down(step, problem)

    async def _limited(self, step: Step, problem: RateLimited) -> None:
        """A call was refused for its rate; where that is one message's own, the others go on."""
        if isinstance(problem, MessageLimited):
            await asyncio.sleep(problem.retry_after)
        else:
            budget = self._connector.budget(self._place, step.call)
            self._pacing.limited(budget, problem.retry_after)

    async def _wait(self) -> None:
        await asyncio.sleep(self._pause_s)
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)

    async def _look_for(self, step: Step, ref: MessageRef) -> None:
        """The platform says that a message is gone; that is believed once it can't be read."""
        if self._ladder.looked_for(ref):
            await self._leave(step, "it can be read, and takes no edit")
            return
        self._record.refused("read_back", "it is said to be gone")
        budget = self._connector.budget(self._place, "edit")
        await self._pacing.turn(budget, self)
        try:
            async with asyncio.timeout(_CALL_DEADLINE_S):
                await self._connector.read(ref)
        except Gone:
            self.forget(ref)
        except (ConnectorError, TimeoutError) as error:
            self._hold(budget, error)
            if is_final(error):
                await self._leave(step, error)
            else:
                await self._wait()
        else:
            self._ladder.found(ref)

    async def _leave(self, step: Step, why: object) -> None:
        """A message takes no more edits."""
        if self._closing is None:
            await self._freeze(step, why)
        else:
            self._closing.refuse(step)

    async def _go_on_below(self, step: Step, problem: ConnectorError) -> None:
        """A message was refused an edit: it stays as it is, and the rest goes into a new one."""
        await self._freeze(step, problem)
        if isinstance(problem, TooLarge) and self._ladder.rung < Rung.QUARTER:
            self._shrink(problem)

    async def _freeze(self, step: Step, why: object) -> None:
        """Goes on below a message that can't be edited any more."""
        self._record.refused("below", why)
        shown = self._screen.shown_otherwise(step)
        if "edit" in self._lost and step.ref is not None:
            # It may have had its effect all the same: its text must not come twice.
            read = await self._read(step.ref)
            shown = shown if read is None else read
        self._lost.pop("edit", None)
        frozen = self._screen.freeze(step, shown)
        self._record.message(step.part.index, frozen)

    async def _go_down(self, step: Step, problem: ConnectorError) -> None:
        """A new message was refused: the next rung on which something else would be sent."""
        if "post" in self._lost and not await self._surely_refused(step):
            return
        following: Step | None = step
        while following is not None and following.part.text == step.part.text:
            self._descend(problem)
            following = self._next()
        self._record.refused(self._ladder.taken, problem)

    async def _surely_refused(self, step: Step) -> bool:
        """Whether no try of a post has been taken, of which one had no answer."""
        try:
            found = await self._look_for_post(step)
        except (ConnectorError, TimeoutError) as error:
            if not is_final(error):
                await self._wait()
                return False
            return True
        if not found:
            del self._lost["post"]
        return not found

    def _descend(self, problem: ConnectorError) -> None:
        """Takes the next rung."""
        match self._ladder.down(problem):
            case Rung.HALF | Rung.QUARTER:
                self._record.messages(self._screen.shrink())
            case Rung.LITERAL:
                self._record.messages(self._screen.as_literal())
            case _:
                self._give_up(str(problem) or type(problem).__name__)

    def _shrink(self, problem: ConnectorError) -> None:
        self._ladder.down(problem)
        self._record.refused(self._ladder.taken, problem)
        self._record.messages(self._screen.shrink())

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


def _alike(heard: MessageRef, ref: MessageRef) -> bool:
    """Whether a deletion is that of a message; a connector may not know the threads of others."""
    where = (heard.place.workspace, heard.place.channel, heard.id)
    return where == (ref.place.workspace, ref.place.channel, ref.id)
