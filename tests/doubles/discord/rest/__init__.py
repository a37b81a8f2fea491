"""The REST API: every route that a chat bot calls."""

from __future__ import annotations

from tests.doubles.discord.rest import application, channels, guilds, interactions, messages
from tests.doubles.discord.rest.exchange import Route

ROUTES: list[Route] = [
    *application.ROUTES,
    *guilds.ROUTES,
    *channels.ROUTES,
    *messages.ROUTES,
    *interactions.ROUTES,
]
