"""Discord's "is typing": one indicator for each channel, kept on while the bot thinks there."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Mapping
from functools import partial

from connectors.base import ConnectorError, Place, RateLimited, Unavailable
from connectors.discord.places import channel_of
from connectors.discord.rest import Rest

log = logging.getLogger(__name__)

_EVERY_S = 8.0
"""It lasts ten seconds, or until the bot posts."""
_APART_S = 5.0
"""Discord's bucket for it is full again about 4.5 seconds after a call."""
_LONGEST_S = 600.0
_REMEMBERED = 1_000


class Indicator:
    """Where the bot keeps typing. A courtesy: a refusal ends it, and is no news."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._thinking: dict[str, set[Place]] = {}
        self._typing: dict[str, asyncio.Task[None]] = {}
        self._next: OrderedDict[str, float] = OrderedDict()
        """When a channel's indicator may be shown again: monotonic seconds."""

    def start(self, place: Place) -> None:
        """Types on in the channel of a conversation, until `stop`."""
        channel = channel_of(place)
        self._thinking.setdefault(channel, set()).add(place)
        before = self._typing.get(channel)
        if before is None or before.done():  # it may have failed, or have lasted too long
            task = asyncio.create_task(self._type(channel), name=f"typing {channel}")
            self._typing[channel] = task

    def stop(self, place: Place) -> None:
        """Types no more for a conversation; others of its channel may still need it."""
        channel = channel_of(place)
        places = self._thinking.get(channel, set())
        places.discard(place)
        if not places:
            self._thinking.pop(channel, None)
            if task := self._typing.pop(channel, None):
                task.cancel()

    async def aclose(self) -> None:
        """Types nowhere any more."""
        tasks = list(self._typing.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _type(self, channel: str) -> None:
        try:
            async with asyncio.timeout(_LONGEST_S):
                while True:
                    wait = self._next.get(channel, 0.0) - time.monotonic()
                    if wait > 0:
                        await asyncio.sleep(wait)
                    await self._type_once(channel)
                    await asyncio.sleep(_EVERY_S)
        except (ConnectorError, TimeoutError) as error:
            log.debug("discord shows no typing: %s", error)

    async def _type_once(self, channel: str) -> None:
        self._not_before(channel, _APART_S)
        try:
            await self._rest.call(
                "POST", "/channels/{id}/typing", meter=partial(self._learn, channel), id=channel
            )
        except RateLimited as error:
            self._not_before(channel, error.retry_after)
            log.debug("discord shows no typing now: %s", error)
        except Unavailable as error:
            log.debug("discord shows no typing now: %s", error)

    def _learn(self, channel: str, headers: Mapping[str, str]) -> None:
        """Takes in how long the bucket stays empty, where Discord says that it is."""
        try:
            if int(headers["X-RateLimit-Remaining"]) == 0:
                self._not_before(channel, float(headers["X-RateLimit-Reset-After"]))
        except (KeyError, ValueError):
            return

    def _not_before(self, channel: str, seconds: float) -> None:
        at = time.monotonic() + seconds
        self._next[channel] = max(at, self._next.pop(channel, at))
        if len(self._next) > _REMEMBERED:
            self._next.popitem(last=False)
