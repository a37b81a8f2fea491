"""What the bot says of itself, as its readers see it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bot.attachments import AttachedImage, Reading
from bot.intake import notices
from bot.words import Language, Sentence, Wording, english

ANSWERED_AS_IT_WAS = english(notices.ANSWERED_AS_IT_WAS)
EMPTY = english(notices.EMPTY)
FORGOTTEN = english(notices.FORGOTTEN)
NOT_ALLOWED = english(notices.NOT_ALLOWED)
NOT_ANSWERED = english(notices.NOT_ANSWERED)
NOT_THEIRS = english(notices.NOT_THEIRS)
REPLACED = english(notices.REPLACED)


class Spoken(Wording):
    """Any words, where a test needs some that stand in no catalog."""

    def __init__(self, words: str) -> None:
        super().__init__(Sentence("spoken", {"words": words}), Language.ENGLISH)

    @property
    def text(self) -> str:
        """The words."""
        return str(self.sentence.params["words"])


def lines(sentences: Iterable[Sentence]) -> tuple[str, ...]:
    """Each sentence as text."""
    return tuple(map(english, sentences))


@dataclass(frozen=True)
class Told:
    """A file's reading, with what the reader is told of it as text."""

    text: str | None = None
    image: AttachedImage | None = None
    note: str | None = None
    refusal: str | None = None

    @classmethod
    def of(cls, reading: Reading) -> Told:
        """The same as text."""
        note = None if reading.note is None else english(reading.note)
        refusal = None if reading.refusal is None else english(reading.refusal)
        return cls(reading.text, next(iter(reading.images), None), note, refusal)
