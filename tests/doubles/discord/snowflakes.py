"""Discord's ids: 64-bit numbers, written as text, that carry the time of their making."""

from __future__ import annotations

import time

EPOCH_MS = 1_420_070_400_000
"""Milliseconds since 1970 at which Discord's time begins."""


class Snowflakes:
    """Makes ids that grow with time and are never given twice."""

    def __init__(self) -> None:
        self._last = 0

    def next(self) -> str:
        """A new id, greater than every one before it."""
        now = (int(time.time() * 1000) - EPOCH_MS) << 22
        self._last = max(now, self._last + 1)
        return str(self._last)


def shard_of(guild_id: str | None, shards: int) -> int:
    """The shard that a guild's events go to; those of direct messages go to the first."""
    return (int(guild_id) >> 22) % shards if guild_id else 0
