"""Texts on each dialect: is what the platform draws what a reader must find, and would a loss show?

    python -m tests.markdown.dialects [TEXTS]

Each text is laid out as it is there, each part is written as it is sent, and the platform's answer
is read. Then one readable character of that answer is dropped, swapped or cut off: the receipt has
to be `broken`. What isn't so is counted by kind.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from bot.receipts import Evidence, Verdict, compare, of_screen
from bot.render import Piece, layout, restore
from connectors.base import Limits
from connectors.discord.connector import DiscordConnector
from connectors.discord.dialect import DiscordDialect
from connectors.markdown import Drawn, form
from connectors.slack import costs
from connectors.slack import dialect as slack
from connectors.slack.options import SlackOptions
from connectors.web.markdown import PageDialect
from tests.markdown.corpus import texts
from tests.servers.slack import translate
from tests.servers.slack.platform import with_entities

WAYS = ("dropped", "swapped", "cut")
_TAG = re.compile(r"(<[^>]*>)")


@dataclass(frozen=True)
class Dialect:
    """A dialect as it is tried: a platform's answer for a part is a text here."""

    name: str
    limits: Limits
    answer: Callable[[str], str]
    """What the platform answers for a part."""
    read: Callable[[str], Drawn]
    readable: Callable[[str], Iterable[int]]
    """Where in an answer the characters stand that a reader sees."""
    end: str = ""
    """What an answer can be cut before; empty: everything."""


def everywhere(answer: str) -> Iterator[int]:
    """Every letter and digit of it."""
    return (at for at, char in enumerate(answer) if char.isalnum())


def in_html(answer: str) -> Iterator[int]:
    """Letters and digits between tags. What a formula looks like is not read, but its source."""
    at, maths = 0, False
    for piece in _TAG.split(answer):
        if piece.startswith("<"):
            maths = piece.startswith("<math") or (maths and piece != "</math>")
            maths = maths and not piece.startswith("<annotation")
        elif not maths:
            yield from (
                at + n for n, char in enumerate(piece) if char.isalnum() and "&" not in piece
            )
        at += len(piece)


def in_source(answer: str) -> Iterator[int]:
    """Letters of lines that hold no marks: each of them can be seen."""
    at = 0
    for line in answer.splitlines(keepends=True):
        if re.fullmatch(r"[^\W\d_](?:[^\W_]|[ ,.;!?'’-])*\n?", line):
            yield from (at + n for n, char in enumerate(line) if char.isalpha())
        at += len(line)


def in_blocks(answer: str) -> Iterator[int]:
    """Letters and digits of the texts in Slack's blocks."""
    for text in _BLOCK_TEXT.finditer(answer):
        if "\\" not in text[1] and "&" not in text[1]:
            yield from (text.start(1) + n for n, char in enumerate(text[1]) if char.isalnum())


def as_blocks(text: str) -> str:
    """What Slack answers for a part."""
    return json.dumps(list(with_entities(translate(slack.write(text)))), ensure_ascii=False)


_page = PageDialect()
_discord = DiscordDialect()
_BLOCK_TEXT = re.compile(r'"text": "((?:[^"\\]|\\.)*)"')
DIALECTS = (
    Dialect("page", Limits(4_000), _page.write, _page.read, in_html),
    Dialect("memory", Limits(4_000), str.strip, lambda text: Drawn((form(text),)), in_source),
    Dialect(
        "slack",
        costs.limits(SlackOptions(bot_token="xoxb-1", app_token="xapp-1")),
        as_blocks,
        lambda answer: slack.read(json.loads(answer)),
        in_blocks,
        end='"',
    ),
    Dialect("discord", DiscordConnector.limits, _discord.write, _discord.read, in_source),
    Dialect("terminal", Limits(10**7), str, lambda text: Drawn((form(text),)), in_source),
)


def verdict(
    dialect: Dialect, text: str, pieces: Sequence[Piece], answers: Sequence[str]
) -> Verdict:
    """The receipt's, for a platform that answers so."""
    drawn = [dialect.read(answer) for answer in answers]
    unknown = sorted({name for each in drawn for name in each.unknown})
    shown = restore(pieces, [each.text for each in drawn], form)
    return compare(text, Evidence(text), of_screen(shown, unknown=unknown)).verdict


def spoilt(answer: str, at: int, way: str, end: str) -> str:
    """An answer of which one character is dropped or swapped, or the rest from there on cut."""
    if way == "cut":
        return answer[:at] + (answer[answer.index(end, at) :] if end else "")
    return answer[:at] + ("" if way == "dropped" else "\u2603") + answer[at + 1 :]


def try_one(dialect: Dialect, text: str, random: Random) -> Iterator[str]:
    """What is counted of one text: its verdict, and whether each loss was found."""
    pieces = layout(text, dialect.limits)
    answers = [dialect.answer(piece.text) for piece in pieces]
    found = verdict(dialect, text, pieces, answers)
    yield found.value
    if found is not Verdict.VERIFIED or not answers:
        return
    part = random.randrange(len(answers))
    spots = list(dialect.readable(answers[part]))
    for way in WAYS if spots else ():
        lost = spoilt(answers[part], random.choice(spots), way, dialect.end)
        changed = [*answers[:part], lost, *answers[part + 1 :]]
        yield f"{way}: {verdict(dialect, text, pieces, changed).value}"


def table(count: int, dialects: Sequence[Dialect] = DIALECTS) -> dict[str, Counter[str]]:
    """What was counted on each dialect."""
    random = Random(count)  # noqa: S311 - no secret
    return {
        dialect.name: Counter(
            said for text in texts(count) for said in try_one(dialect, text, random)
        )
        for dialect in dialects
    }


def main() -> int:
    """Prints the table; 1 where anything is not as it should be."""
    counted = table(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000)
    kinds = sorted({kind for each in counted.values() for kind in each})
    rows = [["dialect", *kinds], ["---"] + ["---:"] * len(kinds)]
    rows += [[name, *(str(each[kind]) for kind in kinds)] for name, each in counted.items()]
    sys.stdout.writelines(f"| {' | '.join(row)} |\n" for row in rows)
    good = {Verdict.VERIFIED.value, *(f"{way}: {Verdict.BROKEN.value}" for way in WAYS)}
    return int(any(set(each) - good for each in counted.values()))


if __name__ == "__main__":
    sys.exit(main())
