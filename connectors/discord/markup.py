"""What a message's content is: a text as Discord's client draws it, below a command's question."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from connectors.discord.dialect import DiscordDialect, units
from connectors.markdown import Drawn

DIALECT = DiscordDialect()
MOST = 2_000
"""UTF-16 units of a message."""

_BLANK = "\u200b"
"""Without width: a message may not be empty."""
_ASKED = "-# 💬 "
"""What the line begins with that shows a command's question: small print."""
_LONGEST_QUESTION = 80
_SPACE = re.compile(r"\s+")


def content(markdown: str, above: str = "") -> str:
    """What is sent for a text, below a line of decoration.

    Tables have columns where there is room for that: MOST units at the most.
    """
    made = (above + (DIALECT.write(markdown, aligned=each) or _BLANK) for each in (True, False))
    compact = ""
    for compact in made:
        if units(compact) <= MOST:
            break
    return compact


def drawn(message: Mapping[str, Any]) -> Drawn:
    """What Discord's client draws of a message of ours, but for the question above it."""
    text = str(message.get("content") or "").strip().removeprefix(above(message))
    return DIALECT.read("" if text == _BLANK else text)


def question_line(question: str) -> str:
    """The line above an answer that shows what a command asked: Discord shows no arguments."""
    said = _SPACE.sub(" ", question).strip().replace("`", "'")
    if not said:
        return ""
    if len(said) > _LONGEST_QUESTION:
        said = said[: _LONGEST_QUESTION - 1] + "…"
    while units(said) > _LONGEST_QUESTION:
        said = said[:-2] + "…"
    return f"{_ASKED}{said}\n"


def question_in(line: str) -> str:
    """What the line above an answer says that was asked."""
    return line.removeprefix(_ASKED).strip()


def above(message: Mapping[str, Any]) -> str:
    """The line of decoration that a message begins with, if it has one."""
    text = str(message.get("content") or "").lstrip()
    if not message.get("interaction_metadata") or not text.startswith(_ASKED):
        return ""
    line, newline, _ = text.partition("\n")
    return line + newline
