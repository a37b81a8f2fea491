"""The connection to Discord's gateway: begun, kept, begun again, and ended."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

import aiohttp
import discord
from discord.gateway import DiscordWebSocket
from yarl import URL

from connectors.base import ConnectorError, Incoming, Inflow, Refused
from connectors.discord.api import Http, Rest
from connectors.discord.checks import invite_url
from connectors.discord.commands import register
from connectors.discord.errors import Limited
from connectors.discord.events import DiscordEvents
from connectors.discord.options import DiscordOptions, Shards

# The library's client, at any address, which hands on what the gateway says as Discord says it.


log = logging.getLogger(__name__)

Json = dict[str, Any]

APART_S = 5.0
"""Discord lets one session in five seconds begin."""
READY_S = 2.0
"""Seconds after its last server when a session counts as complete."""
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


class SessionGate(Protocol):
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
        starts: SessionGate,
        shards: Shards | None = None,
    ) -> None:
        some: Any = {"shard_ids": list(shards.ids), "shard_count": shards.count} if shards else {}
        super().__init__(
            **some,
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
        """Every shard of this process has a session; its connection stands as far as is known."""
        wanted = self.shard_count if self.shard_ids is None else len(self.shard_ids)
        return len(self._sessions) == wanted

    async def launch_shards(self) -> None:
        """Begins the sessions. The library asks how many may begin only where it chooses itself."""
        if self.shard_ids is not None:
            await self.http.get_bot_gateway()
        await super().launch_shards()

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
        """A connection was lost, or has to be made again."""
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

    def __init__(self, api_url: str, gateway_url: str | None, starts: SessionGate) -> None:
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
        """Connects. For a new session the library would go to Discord's own address."""
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


# Where the bot is invited is for every operator to see, also where libraries are quiet.
log.setLevel(logging.INFO)

PAUSES_S = (1.0, 5.0, 15.0, 60.0, 120.0, 300.0)
"""Between attempts, until a session was stable again: at most 288 a day."""
STABLE_S = 180.0
"""A session that lasted this long has nothing to do with the failures before it."""
_SHORTEST_WAIT_S = 60.0
"""Where Discord says that no session may begin, and not until when."""
_NOT_AUTHENTICATED = 4004

NO_CONTENT = (
    "The bot hears only messages that mention it, replies that ring it, direct messages and "
    "commands: switch on Message Content Intent in the Developer Portal (Bot > Privileged "
    "Gateway Intents), and start it again."
)


class SessionBudget:
    """Says when a session may begin. Discord allows about 1,000 a day, then resets the token."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._failures = 0
        self._ready_at: float | None = None
        """Since when the session stands: monotonic seconds."""
        self._left = math.inf
        self._reserve = 0
        self._resets_at = 0.0

    def told(self, left: int, of: int, resets_after: float) -> None:
        """Takes in what `GET /gateway/bot` says: one in twenty is kept for a person's restarts."""
        self._left, self._reserve = left, of // 20
        self._resets_at = self._now() + resets_after

    def ready(self) -> None:
        """A session has begun, or goes on."""
        if self._ready_at is None:
            self._ready_at = self._now()

    def lost(self) -> None:
        """The connection is lost. Where it stood for minutes, failures before it are forgotten."""
        if self._ready_at is not None and self._now() - self._ready_at >= STABLE_S:
            self._failures = 0
        self._ready_at = None

    def begins(self) -> None:
        """A session is asked for, which counts whatever comes of it."""
        self._failures += 1
        self._left -= 1

    def wait(self) -> float:
        """Seconds until a session may begin."""
        if self._left <= self._reserve:
            left = self._resets_at - self._now()
            if left > 0:
                log.error(
                    "Discord lets the bot begin %g more sessions for %.0f s, and then resets its "
                    "token: the bot waits. Find out why its connection keeps being lost",
                    self._left,
                    left,
                )
                return max(left, _SHORTEST_WAIT_S)
            self._left = math.inf  # as many as ever, until Discord says how many
        if not self._failures:
            return 0.0
        return PAUSES_S[min(self._failures, len(PAUSES_S)) - 1]


class Gateway:
    """Keeps a client connected from the first call of `events` until `aclose`."""

    def __init__(
        self, options: DiscordOptions, rest: Rest, inbound: DiscordEvents, inflow: Inflow
    ) -> None:
        self.invite_url: str | None = None
        """Where the bot is invited to a server, once Discord has said who the bot is."""
        self._options = options
        self._rest = rest
        self._inbound = inbound
        self._inflow = inflow
        self._client: Client | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._content = True
        self._starts = SessionBudget()

    @property
    def connected(self) -> bool:
        """Whether events can come in now."""
        return self._client is not None and self._client.connected

    async def events(self) -> AsyncIterator[Incoming]:
        """The events, until `aclose`. The first call begins to connect."""
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._keep())
        async for incoming in self._inflow.events():
            yield incoming

    async def aclose(self) -> None:
        """Refuses what comes from now on, and ends the connection and all that is running."""
        self._inflow.close()
        await self._inbound.aclose()
        if self._keeping is None:
            return
        self._keeping.cancel()
        await asyncio.wait({self._keeping})

    # Keeping.

    async def _keep(self) -> None:
        """Connects until that is of no use any more."""
        while True:
            try:
                await self._attempt()
            except discord.PrivilegedIntentsRequired:
                log.warning(NO_CONTENT)
                self._content = False
                continue
            except (discord.LoginFailure, Refused) as error:
                log.error("Discord refuses the bot, and it does not connect: %s", error)
                return
            except discord.ConnectionClosed as error:
                if error.code == _NOT_AUTHENTICATED:
                    log.error("Discord refuses the bot's token, and it does not connect")
                    return
                log.warning("the connection to Discord was closed: %s", error)
            except (
                ConnectorError,
                discord.DiscordException,
                aiohttp.ClientError,
                OSError,
            ) as error:
                self._heed(error)
                log.warning("the connection to Discord was lost: %s", error)
            except Exception:
                log.exception("the connection to Discord failed")
            await asyncio.sleep(PAUSES_S[0])

    async def _attempt(self) -> None:
        """Connects once a session may begin, and stays connected."""
        await self._introduce()
        await asyncio.sleep(max(self._starts.wait(), self._rest.banned_for))
        with suppress(TooSoon):
            await self._connect()

    def _heed(self, error: Exception) -> None:
        """What the library's own calls hear of a ban holds for all others too."""
        for each in (error, error.__cause__):
            if isinstance(each, Limited):
                self._rest.quieten(each)

    async def _introduce(self) -> None:
        """Says where the bot is invited, and tells Discord of the commands; at the start only."""
        if self.invite_url is not None:
            return
        application = (await self._rest.application())["id"]
        if self._options.sync_commands:
            await self._register()
        self.invite_url = invite_url(application, threads=bool(self._options.threads))
        log.info("invite the bot to a server: %s", self.invite_url)

    async def _register(self) -> None:
        try:
            await register(self._rest)
        except ConnectorError as error:
            log.warning("discord: the commands are as they were before: %s", error)

    async def _connect(self) -> None:
        """Stays connected; the library mends dropped connections by resuming or starting again."""
        client = Client(
            self._options.api_url,
            self._options.gateway_url,
            content=self._content,
            heard=self._inbound.hear,
            anew=self._begun,
            starts=self._starts,
            shards=self._options.shards,
        )
        self._client = self._inbound.guilds.client = client
        try:
            async with client:
                await client.start(self._options.token)
        finally:
            self._client = None
            self._starts.lost()

    def _begun(self) -> None:
        self._starts.ready()
        self._inbound.anew()
