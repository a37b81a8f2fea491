"""What is tried, in this order, where a platform refuses what it should take; the last rung
tells the asker alone.
"""

from __future__ import annotations

import asyncio
from enum import IntEnum
from typing import Literal
from uuid import UUID, uuid4

from bot.pacing import Claimant, Pacing
from bot.store import StoreUnavailable, WhisperLog
from bot.words import Sentence, english
from connectors.base import (
    Connector,
    ConnectorError,
    Gone,
    MessageLimited,
    MessageRef,
    Person,
    Place,
    RateLimited,
    Unavailable,
    Unconfirmed,
    Whispers,
)

Taken = Literal[
    "read_back", "below", "half", "quarter", "literal", "closed", "asker", "operator"
]  # fmt: skip
"""What was done about a refusal, by the words of the log and the metrics: a message that is said
to be gone was read back; the rest goes on below a message that took no edit; parts are half as
long, or a quarter; they are code; no more is shown; the asker alone was told; nobody could be."""

LONGEST_PAUSE_S = 8.0
"""So long a reader would wait at most."""
BELIEVED = 3
PAUSES_S = (0.5, 2.0, LONGEST_PAUSE_S, LONGEST_PAUSE_S)


class Rung(IntEnum):
    """How an answer is shown, from the best way down."""

    WHOLE = 0
    HALF = 1
    """In parts of half the length."""
    QUARTER = 2
    LITERAL = 3
    """As code, of which the platform reads nothing as Markdown."""
    CLOSED = 4
    """No more of it: what stands is ended, and says so; where it can't, the asker is told."""


class Ladder:
    """Where an answer stands on it; it only goes down."""

    def __init__(self) -> None:
        self.rung = Rung.WHOLE
        self._there: set[MessageRef] = set()

    def down(self, problem: ConnectorError) -> Rung:
        """The next rung, after a new message was refused."""
        gone = isinstance(problem, Gone)  # the channel or thread is: no other words will do
        self.rung = Rung.CLOSED if gone else Rung(min(self.rung + 1, Rung.CLOSED))
        return self.rung

    @property
    def taken(self) -> Taken:
        """What was done to come down to here."""
        words: tuple[Taken, ...] = ("below", "half", "quarter", "literal", "closed")
        return words[self.rung]

    def close(self) -> None:
        """The lowest rung."""
        self.rung = Rung.CLOSED

    def looked_for(self, ref: MessageRef) -> bool:
        """Whether a message was found to be there that the platform said is gone."""
        return ref in self._there

    def found(self, ref: MessageRef) -> None:
        """A message is there that the platform said is gone: that is not looked for again."""
        self._there.add(ref)


def is_final(problem: Exception) -> bool:
    """Whether a call is refused for longer than a reader would wait."""
    if isinstance(problem, MessageLimited):
        return problem.retry_after > LONGEST_PAUSE_S
    return not isinstance(problem, RateLimited | Unavailable | TimeoutError)


def pause_after(problem: Exception, tries: int, refusals: int = BELIEVED) -> float | None:
    """Seconds until a call may be made again that failed `tries` times; None where it may not.

    `refusals`: so many of these were for good, which is believed the third time; save of a limit,
    for the platform has said how long that is.
    """
    believed = isinstance(problem, RateLimited) or refusals >= BELIEVED
    if tries > len(PAUSES_S) or (is_final(problem) and believed):
        return None
    wanted = problem.retry_after if isinstance(problem, MessageLimited) else 0.0
    return max(wanted, PAUSES_S[tries - 1])


# Tells the asker alone what no message can say: each thing once at most, whoever is at it.


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

    async def tell(self, sentence: str, waiting: Claimant, at_us: int) -> str | None:
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
        self, sentence: str, connector: Whispers, person: Person, waiting: Claimant
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
