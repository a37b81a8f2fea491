"""The people that settings name, and what an id without its platform can mean."""

from __future__ import annotations

import re
from collections.abc import Collection

from bot.identity import Named

_SHAPES = {
    "slack": re.compile(r"[UW][A-Z0-9]+"),
    "discord": re.compile(r"[0-9]{15,20}"),
    "web": re.compile(r"[A-Za-z0-9_-]{22}"),
}
"""What the platforms' own ids look like."""


def read_name(text: str, connected: Collection[str]) -> Named:
    """Who is named. A bare id is one of the only `connected` platform where it can be somebody's.

    Raises `ValueError` with the line to write instead.
    """
    named = Named.of(text)
    if named.connector is None:
        return Named(named.id, _platform_of(named, connected), named.realm)
    if named.connector not in _SHAPES or not named.id:
        raise ValueError(f"names nobody: {text}. Write {_either(_SHAPES, '…')}")
    if named.connector == "discord" and named.realm is not None:
        raise ValueError(f"ids of Discord's have no part before them: write discord:{named.id}")
    return named


def _platform_of(named: Named, connected: Collection[str]) -> str:
    """The platform of a bare id."""
    fitting = [name for name, shape in _SHAPES.items() if shape.fullmatch(named.id)]
    if named.realm is not None:
        fitting = [name for name in fitting if name == "slack"]
    possible = [name for name in fitting if name in connected]
    if not possible and len(connected) == 1:
        possible = list(connected)
    if len(possible) == 1:
        return possible[0]
    instead = _either(possible or fitting or _SHAPES, str(named))
    raise ValueError(f"does not say which platform {named} is of: write {instead}")


def _either(platforms: Collection[str], name: str) -> str:
    return " or ".join(f"{platform}:{name}" for platform in platforms)
