"""The library's client, at any address, which hands on what the gateway says as Discord says it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import aiohttp
import discord
from discord.gateway import DiscordWebSocket
from yarl import URL

from connectors.discord.rest import Http

log = logging.getLogger(__name__)

Json = dict[str, Any]

APART_S = 5.0
"""Discord lets one session in five seconds begin."""
READY_S = 2.0
"""So long after its last server a session counts as complete."""
HEARD = (
    "MESSAGE_CREATE",
    "MESSAGE_UPDATE",
    "MESSAGE_DELETE",
    "MESSAGE_DELETE_BULK",
    "INTERACTION_CREATE",
)
"""What is handed on."""

# The library logs all events at DEBUG; what people say is none of a log's business.
logging.getLogger("discord.gateway").setLevel(logging.INFO)
# It warns of libraries that only voice needs.
discord.VoiceClient.warn_nacl = False
discord.VoiceClient.warn_dave = False


_LONGEST_WAIT_S = 30.0
"""The library gives up an attempt after a minute; what takes longer is waited for outside."""
_BEGINNINGS = ("READY", "RESUMED")
"""Without these there is no session."""


class TooSoon(Exception):
    """The library wants to begin a session, and has to wait for that longer than it can."""


class Sessions(Protocol):
    """Says when sessions may begin."""

    def told(self, left: int, of: int, resets_after: float) -> None:
        """Takes in how many may still begin, and in how many seconds all may again."""

    def begins(self) -> None:
        """A session is asked for."""

    def ready(self) -> None:
        """A session has begun, or goes on."""

    def lost(self) -> None:
        """A connection is lost."""

    def wait(self) -> float:
        """Seconds until one may begin."""


class Client(discord.AutoShardedClient):
    """Keeps servers and channels in mind, and neither members nor messages.

    `content`: it asks to read messages that do not mention the bot. `heard` gets the name and the
    data of each event, in order; `anew` is called when a session has begun that tells nothing of
    what happened before it. To be made inside a running loop.
    """

    def __init__(
        self,
        api_url: str,
        gateway_url: str | None,
        *,
        content: bool,
        heard: Callable[[str, Json], None],
        anew: Callable[[], None],
        starts: Sessions,
    ) -> None:
        super().__init__(
            intents=_intents(content=content),
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            guild_ready_timeout=READY_S,
        )
        self.http = self._connection.http = _GatewayHttp(api_url, gateway_url, starts)
        for name, parse in self._connection.parsers.items():
            if name not in _BEGINNINGS:
                self._connection.parsers[name] = partial(_understood, name, parse)
        for name in HEARD:
            # In place of the library's own reading of it.
            self._connection.parsers[name] = partial(heard, name)
        self._anew = anew
        self._starts = starts
        self._sessions: set[int] = set()
        """The shards that have one."""

    @property
    def connected(self) -> bool:
        """Every shard has a session, and its connection stands as far as is known."""
        return len(self._sessions) == self.shard_count

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Waits until a session may begin. Raises `TooSoon` where that takes long."""
        if not initial:
            wait = max(self._starts.wait(), APART_S)
            if wait > _LONGEST_WAIT_S:
                raise TooSoon
            await asyncio.sleep(wait)
        elif shard_id:
            await asyncio.sleep(APART_S)
        self._starts.begins()

    async def on_shard_connect(self, shard_id: int) -> None:
        """A session has begun."""
        self._sessions.add(shard_id)

    async def on_shard_resumed(self, shard_id: int) -> None:
        """A session goes on; what was missed has been told."""
        self._sessions.add(shard_id)
        self._starts.ready()

    async def on_shard_disconnect(self, shard_id: int) -> None:
        """A connection was lost, or is to be made anew."""
        self._sessions.discard(shard_id)
        self._starts.lost()

    async def on_shard_ready(self, _shard_id: int) -> None:
        """A session that begins now knows its servers."""
        self._anew()

    async def on_error(self, event_method: str, /, *_args: Any, **_more: Any) -> None:
        """A handler failed: that costs one event."""
        log.exception("an event of Discord's was not understood (%s)", event_method)


class _GatewayHttp(Http):
    """Opens the gateway where the operator says, or else where Discord has said."""

    def __init__(self, api_url: str, gateway_url: str | None, starts: Sessions) -> None:
        super().__init__(api_url)
        self._starts = starts
        self._chosen = gateway_url
        self._told: str | None = None

    async def get_bot_gateway(self) -> Any:
        """How many shards, where, and how many sessions may begin."""
        shards, self._told, limit = await super().get_bot_gateway()
        self._starts.told(limit["remaining"], limit["total"], limit["reset_after"] / 1000)
        return shards, self._told, limit

    async def ws_connect(self, url: str, *, compress: int = 0) -> aiohttp.ClientWebSocketResponse:
        """Connects. For a session anew the library would go to Discord's own address."""
        wanted = URL(url)
        told = self._told if wanted.host == DiscordWebSocket.DEFAULT_GATEWAY.host else None
        if address := self._chosen or told:
            wanted = URL(address).with_query(wanted.query)
        return await super().ws_connect(str(wanted), compress=compress)


def _understood(name: str, parse: Callable[[Any], None], data: Any) -> None:
    """Has the library read an event. What it can't read costs that event, and no session."""
    try:
        parse(data)
    except Exception:
        log.exception("an event of Discord's was not understood (%s)", name)


def _intents(*, content: bool) -> discord.Intents:
    return discord.Intents(
        guilds=True, guild_messages=True, dm_messages=True, message_content=content
    )
