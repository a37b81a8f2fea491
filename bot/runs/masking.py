"""What must not leave, as runs know it: words for which a question is not put to a model at all,
and the placeholders that services see in the place of values.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

if TYPE_CHECKING:
    from bot.runs.making import Making
    from bot.runs.outcomes import Question

_ALPHABETIC = "0-9A-Za-z\u00aa-\u024f\u0370-\u1fff"
"""Where words are apart by spaces or marks: elsewhere a word may stand within any text."""
_LETTER = re.compile(f"[{_ALPHABETIC}]")


class BlockedWords:
    """Finds the words that no question may have, however they are written: wide or narrow letters,
    capital or small ones, with characters between that nobody sees.
    """

    def __init__(self, words: Iterable[str] = ()) -> None:
        plain = sorted({_plain(word) for word in words} - {""}, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(_alone, plain))) if plain else None

    def __contains__(self, text: object) -> bool:
        if self._pattern is None or not isinstance(text, str):
            return False
        return self._pattern.search(_plain(text)) is not None


def _plain(text: str) -> str:
    seen = unicodedata.normalize("NFKC", text).casefold()
    if not seen.isascii():
        seen = "".join(each for each in seen if unicodedata.category(each) != "Cf")
    return " ".join(seen.split())


def _alone(word: str) -> str:
    before = f"(?<![{_ALPHABETIC}])" if _LETTER.match(word[0]) else ""
    after = f"(?![{_ALPHABETIC}])" if _LETTER.match(word[-1]) else ""
    return f"{before}{re.escape(word)}{after}"


@dataclass(frozen=True, slots=True)
class MaskTally:
    """What was masked in a run, without the values.

    `requests` were sent, after each was looked through and held no value. `chars` and `sha256` are
    those of what the services really sent as answers, with the placeholders.
    """

    values: int
    kinds: Mapping[str, int]
    requests: int
    chars: int
    sha256: str


class MaskedRun(Protocol):
    """The masks of one run."""

    def tally(self) -> MaskTally:
        """What was masked so far."""
        ...


class Masker(Protocol):
    """Masks what runs send."""

    def masked(self, making: Making, run_id: UUID, question: Question) -> Making:
        """What a run is made with, so that services see placeholders; the same if nothing is to
        be masked there. Never waits, never raises.
        """
        ...
