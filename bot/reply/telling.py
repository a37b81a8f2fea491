"""Tells a reply what a model said: its answer, and what of the rest the reader is to see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

from providers.base import ANSWER_KINDS, TokenKind

Reasoning = Literal["hidden", "summary", "shown"]
"""What the reader sees of a model's reasoning: nothing, how long it took, or all of it."""

SEAM = "_The model broke off here; another one goes on._"


class Buffer(Protocol):
    """What grows on the reader's screen; nothing here ever waits."""

    def append(self, text: str) -> None:
        """Takes the answer's next characters."""
        ...

    def mark(self, text: str) -> None:
        """Puts a line of ours where the answer has got to."""
        ...

    def think(self, text: str) -> None:
        """Takes the next characters of what is shown before the answer."""
        ...


class Telling:
    """Tells one reply. `now_us` gives microseconds since the run began, wherever it is wanted."""

    def __init__(self, reply: Buffer, reasoning: Reasoning = "hidden") -> None:
        self._reply = reply
        self._reasoning = reasoning
        self._answering = reasoning == "hidden"
        self._thinks_since_us: int | None = None

    def take(self, text: str, kind: TokenKind, now_us: Callable[[], int]) -> None:
        """Takes one token, whatever its kind."""
        if kind in ANSWER_KINDS:
            if not self._answering:
                self._begin(now_us)
            self._reply.append(text)
        elif kind == "seam":
            self._reply.mark(SEAM)
        elif kind == "reasoning" and not self._answering:
            self._think(text, now_us)

    def _think(self, text: str, now_us: Callable[[], int]) -> None:
        if self._thinks_since_us is None:
            self._thinks_since_us = now_us()
        if self._reasoning == "shown":
            self._reply.think(text)

    def _begin(self, now_us: Callable[[], int]) -> None:
        """The answer begins: what was thought until now is all that is shown of it."""
        self._answering = True
        if self._reasoning == "summary" and self._thinks_since_us is not None:
            seconds = max(1, round((now_us() - self._thinks_since_us) / 1_000_000))
            self._reply.mark(f"_Thought for {seconds} s_")
