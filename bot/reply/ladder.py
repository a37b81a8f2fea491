"""The ladder: what is tried, in which order, when a platform refuses a call that it should take."""

from __future__ import annotations

from enum import IntEnum

from bot.reply.calls import Taken
from connectors.base import (
    ConnectorError,
    Gone,
    MessageLimited,
    MessageRef,
    RateLimited,
    Unavailable,
)

LONGEST_PAUSE_S = 8.0
"""Seconds that a reader can be expected to wait."""
BELIEVED = 3
PAUSES_S = (0.5, 2.0, LONGEST_PAUSE_S, LONGEST_PAUSE_S)


class Rung(IntEnum):
    """How an answer is shown, best first."""

    WHOLE = 0
    HALF = 1
    """In parts half as long."""
    QUARTER = 2
    LITERAL = 3
    """As code, so that the platform parses none of it as Markdown."""
    CLOSED = 4
    """Not any further: the messages say that the answer is cut, or else the asker is told."""


class Ladder:
    """The current rung of one answer; it only goes down."""

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
        """What was done to get to this rung."""
        words: tuple[Taken, ...] = ("below", "half", "quarter", "literal", "closed")
        return words[self.rung]

    def close(self) -> None:
        """The lowest rung."""
        self.rung = Rung.CLOSED

    def looked_for(self, ref: MessageRef) -> bool:
        """Whether a message was read that the platform said is gone."""
        return ref in self._there

    def found(self, ref: MessageRef) -> None:
        """A message that the platform said is gone can be read: it is not looked for again."""
        self._there.add(ref)


def is_final(problem: ConnectorError) -> bool:
    """Whether it is useless to repeat the call while the reader waits."""
    if isinstance(problem, MessageLimited):
        return problem.retry_after > LONGEST_PAUSE_S
    return not isinstance(problem, RateLimited | Unavailable)


def pause_after(problem: ConnectorError, tries: int, refusals: int = BELIEVED) -> float | None:
    """Seconds until a call may be made again that failed `tries` times; None where it may not.

    `refusals`: so many of these were for good, which is believed the third time; save of a limit,
    for the platform has said how long that is. What passes by itself says nothing of the call: it
    is waited for until the reply's own time is over (`Reply.finish`).
    """
    if is_final(problem) and (isinstance(problem, RateLimited) or refusals >= BELIEVED):
        return None
    wanted = problem.retry_after if isinstance(problem, MessageLimited) else 0.0
    return max(wanted, PAUSES_S[min(tries, len(PAUSES_S)) - 1])
