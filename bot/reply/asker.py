"""Tells the asker alone what no message can say: each thing once at most, whoever is at it."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

from bot.pacing import Pacing, Waiting
from bot.reply.ladder import PAUSES_S, pause_after
from bot.store import StoreUnavailable, WhisperLog
from bot.words import Sentence, english
from connectors.base import (
    Connector,
    ConnectorError,
    MessageLimited,
    Person,
    Place,
    RateLimited,
    Unconfirmed,
    Whispers,
)

_DEADLINE_S = 60.0


class Asker:
    """Who asked for an answer, and a way to them that nobody else sees."""

    def __init__(
        self,
        run_id: UUID,
        person: Person | None,
        place: Place,
        connector: Connector,
        pacing: Pacing,
        whispers: WhisperLog,
    ) -> None:
        """`person` is None where nobody knows who asked."""
        self._run_id = run_id
        self._person = person
        self._place = place
        self._connector = connector
        self._pacing = pacing
        self._whispers = whispers
        self._me = uuid4()

    async def tell(self, sentence: str, waiting: Waiting, at_us: int) -> str | None:
        """Says a sentence, by its id; why it was not, or perhaps not, told, or None where it was.

        `waiting` is who waits for the turn, `at_us` now, in microseconds since the epoch.
        """
        connector, person = self._connector, self._person
        if person is None or not isinstance(connector, Whispers):
            return "there is no way to tell the asker alone"
        if (problem := await self._claim(sentence, at_us)) is not None:
            return problem
        tries = 0
        while True:
            failed = await self._say(sentence, connector, person, waiting)
            tries += 1
            if failed is None:
                return None
            pause_s = pause_after(failed, tries)
            # Where no answer came they may have been told.
            if pause_s is None or isinstance(failed, Unconfirmed | TimeoutError):
                return str(failed) or type(failed).__name__
            await asyncio.sleep(pause_s)

    async def _claim(self, sentence: str, at_us: int) -> str | None:
        """Makes sure that nobody else tells it; what is in the way, or None."""
        tries = 0
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
        self, sentence: str, connector: Whispers, person: Person, waiting: Waiting
    ) -> ConnectorError | TimeoutError | None:
        """Tries once; what went wrong, if anything did."""
        budget = self._connector.budget(self._place, "post")
        await self._pacing.turn(budget, waiting)
        try:
            async with asyncio.timeout(_DEADLINE_S):
                words, key = english(Sentence(sentence)), f"{self._run_id}:{sentence}"
                await connector.whisper(self._place, person, words, key)
        except (ConnectorError, TimeoutError) as error:
            if isinstance(error, RateLimited) and not isinstance(error, MessageLimited):
                self._pacing.limited(budget, error.retry_after)
            return error
        return None
