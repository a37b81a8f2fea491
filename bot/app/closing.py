"""Closing one thing at a time, each within its deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger(__name__)

CLOSE_DEADLINE_S = 5.0


async def closed(close: Callable[[], Awaitable[object]]) -> None:
    """Closes one thing, within the deadline, so that the others get their turn."""
    try:
        async with asyncio.timeout(CLOSE_DEADLINE_S):
            await close()
    except Exception:
        log.exception("app.not_closed", what=getattr(close, "__qualname__", repr(close)))
