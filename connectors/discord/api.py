"""Discord's REST API by the library's own client: each call once, every failure a
`ConnectorError`, and the rate of each channel.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace, TracebackType
from typing import Any, cast

import aiohttp
import discord
from discord.http import HTTPClient, Ratelimit, Route, json_or_text
from yarl import URL

from connectors.base import (
    Budget,
    Gone,
    Place,
    RateLimited,
    Refused,
    TooLarge,
    Unavailable,
    Unconfirmed,
)
from connectors.discord.errors import BANNED_S, QUIET_S, Limited, translated
from connectors.discord.options import DiscordOptions
from connectors.discord.places import channel_of

# Discord's REST API by the library's own client: each call once, and every failure ours.
#
# The library would wait for its buckets, wait out rate limits and repeat calls that failed. That
# is the pacing's and the callers' business here, so an answer that says so ends the call at once.


Meter = Callable[[Mapping[str, str]], None]
"""Hears the headers of an answer."""
Form = Sequence[dict[str, Any]]
"""The fields of a form with files, as aiohttp has them."""

_CALL_TIMEOUT_S = 20.0
_DOWNLOAD_TIMEOUT_S = 60.0
_SHORT_WAIT_S = 3.0
_HOSTS = frozenset({"cdn.discordapp.com", "media.discordapp.net"})
_UNMETERED = "/interactions/", "/webhooks/"
"""Calls that the bot's global limit does not count."""

log = logging.getLogger(__name__)

# The library logs whole requests at DEBUG; what people and models say is none of a log's business.
logging.getLogger("discord.http").setLevel(logging.INFO)


class Rest:
    """Calls with the bot's token. The first call opens a session and asks who the bot is."""

    def __init__(self, options: DiscordOptions) -> None:
        self._options = options
        self._opening = asyncio.Lock()
        self._http: Http | None = None
        self._me: dict[str, Any] = {}
        self._application: dict[str, Any] = {}
        self._quiet_until = -math.inf
        self._banned_until = -math.inf
        """Until then nothing is called, not even what the bot's limit does not count."""
        self._closed = False

    async def call(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        form: Form | None = None,
        query: Mapping[str, str | int] | None = None,
        meter: Meter | None = None,
        **ids: str,
    ) -> Any:
        """Calls once; `ids` fill the names in the path. Returns what Discord's answer says.

        Raises every kind of `ConnectorError`; `errors.code_of` has Discord's number for it.
        """
        self._check_quiet(path)
        http = await self._opened()
        more: dict[str, Any] = {"json": json} if json is not None else {}
        seconds = _CALL_TIMEOUT_S
        if form is not None:
            more["form"], seconds = form, _DOWNLOAD_TIMEOUT_S
        if query:
            more["params"] = {name: str(value) for name, value in query.items()}
        with translated(f"{method} {path}"):
            try:
                answer = await http.request(
                    Route(method, path, **ids),
                    timeout=aiohttp.ClientTimeout(total=seconds),
                    trace_request_ctx=meter,
                    **more,
                )
            except Limited as error:
                self.quieten(error)
                raise
        if isinstance(answer, str) and answer:
            raise Unconfirmed(f"Discord's answer can't be read ({method} {path}).")
        return answer

    async def look_up(self, path: str, **more: Any) -> Any:
        """A GET, and once more after a short rate limit."""
        try:
            return await self.call("GET", path, **more)
        except RateLimited as error:
            if error.retry_after > _SHORT_WAIT_S:
                raise
            await asyncio.sleep(error.retry_after)
            return await self.call("GET", path, **more)

    async def me(self) -> dict[str, Any]:
        """The bot's own user. Raises `Refused` where the token is wrong."""
        await self._opened()
        return self._me

    async def application(self) -> dict[str, Any]:
        """The bot's application, asked once."""
        if not self._application:
            self._application = await self.look_up("/applications/@me")
        return self._application

    async def download(self, url: str, most: int) -> bytes:
        """A file of Discord's, asked for without the token. Raises `TooLarge`, and `Gone`."""
        http = await self._opened()
        self._check_host(URL(url, encoded=True))
        with translated("a download"):
            async with http.get(url) as answer:
                if answer.status in (403, 404):
                    raise Gone("The file was deleted.")
                if answer.status != 200:
                    raise Unavailable(f"Discord does not hand out the file ({answer.status}).")
                content = await answer.content.read(most + 1)
                while len(content) <= most and (more := await answer.content.read(most + 1)):
                    content += more
        if len(content) > most:
            raise TooLarge(f"The file has more than {most} bytes.")
        return content

    @property
    def banned_for(self) -> float:
        """Seconds for which Discord's proxy turns away whatever comes from this address."""
        return max(0.0, self._banned_until - time.monotonic())

    def quieten(self, error: Limited) -> None:
        """No call is made for as long as a limit says that holds for all of them."""
        if not error.everywhere:
            return
        until = time.monotonic() + error.retry_after
        self._quiet_until = max(self._quiet_until, until)
        if error.banned:
            self._banned_until = max(self._banned_until, until)
            log.error(
                "Discord's proxy turns this address away for %.0f s: no call is made until then. "
                "It does so after 10,000 calls in ten minutes that were refused, of whatever bot",
                error.retry_after,
            )

    async def aclose(self) -> None:
        """Closes the session; calls that come later fail with `Unavailable`."""
        self._closed = True
        async with self._opening:
            if self._http is not None:
                await self._http.close()

    async def _opened(self) -> Http:
        async with self._opening:
            if self._closed:
                raise Unavailable("The connection to Discord was closed.")
            if self._http is None:
                self._http = await self._open()
            return self._http

    async def _open(self) -> Http:
        http = Http(self._options.api_url)
        try:
            with translated("GET /users/@me"):
                self._me = cast("dict[str, Any]", await http.static_login(self._options.token))
        except BaseException as error:
            if isinstance(error.__cause__, Limited):
                self.quieten(error.__cause__)
            await http.close()
            raise
        return http

    def _check_host(self, at: URL) -> None:
        ours = URL(self._options.api_url)
        if (at.host, at.port) != (ours.host, ours.port) and at.host not in _HOSTS:
            raise Refused("The file is not on Discord's own servers: the bot does not fetch it.")

    def _check_quiet(self, path: str) -> None:
        unmetered = path.startswith(_UNMETERED)
        left = (self._banned_until if unmetered else self._quiet_until) - time.monotonic()
        if left > 0:
            raise RateLimited("Too many calls of the bot altogether.", left)


