"""Questions that were asked while no session listened, looked for when one begins anew."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from connectors.base import ConnectorError
from connectors.discord import snowflakes
from connectors.discord.inbound.guilds import Guilds
from connectors.discord.inbound.mapping import replied_to
from connectors.discord.places import DM
from connectors.discord.rest import Rest

log = logging.getLogger(__name__)

Json = Mapping[str, Any]

MOST_CHANNELS = 50
_MOST_PAGES = 3
_PAGE = 100
_AT_ONCE = 4
_REMEMBERED = 500


class CatchUp:
    """Hands messages to `said` as the gateway would have. The inbox knows those that came twice.

    It looks where something was said within the last `seconds`: in channels of servers, as far
    as Discord tells of them, and where the bot was spoken to in this process.
    """

    def __init__(
        self, rest: Rest, guilds: Guilds, said: Callable[[Json], Awaitable[None]], seconds: float
    ) -> None:
        self._rest = rest
        self._guilds = guilds
        self._said = said
        self._seconds = seconds
        self._lately: OrderedDict[str, str] = OrderedDict()
        """The servers of the channels where somebody spoke to the bot, or DM."""
        self._one_at_a_time = asyncio.Lock()

    def remember(self, message: Json) -> None:
        """Somebody spoke to the bot in a channel."""
        channel = message["channel_id"]
        self._lately[channel] = message.get("guild_id") or DM
        self._lately.move_to_end(channel)
        if len(self._lately) > _REMEMBERED:
            self._lately.popitem(last=False)

    async def run(self) -> None:
        """Looks once; a channel that can't be read is left out."""
        if not self._seconds:
            return
        async with self._one_at_a_time:
            since = time.time() - self._seconds
            slots = asyncio.Semaphore(_AT_ONCE)
            channels = self._channels(since)
            await asyncio.gather(*(self._look(c, g, since, slots) for c, g in channels))

    def _channels(self, since: float) -> Sequence[tuple[str, str]]:
        """Channels with their servers: first those where the bot was spoken to, newest first."""
        found = dict(reversed(self._lately.items()))
        for guild, channel in self._guilds.stirred(since):
            found.setdefault(channel, guild)
        return list(found.items())[:MOST_CHANNELS]

    async def _look(self, channel: str, guild: str, since: float, slots: asyncio.Semaphore) -> None:
        async with slots:
            try:
                messages = await self._messages(channel, snowflakes.at(since))
            except ConnectorError as error:
                log.info("discord: channel %s can't be caught up with: %s", channel, error)
                return
        us = (await self._rest.me())["id"]
        answered = {replied_to(each) for each in messages if each["author"]["id"] == us}
        for message in messages:
            if message["id"] not in answered:
                await self._said(message if guild == DM else {**message, "guild_id": guild})

    async def _messages(self, channel: str, after: str) -> Sequence[Json]:
        """What was said since, oldest first."""
        messages: list[Json] = []
        for _ in range(_MOST_PAGES):
            page: list[Json] = await self._rest.look_up(
                "/channels/{channel_id}/messages",
                query={"after": after, "limit": _PAGE},
                channel_id=channel,
            )
            messages += sorted(page, key=lambda message: int(message["id"]))
            if len(page) < _PAGE:
                break
            after = messages[-1]["id"]
        return messages
