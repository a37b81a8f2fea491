"""Markdown texts to try dialects on: half made by a grammar, half written by people.

People's are what the installed packages say about themselves and bring along: the same list for the
same packages.
"""

from __future__ import annotations

from email import message_from_string
from functools import lru_cache
from importlib.metadata import distributions
from itertools import islice
from pathlib import Path
from random import Random

from tests.markdown.grammar import Grammar

LONGEST = 12_000
"""Characters of a person's text; further on it is cut, between paragraphs if that can be."""


def texts(count: int) -> list[str]:
    """So many texts, in turn by a grammar and by people while there are enough of theirs."""
    people = written()
    made = [Grammar(Random(seed)).text()[0] for seed in range(count - min(count // 2, len(people)))]  # noqa: S311
    spread = people[:: max(1, len(people) // (count // 2))][: count // 2] if count > 1 else []
    return [*made, *spread][:count]


@lru_cache(1)
def written() -> list[str]:
    """Texts of people's: each package's description, and the Markdown files that it brings."""
    found: dict[str, None] = {}
    for each in sorted(distributions(), key=lambda one: str(one.name).lower()):
        described = message_from_string(each.read_text("METADATA") or "")
        found |= dict.fromkeys(_pieces(str(described.get_payload())))
        for file in sorted(map(str, each.files or ())):
            path = Path(str(each.locate_file(file)))
            if file.endswith(".md") and path.is_file():
                found |= dict.fromkeys(_pieces(path.read_text(errors="replace")))
    return list(found)


def _pieces(text: str) -> list[str]:
    """A text in pieces of LONGEST characters at the most, the first eight of them."""
    pieces, rest = [], text.strip()
    while rest:
        cut = len(rest) if len(rest) <= LONGEST else rest.rfind("\n\n", 1, LONGEST)
        cut = cut if cut > 0 else LONGEST
        pieces.append(rest[:cut])
        rest = rest[cut:].strip("\n")
    return list(islice(pieces, 8))
