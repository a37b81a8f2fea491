"""The bot's commands as Discord is told of them, once at the start and only where they changed."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from connectors.discord.rest import Rest

log = logging.getLogger(__name__)


class Command(StrEnum):
    """The bot's commands by their names; `ABOUT` is the one in a message's menu."""

    ASK = "ask"
    NEW = "new"
    STOP = "stop"
    HELP = "help"
    ABOUT = "Ask about this message"


QUESTION, FILE = "question", "file"
"""The options of the command that asks."""

_SLASH, _MESSAGE, _ENTRY_POINT = 1, 3, 4
_STRING, _ATTACHMENT = 3, 11
_LONGEST_QUESTION = 4_000
_EVERYWHERE = {"contexts": [0, 1], "integration_types": [0]}
"""In servers and in direct messages, where the bot was invited."""

COMMANDS: Sequence[Mapping[str, Any]] = (
    {
        "name": Command.ASK,
        "type": _SLASH,
        "description": "Ask me something; all can see the answer",
        "options": [
            {
                "name": QUESTION,
                "type": _STRING,
                "description": "What you want to know",
                "required": True,
                "max_length": _LONGEST_QUESTION,
            },
            {"name": FILE, "type": _ATTACHMENT, "description": "A file that it is about"},
        ],
        **_EVERYWHERE,
    },
    {
        "name": Command.NEW,
        "type": _SLASH,
        "description": "Forget what was said here",
        **_EVERYWHERE,
    },
    {
        "name": Command.STOP,
        "type": _SLASH,
        "description": "Stop the answers to your questions here",
        **_EVERYWHERE,
    },
    {"name": Command.HELP, "type": _SLASH, "description": "How to talk to me", **_EVERYWHERE},
    {"name": Command.ABOUT, "type": _MESSAGE, **_EVERYWHERE},
)


async def register(rest: Rest) -> bool:
    """Tells Discord of the commands unless it has them; whether it did. Raises `ConnectorError`."""
    path = "/applications/{application_id}/commands"
    application = (await rest.application())["id"]
    known = await rest.look_up(path, application_id=application)
    # Discord's own for an app with an Activity: it refuses an update without it.
    kept = [each for each in known if each["type"] == _ENTRY_POINT]
    if agree(COMMANDS, [each for each in known if each not in kept]):
        return False
    await rest.call("PUT", path, json=[*COMMANDS, *kept], application_id=application)
    log.info("discord: the commands were registered")
    return True


def agree(ours: Sequence[Mapping[str, Any]], known: Sequence[Mapping[str, Any]]) -> bool:
    """Whether Discord has these commands and no others, in any order."""
    theirs = {(each["name"], each["type"]): each for each in known}
    names = {(each["name"], each["type"]) for each in ours}
    return names == theirs.keys() and all(
        _holds(theirs[each["name"], each["type"]], each) for each in ours
    )


def _holds(known: Any, ours: Any) -> bool:
    """Whether what Discord has says all that ours says; it adds ids, versions and the like."""
    if isinstance(ours, Mapping):
        return isinstance(known, Mapping) and all(
            _holds(known.get(name), value) for name, value in ours.items()
        )
    if isinstance(ours, list):
        return isinstance(known, list) and len(known) == len(ours) and all(map(_holds, known, ours))
    return bool(known == ours)
