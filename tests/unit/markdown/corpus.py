"""Markdown texts to try dialects on: half made by a grammar, half written by people, and streams.

People's are what the installed packages say about themselves and bring along: the same list for the
same packages. Streams are the answers of the recorded and documented ones, token by token.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email import message_from_string
from functools import lru_cache
from importlib.metadata import distributions
from pathlib import Path
from random import Random

from tests.doubles.providers.streams import CASES
from tests.unit.markdown.grammar import Grammar

LENGTHS = (1_200, 12_000)
"""Characters of a person's text: it is cut between paragraphs, or where that can't be, anywhere."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A text to try, as it comes from a model."""

    name: str
    deltas: tuple[str, ...]

    @property
    def text(self) -> str:
        """The whole."""
        return "".join(self.deltas)


def samples(count: int, first: int = 0) -> Iterator[Sample]:
    """So many texts, half of them by a grammar from a first seed on, half by people; and streams.

    The grammar makes up for people where they have not written enough.
    """
    people = written()
    of_people = min(count // 2, len(people))
    for seed in range(first, first + count - of_people):
        yield _sample(f"grammar {seed}", Grammar(_random(seed)).text()[0])
    for number in range(of_people):
        at = (first + number * len(people) // of_people) % len(people)
        yield _sample(f"people {at}", people[at])
    yield from streams()


def texts(count: int, first: int = 0) -> list[str]:
    """So many texts, half of them by a grammar, half by people."""
    return [each.text for each in samples(count, first)][:count]


@lru_cache(1)
def streams() -> Sequence[Sample]:
    """The text of each recorded or documented stream, in the tokens that it came in."""
    return [
        Sample(case.file, deltas)
        for case in CASES
        if (deltas := tuple(text for kind, text in case.tokens if kind == "text"))
    ]


@lru_cache(1)
def written() -> Sequence[str]:
    """Texts of people's: packages' descriptions and the Markdown files that they bring, in pieces.

    Each is there in short pieces and in long ones.
    """
    whole = dict.fromkeys(_documents())
    return [*dict.fromkeys(each for most in LENGTHS for text in whole for each in _cut(text, most))]


def _documents() -> Iterator[str]:
    for each in sorted(distributions(), key=lambda one: str(one.name).lower()):
        described = message_from_string(each.read_text("METADATA") or "")
        yield str(described.get_payload())
        for file in sorted(map(str, each.files or ())):
            path = Path(str(each.locate_file(file)))
            if file.endswith(".md") and path.is_file():
                yield path.read_text(errors="replace")


def _cut(text: str, most: int) -> Iterator[str]:
    rest = text.strip()
    while rest:
        cut = len(rest) if len(rest) <= most else rest.rfind("\n\n", 1, most)
        cut = cut if cut > 0 else most
        yield rest[:cut]
        rest = rest[cut:].strip("\n")


def _sample(name: str, text: str) -> Sample:
    """A text that comes in three deltas."""
    one, two = sorted(_random(name).choices(range(len(text) + 1), k=2))
    return Sample(name, (text[:one], text[one:two], text[two:]))


def _random(seed: int | str) -> Random:
    return Random(seed)  # noqa: S311 - texts need no secrecy
