"""What `bot` says: the sentences of `connectors.words`, and in which language somebody reads them.

The tables are there, since connectors say sentences as well.
"""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from connectors.base import Person, Place
from connectors.words import (
    CATALOGUE,
    Language,
    Sentence,
    Wording,
    chosen,
    english,
    is_one_of,
    language_of,
    listed,
    parameters,
    render,
)
from connectors.words.installation import installed, typed
from providers.base import ProviderError

__all__ = [
    "CATALOGUE",
    "Language",
    "Languages",
    "Sentence",
    "Wording",
    "english",
    "happened",
    "installed",
    "is_one_of",
    "language_of",
    "listed",
    "parameters",
    "render",
    "small",
    "system_language",
    "typed",
]

_MARKUP = re.compile(r"(?:[\s*`~\[\]<>|\\]|(?<![A-Za-z0-9_])_+|_+(?![A-Za-z0-9_]))+")
"""What marks up, but for what is within a word: `get_current_time` stays as it is."""

LanguageOfScope = Callable[[Place], Awaitable[Language | None]]
"""The language that was set for a place; None where none was. It raises nothing."""


async def _unset(_place: Place) -> Language | None:
    return None


@dataclass(frozen=True, slots=True)
class Languages:
    """Which language a reader has: the person's, else the scope's, else that of the question's
    script, else the deployment's.
    """

    default: Language = Language.ENGLISH
    of_scope: LanguageOfScope = _unset

    async def of(self, place: Place, person: Person | None, question: str = "") -> Language:
        """The language of somebody in a place; `question` is what they asked, if anything."""
        theirs = None if person is None else language_of(person.language)
        scope = None if theirs else await self.of_scope(place)
        return theirs or chosen("", scope, question, self.default)


def system_language() -> str:
    """The language of who is at this terminal, as the system says it; empty where it doesn't."""
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    return next((said for name in names if (said := os.environ.get(name))), "")


def small(note: Sentence | None, language: Language = Language.ENGLISH) -> str:
    """A note as Markdown: one line in italics, in which nothing else is marked up."""
    return "" if note is None else f"_{_MARKUP.sub(' ', render(note, language)).strip()}_"


def happened(error: ProviderError) -> str:
    """A failure as one line for the operator, without the service's own words."""
    if not error.named:
        return str(error)
    return english(Sentence(f"cause.{error.cause}", error.params))
