"""A Discord for each test, and the connector's own client for it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from connectors.discord.api import Rest
from connectors.discord.options import DiscordOptions
from tests.servers.discord import TOKEN, DiscordServer, Limits, discord_server

FREE = Limits(
    channel_calls=None, webhook_calls=None, route_calls=None, global_calls=None, typing_calls=None
)
"""Rates switched off, lengths and lifetimes as they are."""


def options_for(server: DiscordServer, **changes: object) -> DiscordOptions:
    """Options that point at a server."""
    where = {"api_url": server.url, "gateway_url": server.gateway_url}
    return DiscordOptions(**({"token": TOKEN} | where | changes))  # type: ignore[arg-type]  # of a test's own choice


@pytest.fixture
async def server() -> AsyncIterator[DiscordServer]:
    """Discord without rates."""
    async with discord_server(limits=FREE) as server:
        yield server


@pytest.fixture
async def rest(server: DiscordServer) -> AsyncIterator[Rest]:
    """The bot's calls."""
    rest = Rest(options_for(server))
    yield rest
    await rest.aclose()
