"""Discord's message text as a person reads it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

Json = Mapping[str, Any]

_TOKEN = re.compile(
    r"<(?:@!?(?P<user>\d+)|@&(?P<role>\d+)|#(?P<channel>\d+)|a?:(?P<emoji>\w+):\d+"
    r"|/(?P<command>[^:<>]+):\d+|t:(?P<time>-?\d{1,11})(?::\w)?)>"
)


def name_of(user: Json, member: Json | None = None) -> str:
    """What others see a person called: in a server, where its member is given."""
    nick = (member or user.get("member") or {}).get("nick")
    return str(nick or user.get("global_name") or user.get("username") or user["id"])


def plain(
    text: str,
    names: Mapping[str, str],
    *,
    without: frozenset[str] = frozenset(),
    named: Callable[[str], str | None] = lambda _id: None,
) -> str:
    """What a person sees of a text; the mentions of the users and roles `without` are left out.

    `names` are people's by their ids; `named` knows the names of roles and channels. What neither
    knows stays as Discord writes it.
    """
    if without:
        ids = "|".join(map(re.escape, without))
        text = re.sub(rf"[ \t]?<@[!&]?(?:{ids})>", "", text)
    return _TOKEN.sub(lambda match: _shown(match, names, named), text).strip()


def quoted(text: str) -> str:
    """A text as a quotation in Markdown."""
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def _shown(
    match: re.Match[str], names: Mapping[str, str], named: Callable[[str], str | None]
) -> str:
    kind, value = match.lastgroup, str(match[match.lastgroup or 0])
    known: str | None
    match kind:
        case "user":
            known = f"@{names[value]}" if value in names else None
        case "role":
            known = f"@{name}" if (name := named(value)) else None
        case "channel":
            known = f"#{name}" if (name := named(value)) else None
        case "emoji":
            known = f":{value}:"
        case "command":
            known = f"/{value}"
        case _:
            known = _time(int(value))
    return known or match[0]


def _time(seconds: int) -> str | None:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
    except (OverflowError, OSError, ValueError):
        return None
