"""discord.py, pointed at the double."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, TypeVar

import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from tests.doubles.discord.server import DiscordServer

_Client = TypeVar("_Client", bound=discord.Client)


@contextmanager
def pointed_at(server: DiscordServer) -> Iterator[None]:
    """The library calls this server instead of Discord, in this whole process."""
    before = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    Route.BASE = server.url
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(server.gateway_url)
    try:
        yield
    finally:
        Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = before


@asynccontextmanager
async def logged_in(
    server: DiscordServer, make: Callable[..., _Client], **options: Any
) -> AsyncIterator[_Client]:
    """A client that is connected and ready, for as long as the block lasts."""
    options = {"intents": _intents(), "guild_ready_timeout": 0.05, **options}
    with pointed_at(server):
        async with make(**options) as client:
            running = asyncio.create_task(client.start(server.token))
            ready = asyncio.create_task(client.wait_until_ready())
            try:
                await asyncio.wait(
                    {running, ready}, timeout=10, return_when=asyncio.FIRST_COMPLETED
                )
                if running.done():
                    await running
                assert ready.done(), "the client did not get ready"
                yield client
            finally:
                ready.cancel()
                await client.close()
                running.cancel()
                with suppress(asyncio.CancelledError):
                    await running


def _intents() -> discord.Intents:
    intents = discord.Intents.default()
    intents.message_content = True
    return intents
