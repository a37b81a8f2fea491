"""What is tried, in this order, where a platform refuses what it should take.

An edit that is refused leaves its message as it is, and the rest goes into a new one; that the
message is gone is believed once it was looked for. A new message that is refused is tried smaller,
then as plain text; then what stands says that the answer is cut, then the asker alone is told, and
the operator always is. No answer goes down twice, so its calls are bounded.
"""

from __future__ import annotations

from enum import IntEnum

from connectors.base import ConnectorError, Gone, MessageRef


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

    def close(self) -> None:
        """The lowest rung."""
        self.rung = Rung.CLOSED

    def looked_for(self, ref: MessageRef) -> bool:
        """Whether a message was found to be there that the platform said is gone."""
        return ref in self._there

    def found(self, ref: MessageRef) -> None:
        """A message is there that the platform said is gone: that is not looked for again."""
        self._there.add(ref)
