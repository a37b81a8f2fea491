"""Closing one thing at a time, each within its deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from bot.app.stopping import CLOSE_DEADLINE_S

log = structlog.get_logger(__name__)


def unhurried() -> float:
    """The seconds that one thing may take where no host waits for the process's end."""
    return CLOSE_DEADLINE_S


async def closed(
    close: Callable[[], Awaitable[object]], patience_s: Callable[[], float] = unhurried
) -> None:
    """Closes one thing, within the deadline, so that the others get their turn."""
    try:
        async with asyncio.timeout(patience_s()):
            await close()
    except Exception:
        log.exception("app.not_closed", what=getattr(close, "__qualname__", repr(close)))
