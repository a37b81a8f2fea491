"""A part of an answer as Discord's JSON: content, buttons and flags; and what of it the client
draws.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from connectors.base import Control, Part
from connectors.discord.dialect import DiscordDialect, units
from connectors.markdown import Drawn
from connectors.words import Sentence

# The ids of buttons: they name control, run and part, so they work after a restart too.


_PREFIX = "everytoken"


def custom_id(control: Control, run_id: UUID, part: int) -> str:
    """What Discord hands back when the button is pressed."""
    return f"{_PREFIX}:{control}:{run_id}:{part}"


def parsed(custom_id: str) -> tuple[Control, UUID, int] | None:
    """The control, the run and the part that a custom id names; None where it is none of ours."""
    match custom_id.split(":"):
        case [prefix, control, run_id, part] if prefix == _PREFIX:
            try:
                return Control(control), UUID(run_id), int(part)
            except ValueError:
                return None
        case _:
            return None


# What a message's content is: a text as Discord's client draws it, below a command's question.


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
    """What Discord's client draws of a message of ours, without the question above it."""
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


EPHEMERAL = 1 << 6
"""The flag of a message that one person sees."""

_SUPPRESS_EMBEDS = 1 << 2
_NONCE = 25
"""Characters of a nonce, at the most."""
_ROW, _BUTTON = 1, 2
_GREY, _RED = 2, 4
_LABELS = {
    Control.STOP: Sentence("control.stop"),
    Control.RETRY: Sentence("control.retry"),
    Control.CONTINUE: Sentence("control.continue"),
    Control.ALLOW: Sentence("control.allow"),
    Control.ALLOW_HERE: Sentence("control.allow_here"),
    Control.DENY: Sentence("control.deny"),
    Control.DETAILS: Sentence("control.details"),
}
_SIGNS = {Control.UP: "👍", Control.DOWN: "👎"}

NOBODY: Mapping[str, Any] = {"parse": [], "replied_user": False}
"""What a message may ping."""


def body(part: Part, above: str = "") -> dict[str, Any]:
    """What a message is to show: the part, below a line of decoration. It pings nobody."""
    return {
        "content": content(part.text, above),
        "components": _rows(part),
        "flags": _SUPPRESS_EMBEDS,
        "allowed_mentions": NOBODY,
    }


def nonce(key: str) -> str:
    """What Discord knows a post by, for some minutes: the same for the same key."""
    digest = hashlib.sha256(key.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode()[:_NONCE]


def is_part(message: Mapping[str, Any], run_id: UUID, index: int) -> bool:
    """Whether a message shows this part of the run's answer, as far as its buttons tell."""
    return any(
        named[1:] == (run_id, index)
        for row in message.get("components") or ()
        for button in row.get("components") or ()
        if (named := parsed(str(button.get("custom_id", ""))))
    )


def _rows(part: Part) -> list[dict[str, Any]]:
    if part.run_id is None or not part.controls:
        return []
    buttons = [_button(control, part, part.run_id) for control in part.controls]
    return [{"type": _ROW, "components": buttons}]


def _button(control: Control, part: Part, run_id: UUID) -> dict[str, Any]:
    label = _LABELS.get(control)
    return {
        "type": _BUTTON,
        "style": _RED if control is Control.STOP else _GREY,
        "label": label.to(part.language).text if label else _SIGNS[control],
        "custom_id": custom_id(control, run_id, part.index),
    }
