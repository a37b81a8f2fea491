"""The clock, and the store brought up to date."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from bot.app.closing import CLOSE_DEADLINE_S
from bot.recovery import Heart, this_seat
from bot.settings import Settings
from bot.store import Store, open_store, upgrade

log = structlog.get_logger(__name__)


def now_us() -> int:
    """Microseconds since the epoch."""
    return time.time_ns() // 1000


@asynccontextmanager
async def opened_store(settings: Settings) -> AsyncIterator[Store]:
    """The store, brought up to date and closed again."""
    await upgrade(settings.database)
    store = open_store(settings.database)
    try:
        yield store
    finally:
        lost = await store.aclose(CLOSE_DEADLINE_S)
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
        await asyncio.wait({beating})
