"""A part of an answer as Discord's JSON: its content, buttons and flags."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from connectors.base import Control, Part
from connectors.discord import markup
from connectors.discord.controls import custom_id, parsed

EPHEMERAL = 1 << 6
"""The flag of a message that one person sees."""

_SUPPRESS_EMBEDS = 1 << 2
_NONCE = 25
"""Characters of a nonce, at the most."""
_ROW, _BUTTON = 1, 2
_GREY, _RED = 2, 4
_LABELS = {
    Control.STOP: "Stop",
    Control.RETRY: "Retry",
    Control.CONTINUE: "Continue",
    Control.UP: "👍",
    Control.DOWN: "👎",
}

NOBODY: Mapping[str, Any] = {"parse": [], "replied_user": False}
"""Whom a message may ping."""


def body(part: Part, above: str = "") -> dict[str, Any]:
    """What a message is to show: the part, below a line of decoration. It pings nobody."""
    return {
        "content": markup.content(part.text, above),
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
    buttons = [_button(control, part.run_id, part.index) for control in part.controls]
    return [{"type": _ROW, "components": buttons}]


def _button(control: Control, run_id: UUID, index: int) -> dict[str, Any]:
    return {
        "type": _BUTTON,
        "style": _RED if control is Control.STOP else _GREY,
        "label": _LABELS[control],
        "custom_id": custom_id(control, run_id, index),
    }
