"""The clock, and the store brought up to date."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog

from bot.app.closing import unhurried
from bot.recovery import Heart, this_seat
from bot.settings import Settings
from bot.store import Store, open_store, upgrade

log = structlog.get_logger(__name__)

_CANCEL_DEADLINE_S = 1.0


def now_us() -> int:
    """Microseconds since the epoch."""
    return time.time_ns() // 1000


@asynccontextmanager
async def opened_store(
    settings: Settings, patience_s: Callable[[], float] = unhurried
) -> AsyncIterator[Store]:
    """The store, brought up to date and closed again, within so many seconds and half as many."""
    await upgrade(settings.database)
    store = open_store(settings.database)
    try:
        yield store
    finally:
        lost = await store.aclose(patience_s())
        if lost:
            log.error("store.lost", rows=lost)


@asynccontextmanager
async def living(store: Store) -> AsyncIterator[Heart]:
    """Tells other processes, as long as this lasts, that what the store took has an owner.

    They hear that it has none any more when the store is closed. Raises `StoreUnavailable`.
    """
    heart = Heart(store.leases, now_us, this_seat())
    await heart.beat()
    beating = asyncio.create_task(heart.beat_for_ever(), name="heart")
    try:
        yield heart
    finally:
        beating.cancel()
        await asyncio.wait({beating}, timeout=_CANCEL_DEADLINE_S)
