"""Discord's ids, which say when they were made."""

from __future__ import annotations

_EPOCH_MS = 1_420_070_400_000
_SHIFT = 22


def microseconds(id: str) -> int:  # noqa: A002 - Discord's name
    """When a message was posted: microseconds since the epoch."""
    return ((int(id) >> _SHIFT) + _EPOCH_MS) * 1_000


def seconds(id: str) -> float:  # noqa: A002 - Discord's name
    """When a message was posted: seconds since the epoch."""
    return microseconds(id) / 1_000_000


def at(seconds: float) -> str:
    """The first id of a time (seconds since the epoch): for asking what came after it."""
    return str(max(0, int(seconds * 1_000) - _EPOCH_MS) << _SHIFT)
