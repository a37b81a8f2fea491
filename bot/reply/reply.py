"""A reply takes text as fast as the model gives it, and shows it as fast as the platform allows.

Whenever it is its turn it sends its newest text, so a stale edit is never queued. Only one call is
under way at a time, so edits can't overtake each other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from uuid import UUID

import structlog

from bot.pacing import Pacing
from bot.reply.calls import UNHEARD, Hearer, PlatformCalls, ReplyRecord
from bot.reply.files import FileDelivery, not_shown
from bot.reply.last_words import Asker, LastWords
from bot.reply.refusals import Refusals
from bot.reply.screen import Ending, Step
from bot.reply.state import FROM_THE_START, Begun, ReplyState
from bot.store import AnswerFiles, FileRow, Store
from bot.words import Language, Sentence, small
from connectors.base import Connector, ConnectorError, MessageRef, Person

log = structlog.get_logger(__name__)

_GATHER_S = 0.15
"""Seconds to gather the first text: a post of one letter would be all there is for a second."""
_STAMP_DEADLINE_S = 15.0
_LAST_WORD_S = 60.0
_MOST_FAULTS = 1
"""How many exceptions of our own a reply survives."""


class Reply:
    """One answer on its way to the screen. `append` never waits; `finish` ends it, visibly."""

    def __init__(
        self,
        run_id: UUID,
        question: MessageRef,
        *,
        connector: Connector,
        pacing: Pacing,
        store: Store,
        elapsed_us: Callable[[], int],
        begun: Begun = FROM_THE_START,
        hearer: Hearer = UNHEARD,
        asker: Person | None = None,
        language: Language = Language.ENGLISH,
    ) -> None:
        """`asker` is told privately if no message can be shown; None: nobody is."""
        self.late = False
        """Not everything was shown in the time given; the platform may still take it."""
        self.delivered = ""
        """The text that was appended, once the reply has been finished."""
        self.lost_at: int | None = None
        """Where the delivered text first differed from the provider's, if it did."""
        self.behind_since: float | None = None
        """Since when text has been waiting to be shown, in the loop's time; None: none waits."""
        self._run_id = run_id
        self._elapsed_us = elapsed_us
        self.language = language
        self._clock = asyncio.get_running_loop().time
        self._elsewhere = begun.elsewhere
        self._record = ReplyRecord(run_id, connector.name, store, hearer, begun.calls)
        limits = connector.limits.at(question.place)
        self._notes = limits.notes
        self.state = ReplyState(run_id, question, limits, begun, self._record, elapsed_us, language)
        """Its phase, its messages, and what became of the answer."""
        self._screen = self.state.screen
        self._calls = PlatformCalls(
            run_id, question.place, connector, pacing, waiting=self.state, since_us=begun.at_us
        )
        self._refusals = Refusals(self.state, self._calls, self._record)
        told = Asker(
            run_id, asker, self._calls, store.whispers, lambda: begun.at_us + elapsed_us(), language
        )
        self._last_words = LastWords(self.state, self._calls, self._record, told)
        self._task = asyncio.create_task(self._run(), name=f"reply {run_id}")

    # What the run asks.

    def append(self, text: str) -> None:
        """Takes the answer's next characters; never waits."""
        if self._screen.ending is None:
            self._screen.append(text)
            self.state.changed.set()
            if self.behind_since is None:
                self.behind_since = self._clock()

    def mark(self, text: str) -> None:
        """Adds a line of ours at this point of the answer; never waits."""
        if self._screen.ending is None:
            self._screen.mark(text)
            self.state.changed.set()

    def think(self, text: str) -> None:
        """Takes the next characters of the reasoning, shown before the answer; never waits."""
        if self._screen.ending is None:
            self._screen.think(text)
            self.state.changed.set()

    async def finish(self, ending: Ending, timeout: float) -> None:
        """Shows the whole text, the note and the controls; gives up after `timeout` seconds.

        Then there is a minute to say so on the screen, unless another process starts over. The
        ending's text is what counts: delivered text that differs from it is replaced.
        """
        self.delivered = self._screen.text
        self.lost_at = self.state.finish(ending)
        if self.lost_at is not None:
            log.error("reply.delivery_lost_text", position=self.lost_at)
        self._calls.hurry()
        _, late = await asyncio.wait({self._task}, timeout=timeout)
        if late:
            self.late = True
            why = f"not shown within {timeout:g} s"
            self.state.give_up(why)
            if not self._elsewhere:
                await self._say_so(why)
            self._task.cancel()
        self.state.settle()

    async def _say_so(self, why: str) -> None:
        """Waits a minute for the messages to say that the rest is missing."""
        _, unsaid = await asyncio.wait({self._task}, timeout=_LAST_WORD_S)
        if unsaid:
            self._record.refused("operator", why)
            log.error("reply.nobody_told", why=why, error=f"no turn within {_LAST_WORD_S:g} s")

    async def attach(
        self, rows: Sequence[FileRow], files: AnswerFiles, timeout: float
    ) -> list[FileRow]:
        """Shows the files of an answer that has been finished, and says which can't be shown.

        Takes at most about `timeout` seconds; returns what became of each.
        """
        ref = None if self.state.over.is_set() else next(reversed(self.state.refs), None)
        shown = await FileDelivery(self._run_id, files, self._calls).deliver(rows, ref, timeout)
        missing = [small(line, self.language) for line in map(not_shown, shown) if line is not None]
        if missing and self._notes and self.state.amend("\n\n".join(missing)):
            self._task = asyncio.create_task(self._run(), name=f"reply {self._run_id}")
            await asyncio.wait({self._task}, timeout=_LAST_WORD_S)
            self._task.cancel()
            self.state.settle()
        return shown

    def abandon(self) -> None:
        """Another process ends the answer: nothing more is sent from here."""
        self.state.abandon("another process has taken the answer over")
        self._task.cancel()

    async def stamp(self, footer: Sentence) -> None:
        """Adds small print under the answer's last part; a courtesy, tried once."""
        last, said = next(reversed(self.state.messages), None), footer.to(self.language)
        if last is None or last.part is None or self.state.over.is_set():
            return
        try:
            async with asyncio.timeout(_STAMP_DEADLINE_S):
                await self._calls.turn("edit")
                await self._calls.edit(last.ref, replace(last.part, footer=said))
        except (ConnectorError, TimeoutError) as error:
            log.warning("reply.not_stamped", error=str(error) or type(error).__name__)
        except Exception:
            log.exception("reply.broke")

    # The loop: look, wait for the turn, look again, send.

    async def _run(self) -> None:
        try:
            await self._show_all()
        finally:
            self._calls.leave()

    async def _show_all(self) -> None:
        faults = 0
        while faults <= _MOST_FAULTS:
            try:
                await self._show()
            except Exception as error:
                log.exception("reply.broke")
                self.state.give_up(f"{type(error).__name__} in the connector")
                faults += 1
            else:
                return

    async def _show(self) -> None:
        state = self.state
        while True:
            if state.blank and not state.ended and state.unseen:
                await asyncio.sleep(_GATHER_S)
            if (step := state.next()) is not None:
                await self._take_turn(step)
            elif not state.ended:
                await state.changed.wait()
                state.changed.clear()
            elif not await self._refusals.found_late():
                await self._last_words.say()
                return

    async def _take_turn(self, step: Step) -> None:
        """Waits for a step's turn, then sends the newest step if it is a call of the same kind."""
        if self._elsewhere and step.ref is None and await self._refusals.stands(step):
            return
        await self._calls.turn(step.call)
        newest = self.state.next()
        if newest is not None and newest.call == step.call:
            await self._send(newest)

    async def _send(self, step: Step) -> None:
        started_us, problem, lag_us = self._elapsed_us(), None, None
        began, position = self._clock(), self._screen.position
        try:
            shown = await self._calls.make(step)
        except ConnectorError as error:
            problem = error
        else:
            self.state.confirm(step, shown)
            lag_us = self._caught_up(step, began, position)
        self._record.call(
            step,
            at_us=started_us,
            latency_us=self._elapsed_us() - started_us,
            position=self._screen.position,
            problem=problem,
            lag_us=lag_us,
        )
        if problem is not None:
            await self._refusals.face(step, problem)

    def _caught_up(self, step: Step, began: float, position: int) -> int | None:
        """Microseconds that the oldest text now shown had waited; None if nothing new is shown."""
        since = self.behind_since
        if since is None or self._screen.position <= position:
            return None
        if step.part.last or step.part.firm is not None:  # what is unseen now came after that
            self.behind_since = began if self._screen.unseen else None
        return int((self._clock() - since) * 1_000_000)
