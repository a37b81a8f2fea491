"""The keys in the database that sign what the page's visitors keep: seen and changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.app.closing import closed
from bot.app.opening import opened_store
from bot.app.platforms import make_web
from bot.settings import Settings
from connectors.web.signing import FRESH_S, KeyMade, SigningKeys

KEYS_KNOWN_S = FRESH_S
"""Within so many seconds every process that runs knows of a change."""


async def keys_made(settings: Settings) -> list[KeyMade]:
    """The keys by number and age, the newest first. Raises `Unavailable`, as all of these."""
    async with _keys(settings) as keys:
        return await keys.listed()


async def rotate_keys(settings: Settings) -> None:
    """Adds a key, which signs from now on."""
    async with _keys(settings) as keys:
        await keys.rotate()


async def retire_keys(settings: Settings) -> int:
    """Deletes all keys but the newest; how many."""
    async with _keys(settings) as keys:
        return await keys.retire()


@asynccontextmanager
async def _keys(settings: Settings) -> AsyncIterator[SigningKeys]:
    async with opened_store(settings) as store:
        web = make_web(settings, store)
        try:
            yield web.keys
        finally:
            await closed(web.aclose)
