"""Discord's "is typing", kept on while the bot thinks."""

from __future__ import annotations

import asyncio
import logging

from connectors.base import ConnectorError, Place, RateLimited, Unavailable
from connectors.discord.places import channel_of
from connectors.discord.rest import Rest

log = logging.getLogger(__name__)

_EVERY_S = 8.0
"""It lasts ten seconds, or until the bot posts."""
_LONGEST_S = 600.0


class Indicator:
    """Where the bot keeps typing. A courtesy: a refusal ends it, and is no news."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._typing: dict[Place, asyncio.Task[None]] = {}

    def start(self, place: Place) -> None:
        """Types on in a conversation, until `stop`."""
        before = self._typing.get(place)
        if before is None or before.done():  # it may have failed, or have lasted too long
            task = asyncio.create_task(self._type(place), name=f"typing {place}")
            self._typing[place] = task

    def stop(self, place: Place) -> None:
        """Types no more there."""
        if task := self._typing.pop(place, None):
            task.cancel()

    async def aclose(self) -> None:
        """Types nowhere any more."""
        tasks = list(self._typing.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _type(self, place: Place) -> None:
        try:
            async with asyncio.timeout(_LONGEST_S):
                while True:
                    await self._type_once(channel_of(place))
                    await asyncio.sleep(_EVERY_S)
        except (ConnectorError, TimeoutError) as error:
            log.debug("discord shows no typing: %s", error)

    async def _type_once(self, channel: str) -> None:
        try:
            await self._rest.call("POST", "/channels/{id}/typing", id=channel)
        except (RateLimited, Unavailable) as error:
            log.debug("discord shows no typing now: %s", error)