class _NoWait(Ratelimit):
    """A bucket that nobody waits for."""

    async def acquire(self) -> None:
        """Goes on at once."""

    async def __aexit__(
        self,
        type: type[BaseException] | None,  # noqa: A002 - the library's name
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Wakes nobody: nobody waits."""
        self.outgoing -= 1


class Http(HTTPClient):
    """The library's client for any address, without its waits and repetitions."""

    def __init__(self, api_url: str) -> None:
        self._base = api_url
        trace = aiohttp.TraceConfig()
        trace.on_request_end.append(_answered)
        super().__init__(asyncio.get_running_loop(), http_trace=trace)
        # Kept in our hands: the library hides the session that it makes of it.
        self.connector = aiohttp.TCPConnector(limit=0)
        self._files: aiohttp.ClientSession | None = None

    def get_ratelimit(self, key: str) -> Ratelimit:  # noqa: ARG002 - all are alike
        """No bucket makes anybody wait: the pacing is above."""
        return _NoWait(None)

    async def request(self, route: Route, **more: Any) -> Any:
        """A call at the address that was chosen."""
        route.url = self._base + route.url.removeprefix(Route.BASE)
        return await super().request(route, **more)

    def get(self, url: str) -> aiohttp.client._RequestContextManager:
        """A file from a public address, without credentials."""
        if self._files is None:
            self._files = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=_DOWNLOAD_TIMEOUT_S),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._files.get(URL(url, encoded=True))

    async def close(self) -> None:
        """Closes the connections."""
        if self._files is not None:
            await self._files.close()
        await super().close()
        await self.connector.close()


