"""What is asked of a reply that wants to make a call."""

from __future__ import annotations

from enum import IntEnum
from typing import Protocol


class Waiting(Protocol):
    """A reply that wants to make a call. Read anew at each decision, for it grows and ends."""

    @property
    def ended(self) -> bool:
        """No more text will come; the call would show the whole."""
        ...

    @property
    def blank(self) -> bool:
        """Nothing of it is shown yet."""
        ...

    @property
    def unseen(self) -> int:
        """Characters that were generated and are not shown."""
        ...

    @property
    def since(self) -> float:
        """When its reader last saw something new, or the run began: the event loop's time."""
        ...


class Claim(IntEnum):
    """What a reply wants a call for, the most urgent first."""

    END = 0
    FIRST = 1
    MIDDLE = 2

    @classmethod
    def of(cls, waiting: Waiting) -> Claim:
        """What such a reply wants now."""
        if waiting.ended:
            return cls.END
        return cls.FIRST if waiting.blank else cls.MIDDLE
