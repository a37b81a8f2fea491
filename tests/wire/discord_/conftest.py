"""A Discord for each test, and the connector's own client for it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from connectors.discord.api import Rest
from tests.doubles.discord import DiscordServer, discord_server
from tests.doubles.discord_way import FREE, options_for


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
