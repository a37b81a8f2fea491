"""Reasoning that a model writes into its answer, between `<think>` and `</think>`.

Servers that have no parser for a model's reasoning pass it on so. Only a block at the very
beginning counts: later, the tags are part of what the model says.
"""

from __future__ import annotations

from collections.abc import Iterator

from providers.base import TokenKind

OPENING = "<think>"
CLOSING = "</think>"


class ThinkBlock:
    """Tells a leading block from the answer; the tags themselves, maybe split, vanish."""

    def __init__(self) -> None:
        self._read = self._before
        self._held: list[str] = []

    @property
    def over(self) -> bool:
        """Whether all that follows is the answer."""
        return self._read == self._after

    def split(self, text: str) -> Iterator[tuple[TokenKind, str]]:
        """What the next piece of the stream is; what may still become a tag is held back."""
        return self._read(text)

    def flush(self) -> Iterator[tuple[TokenKind, str]]:
        """At the stream's end: what was held back for a tag that never came."""
        kind: TokenKind = "reasoning" if self._read == self._inside else "text"
        held, self._held = self._held, []
        yield from ((kind, text) for text in held)

    def _before(self, text: str) -> Iterator[tuple[TokenKind, str]]:
        self._held.append(text)
        start = "".join(self._held).lstrip()
        if OPENING.startswith(start):
            return
        held, self._held = self._held, []
        if start.startswith(OPENING):
            self._read = self._inside
            yield from self._inside(start.removeprefix(OPENING))
        else:
            self._read = self._after
            yield from (("text", piece) for piece in held)

    def _inside(self, text: str) -> Iterator[tuple[TokenKind, str]]:
        text = "".join(self._held) + text
        thought, closing, answer = text.partition(CLOSING)
        if closing:
            self._held = []
            self._read = self._after
            yield "reasoning", thought
            yield "text", answer
            return
        kept = _begun(text)
        self._held = [text[len(text) - kept :]] if kept else []
        yield "reasoning", text[: len(text) - kept]

    def _after(self, text: str) -> Iterator[tuple[TokenKind, str]]:
        yield "text", text


def _begun(text: str) -> int:
    """How many characters at the end may be the beginning of the closing tag."""
    sizes = range(min(len(text), len(CLOSING) - 1), 0, -1)
    return next((size for size in sizes if text.endswith(CLOSING[:size])), 0)
