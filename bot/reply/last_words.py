"""What is said when nothing more of an answer can be shown: no message is to look unfinished, and
where none can say that the answer is cut, the asker alone is told, once, whoever is at it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from uuid import UUID, uuid4

import structlog

from bot.reply.calls import PlatformCalls, ReplyRecord, answered
from bot.reply.ladder import PAUSES_S, is_final, pause_after
from bot.reply.state import ReplyState
from bot.store import StoreUnavailable, WhisperLog
from bot.words import Language, Sentence
from connectors.base import (
    ConnectorError,
    MessageRef,
    Part,
    Person,
    Unconfirmed,
    Whispers,
)

log = structlog.get_logger(__name__)


class Asker:
    """Who asked for an answer, and a way to them that nobody else sees."""

    def __init__(
        self,
        run_id: UUID,
        person: Person | None,
        calls: PlatformCalls,
        whispers: WhisperLog,
        now_us: Callable[[], int],
        language: Language = Language.ENGLISH,
    ) -> None:
        """`person` is None where nobody knows who asked; `now_us` since the epoch."""
        self._run_id = run_id
        self._person = person
        self._calls = calls
        self._whispers = whispers
        self._now_us = now_us
        self._language = language
        self._me = uuid4()

    async def tell(self, sentence: str) -> str | None:
        """Says a sentence, by its id; why it was not, or may not have been, told; None: it was."""
        connector, person = self._calls.connector, self._person
        if person is None or not isinstance(connector, Whispers):
            return "there is no way to tell the asker alone"
        if (problem := await self._claim(sentence)) is not None:
            return problem
        tries = 0
        while True:
            failed = await self._say(sentence, connector, person)
            tries += 1
            if failed is None:
                return None
            pause_s = pause_after(failed, tries)
            if pause_s is None or isinstance(failed, Unconfirmed):  # they may have been told
                return str(failed) or type(failed).__name__
            await asyncio.sleep(pause_s)

    async def _claim(self, sentence: str) -> str | None:
        """Makes sure that nobody else tells it; what is in the way, or None."""
        at_us, tries = self._now_us(), 0
        while True:
            try:
                mine = await self._whispers.claim(self._run_id, sentence, self._me, at_us)
            except StoreUnavailable as error:
                if tries == len(PAUSES_S):
                    return f"nobody knows whether they have been told: {error}"
                await asyncio.sleep(PAUSES_S[tries])
                tries += 1
            else:
                return None if mine else "they have been told before, or may have been"

    async def _say(
        self, sentence: str, connector: Whispers, person: Person
    ) -> ConnectorError | None:
        """Tries once; what went wrong, if anything did."""
        budget = await self._calls.turn("post")
        said, key = Sentence(sentence).to(self._language), f"{self._run_id}:{sentence}"
        try:
            await answered(connector.whisper(self._calls.place, person, said, key))
        except ConnectorError as error:
            self._calls.hold(budget, error)
            return error
        return None


class LastWords:
    """Says the last of one reply."""

    def __init__(
        self, state: ReplyState, calls: PlatformCalls, record: ReplyRecord, asker: Asker
    ) -> None:
        self._state = state
        self._calls = calls
        self._record = record
        self._asker = asker

    async def say(self) -> None:
        """All is sent that can be: no message is to look unfinished, and somebody is told."""
        await self._tidy()
        closing, error = self._state.closing, self._state.error
        if error is not None and not (closing is not None and closing.told):
            await self._tell_the_asker(error)

    async def _tidy(self) -> None:
        """Messages that refused an edit may take one now: none is to look unfinished."""
        for ref, part in self._state.left_writing():
            tries = refusals = 0
            while ref not in self._state.deleted:
                problem = await self._tidied(ref, part)
                if problem is None:
                    break
                tries, refusals = tries + 1, refusals + is_final(problem)
                pause_s = pause_after(problem, tries, refusals)
                if pause_s is None:
                    break
                await asyncio.sleep(pause_s)

    async def _tidied(self, ref: MessageRef, part: Part) -> ConnectorError | None:
        """What went wrong, if anything did."""
        budget = await self._calls.turn("edit")
        try:
            shown = await self._calls.edit(ref, part)
        except ConnectorError as error:
            log.warning("reply.left_writing", error=str(error) or type(error).__name__)
            self._calls.hold(budget, error)
            return error
        self._state.tidied(part, shown)
        return None

    async def _tell_the_asker(self, why: str) -> None:
        """Where no message takes the news, the asker alone is told; a failure leaves the log."""
        stands = any(ref not in self._state.deleted for ref in self._state.refs)
        problem = await self._asker.tell("shown.cut_there" if stands else "shown.nothing_there")
        self._record.refused("asker" if problem is None else "operator", why)
        if problem is None:
            log.warning("reply.asker_told", why=why)
        else:
            log.error("reply.nobody_told", why=why, error=problem)
