"""What follows from a failed call, down the ladder (`bot.reply.ladder`): the call is repeated, its
message is looked for or left as it is, or the text is sent in another form.
"""

from __future__ import annotations

import asyncio

import structlog

from bot.reply.calls import PlatformCalls, ReplyRecord
from bot.reply.ladder import LONGEST_PAUSE_S, Rung, is_final, pause_after
from bot.reply.screen import Step
from bot.reply.state import ReplyState
from connectors.base import (
    ConnectorError,
    Gone,
    MessageLimited,
    MessageRef,
    RateLimited,
    TooLarge,
    Unavailable,
)

log = structlog.get_logger(__name__)

_FIRST_PAUSE_S = 0.5


class Refusals:
    """Handles the failed calls of one reply."""

    def __init__(self, state: ReplyState, calls: PlatformCalls, record: ReplyRecord) -> None:
        self._state = state
        self._calls = calls
        self._record = record
        self._ladder = state.ladder
        self._pause_s = _FIRST_PAUSE_S
        self._paused_since: float | None = None

    async def face(self, step: Step, problem: ConnectorError) -> None:
        """A step failed: does what follows, and returns when the next step may be made."""
        log.warning("reply.call_failed", call=step.call, part=step.part.index, error=str(problem))
        match problem:
            case Unavailable():
                self._state.doubt(step)
                await self._wait()
            case MessageLimited() if not is_final(problem):  # other messages go on meanwhile
                await asyncio.sleep(problem.retry_after)
            case RateLimited() if not is_final(problem):
                self._calls.hold(self._calls.budget(step.call), problem)
            case Gone() if step.ref is not None:
                await self._look_for(step, step.ref)
            case _ if self._state.closing is not None:
                self._state.closing.refuse(step)
            case _ if step.ref is not None:
                await self._go_on_below(step, problem)
            case _:
                await self._go_down(step, problem)

    async def _wait(self) -> None:
        """Waits, twice as long each time, until something new is shown."""
        if self._paused_since != self._state.since:
            self._pause_s, self._paused_since = _FIRST_PAUSE_S, self._state.since
        await asyncio.sleep(self._pause_s)
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)

    # A post that may or may not have been made.

    async def stands(self, step: Step) -> bool:
        """Whether a part is there although no post of it is known; from then on it is edited."""
        try:
            return await self._look_for_post(step)
        except ConnectorError as error:
            log.warning("reply.not_looked_for", error=str(error) or type(error).__name__)
            return False

    async def found_late(self) -> bool:
        """Whether the last doubtful post turns out to have been made: then it has to be ended."""
        state = self._state
        if state.closing is None or (step := state.lost.pop("post", None)) is None:
            return False
        tries = 0
        while True:
            try:
                return await self._look_for_post(step)
            except ConnectorError as error:
                tries += 1
                log.warning("reply.not_looked_for", error=str(error) or type(error).__name__)
                if (pause_s := pause_after(error, tries)) is None:
                    return False
            await asyncio.sleep(pause_s)

    async def _look_for_post(self, step: Step) -> bool:
        """Looks for a part, whoever posted it. Raises `ConnectorError`."""
        found = await self._calls.find(step.part)
        if found is not None:
            self._state.found(step, found)
        return found is not None

    # A message that takes no edit.

    async def _look_for(self, step: Step, ref: MessageRef) -> None:
        """The platform says that a message is gone; that is true if it can't be read either."""
        if self._ladder.looked_for(ref):
            await self._leave(step, "it can be read, and takes no edit")
            return
        self._record.refused("read_back", "it is said to be gone")
        budget = await self._calls.turn("edit")
        try:
            await self._calls.read(ref)
        except Gone:
            self._state.forget(ref)
        except ConnectorError as error:
            self._calls.hold(budget, error)
            if is_final(error):
                await self._leave(step, error)
            else:
                await self._wait()
        else:
            self._ladder.found(ref)

    async def _leave(self, step: Step, why: object) -> None:
        """A message takes no more edits."""
        if self._state.closing is None:
            await self._freeze(step, why)
        else:
            self._state.closing.refuse(step)

    async def _go_on_below(self, step: Step, problem: ConnectorError) -> None:
        """An edit was refused: its message stays as it is, and the rest goes into a new one."""
        await self._freeze(step, problem)
        if self._state.screen.has_twice:
            return  # smaller parts would leave the message below as it is: it is edited first
        if isinstance(problem, TooLarge) and self._ladder.rung < Rung.QUARTER:
            self._ladder.down(problem)
            self._record.refused(self._ladder.taken, problem)
            self._record.messages(self._state.screen.shrink())

    async def _freeze(self, step: Step, why: object) -> None:
        """Continues below a message that can't be edited any more."""
        self._record.refused("below", why)
        state = self._state
        shown = state.screen.shown_otherwise(step)
        if "edit" in state.lost and step.ref is not None:
            # An earlier edit may have been done although no answer came: no text may come twice.
            read = await self._read(step.ref)
            shown = shown if read is None else read
        state.lost.pop("edit", None)
        self._record.message(step.part.index, state.screen.freeze(step, shown))

    async def _read(self, ref: MessageRef) -> str | None:
        try:
            return (await self._calls.read(ref)).text
        except ConnectorError as error:
            self._state.unsure = "a message can neither be edited nor read back"
            log.warning("reply.not_read", error=str(error) or type(error).__name__)
            return None

    # A new message that the platform refuses.

    async def _go_down(self, step: Step, problem: ConnectorError) -> None:
        """Goes down to the next rung on which something different would be sent."""
        if "post" in self._state.lost and not await self._surely_refused(step):
            return
        following: Step | None = step
        while following is not None and following.part.text == step.part.text:
            self._descend(problem)
            following = self._state.next()
        self._record.refused(self._ladder.taken, problem)

    async def _surely_refused(self, step: Step) -> bool:
        """Whether the post was surely not made, although one attempt had no answer."""
        try:
            found = await self._look_for_post(step)
        except ConnectorError as error:
            if not is_final(error):
                await self._wait()
                return False
            return True
        if not found:
            del self._state.lost["post"]
        return not found

    def _descend(self, problem: ConnectorError) -> None:
        """Takes the next rung."""
        match self._ladder.down(problem):
            case Rung.HALF | Rung.QUARTER:
                self._record.messages(self._state.screen.shrink())
            case Rung.LITERAL:
                self._record.messages(self._state.screen.as_literal())
            case _:
                self._state.give_up(str(problem) or type(problem).__name__)
