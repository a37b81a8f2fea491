"""Hears what a test tells it to."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.attachments import NotHeard
from bot.words import Sentence


@dataclass
class ScriptedTranscriber:
    """Hears what it was told to, or nothing."""

    words: str | Sentence = "Why is the sky blue?"
    given: list[bytes] = field(default_factory=list)

    async def transcribe(self, data: bytes) -> str:
        """See `Transcriber`."""
        self.given.append(data)
        if isinstance(self.words, Sentence):
            raise NotHeard(self.words)
        return self.words