async def _answered(
    _session: aiohttp.ClientSession,
    context: SimpleNamespace,
    about: aiohttp.TraceRequestEndParams,
) -> None:
    """Ends a call that the library would wait for or repeat. What is raised here ends it."""
    answer = about.response
    if meter := cast("Meter | None", context.trace_request_ctx):
        meter(answer.headers)
    if answer.status == 429:
        raise await _limited(answer)
    if answer.status >= 500:
        raise discord.DiscordServerError(answer, await json_or_text(answer))


async def _limited(answer: aiohttp.ClientResponse) -> Limited:
    body = await json_or_text(answer)
    error = Limited(answer, body)
    told: Mapping[str, Any] = body if isinstance(body, dict) else {}
    error.banned = "Via" not in answer.headers
    error.everywhere = bool(told.get("global")) or error.banned
    error.scope = answer.headers.get("X-RateLimit-Scope", "")
    after = told.get("retry_after", answer.headers.get("Retry-After"))
    unknown = BANNED_S if error.banned else QUIET_S
    try:
        error.retry_after = float(after) if after is not None else unknown
    except ValueError:
        error.retry_after = unknown
    return error


_GUARD_S = 0.25
"""Safety margin in seconds for network jitter."""
_JITTER_S = 0.5
"""A window that Discord says is longer by less is none."""
_WINDOWS = 3
"""So many windows in a row have to allow more until that is believed."""
_REMEMBERED = 1_000

_Rate = tuple[int, float]
"""Calls, and the seconds in which they may be made."""


class Budgets:
    """Budgets by channel. Posts and edits of a channel share one; a thread is a channel."""

    def __init__(self, options: DiscordOptions) -> None:
        self._calls, self._seconds = options.calls, options.seconds
        self._told: OrderedDict[str, _Rate] = OrderedDict()
        """What Discord allows in channels where that is less: calls, and seconds."""
        self._looser: dict[str, int] = {}
        """How many windows in a row were said to allow more than that."""

    def of(self, place: Place) -> Budget:
        """The budget of a place's channel. The key is another one once the rate is."""
        channel = channel_of(place)
        calls, seconds = self._told.get(channel, (self._calls, self._seconds))
        rate = f"/{calls}/{seconds:g}" if channel in self._told else ""
        return Budget(f"discord/{channel}{rate}", calls, seconds + _GUARD_S)

    def learn(self, channel: str, headers: Mapping[str, str]) -> None:
        """Takes in what an answer says of the channel's bucket."""
        try:
            limit = int(headers["X-RateLimit-Limit"])
            remaining = int(headers["X-RateLimit-Remaining"])
            seconds = float(headers["X-RateLimit-Reset-After"])
        except (KeyError, ValueError):
            return
        if remaining == limit - 1:  # only the first call of a window tells how long a window is
            self._hear(channel, limit, seconds)

    def _hear(self, channel: str, limit: int, seconds: float) -> None:
        """Tighter at once; looser once it was said often: a key to and fro keeps no budget."""
        known_calls, known_seconds = self._told.get(channel, (self._calls, self._seconds))
        calls = max(1, min(self._calls, limit))
        longer, shorter = seconds > known_seconds + _JITTER_S, seconds < known_seconds - 1
        if calls < known_calls or longer:
            self._looser.pop(channel, None)
            lasts = float(math.ceil(seconds)) if longer else known_seconds
            self._keep(channel, (min(calls, known_calls), lasts))
        elif calls > known_calls or (shorter and known_seconds > self._seconds):
            self._looser[channel] = self._looser.get(channel, 0) + 1
            if self._looser[channel] >= _WINDOWS:
                del self._looser[channel]
                usual = seconds <= self._seconds + _JITTER_S
                self._keep(channel, (calls, self._seconds if usual else float(math.ceil(seconds))))
        else:
            self._looser.pop(channel, None)

    def _keep(self, channel: str, rate: _Rate) -> None:
        self._told.pop(channel, None)
        if rate != (self._calls, self._seconds):
            self._told[channel] = rate
            if len(self._told) > _REMEMBERED:
                self._looser.pop(self._told.popitem(last=False)[0], None)
