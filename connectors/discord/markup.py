"""What a text is on Discord, which shows Markdown itself; and what of it is compared."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from connectors.discord import tables

MOST = 2_000
"""UTF-16 units of a message."""

_BLANK = "\u200b"
"""Without width: a message may not be empty."""
_ASKED = "-# 💬 "
"""What the line begins with that shows a command's question: small print."""
_LONGEST_QUESTION = 80
_SPACE = re.compile(r"\s+")


def units(text: str) -> int:
    """The length of a text in UTF-16 units; no less than Discord counts."""
    return len(text) + sum(character > "\uffff" for character in text)


def content(markdown: str, above: str = "") -> str:
    """What is sent for a text, below a line of decoration; MOST units at the most."""
    text = markdown.strip()
    if not text:
        return above + _BLANK
    made = (above + tables.aligned(text), above + tables.unaligned(text))
    return next((each for each in made if units(each) <= MOST), above + text)


def visible(markdown: str) -> str:
    """What of a Markdown text is compared with what Discord says that it shows."""
    text = markdown.strip()
    return "" if text == _BLANK else tables.comparable(text)


def seen(message: Mapping[str, Any]) -> str:
    """What a message of Discord's shows of an answer, in the form that `visible` has."""
    text = str(message.get("content") or "").strip()
    return visible(text.removeprefix(above(message)))


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
