"""How a stream may go wrong whatever the service: it says nothing, or it just ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

from providers.base import Stalled

CUT = "the stream ended without a finish reason: try again"
"""The message of the `Disconnected` that a stream earns by just ending."""

T = TypeVar("T")


async def next_within(stream: AsyncIterator[T], seconds: float) -> T | None:
    """The stream's next item, or None at its end; raises `Stalled` when none comes in time."""
    try:
        async with asyncio.timeout(seconds) as limit:
            return await anext(stream, None)
    except Exception as error:
        # A stream that is cancelled may raise something of its own instead.
        if limit.expired():
            raise Stalled(f"no token came for {seconds:g} s") from error
        raise
