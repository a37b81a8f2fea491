"""Slack's Web API: one session for all calls, every failure a `ConnectorError`, and the rates
that nobody above can keep.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
from collections import deque
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol, cast
from urllib.request import getproxies, proxy_bypass

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient
from yarl import URL

from connectors.base import Budget, RateLimited, Refused, TooLarge, Unavailable
from connectors.newest import Newest
from connectors.slack.errors import translated

_CALL_TIMEOUT_S = 20.0
_DOWNLOAD_TIMEOUT_S = 60.0
_SHORT_WAIT_S = 3.0
_MOST_REDIRECTS = 3
_JSON = ("agents.", "assistant.", "chat.", "views.")
"""Methods that take JSON; Slack's older ones take forms only."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HOSTS = frozenset({"slack.com", "slack-gov.com"})
_SUFFIXES = (".slack.com", ".slack-gov.com")
_NO_FILE = "Slack does not hand out the file: give the app the scope files:read, install it again."

# The SDK logs whole requests at DEBUG; what people and models say is none of a log's business.
_quiet = logging.getLogger("connectors.slack.sdk")
_quiet.setLevel(logging.WARNING)


class BotTokens(Protocol):
    """Where the bot's token for a workspace comes from."""

    async def of(self, team: str) -> str:
        """The token. Raises `Refused`, with the cure, where the bot isn't installed there."""
        ...


@dataclass(frozen=True, slots=True)
class OneToken:
    """The token of a single workspace."""

    token: str

    async def of(self, team: str) -> str:  # noqa: ARG002 - there is only one
        """The token, whatever the workspace."""
        return self.token


@dataclass(frozen=True, slots=True)
class BotIdentity:
    """Who the bot is in a workspace: the ids of the team, its user and its bot, and its name."""

    team: str
    user: str
    bot: str
    name: str


class Api:
    """Calls methods with the token of a workspace. Opens its session with the first call."""

    def __init__(self, base_url: str, tokens: BotTokens) -> None:
        self._base = URL(base_url)
        self._tokens = tokens
        self._session: aiohttp.ClientSession | None = None
        self._client: AsyncWebClient | None = None
        self._identities: dict[str, BotIdentity] = {}
        self._closed = False

    async def call(self, team: str, method: str, **arguments: Any) -> dict[str, Any]:
        """Calls a method once; arguments that are None are left out. Returns Slack's answer.

        Raises every kind of `ConnectorError`; `errors.code_of` has Slack's own name for it.
        """
        token = await self._tokens.of(team)
        told, _ = await self.request(method, f"Bearer {token}", **arguments)
        return told

    async def request(
        self, method: str, authorization: str, **arguments: Any
    ) -> tuple[dict[str, Any], Mapping[str, str]]:
        """The same with credentials of any kind; returns Slack's answer and its headers."""
        given = {name: value for name, value in arguments.items() if value is not None}
        body = {"json": given} if method.startswith(_JSON) else {"data": _form(given)}
        with translated(method):
            answer = await self._web().api_call(
                method, headers={"Authorization": authorization}, **body
            )
            return cast("dict[str, Any]", answer.data), answer.headers

    async def look_up(self, team: str, method: str, **arguments: Any) -> dict[str, Any]:
        """Calls a method that changes nothing, and once more after a short rate limit."""
        try:
            return await self.call(team, method, **arguments)
        except RateLimited as error:
            if error.retry_after > _SHORT_WAIT_S:
                raise
            await asyncio.sleep(error.retry_after)
            return await self.call(team, method, **arguments)

    async def identity(self, team: str) -> BotIdentity:
        """Who the bot is there; asked once."""
        if team not in self._identities:
            told = await self.look_up(team, "auth.test")
            self._identities[team] = BotIdentity(
                told["team_id"], told["user_id"], told.get("bot_id", ""), told.get("user", "")
            )
        return self._identities[team]

    def forget(self, team: str) -> None:
        """The bot was taken out of a workspace: who it was there counts no more."""
        self._identities.pop(team, None)

    async def download(self, team: str, url: str, most: int) -> bytes:
        """A file of Slack's. Raises `TooLarge` where it has more than `most` bytes.

        The token goes to Slack's own hosts only, and to nobody by way of a redirect.
        """
        token = await self._tokens.of(team)
        with translated("a download"):
            return await self._fetched(URL(url), token, most)

    async def upload(self, url: str, content: bytes) -> None:
        """Sends a file's content to an address that Slack gave for it, which needs no token."""
        at = URL(url, encoded=True)
        self._check_host(at)
        timeout = aiohttp.ClientTimeout(total=_DOWNLOAD_TIMEOUT_S)
        headers = {"Content-Type": "application/octet-stream"}
        with translated("an upload"):
            async with self._opened().post(
                at, data=content, headers=headers, timeout=timeout, proxy=proxy_for(at),
                allow_redirects=False,
            ) as answer:  # fmt: skip
                if answer.status != 200:
                    kind = Unavailable if answer.status >= 500 else Refused
                    raise kind(f"Slack did not take the file: HTTP {answer.status}.")

    async def aclose(self) -> None:
        """Closes the session; calls that come later fail with `Unavailable`."""
        self._closed = True
        if self._session is not None:
            await self._session.close()

    async def _fetched(self, url: URL, token: str, most: int) -> bytes:
        at = url
        for _ in range(_MOST_REDIRECTS):
            self._check_host(at)
            async with self._get(at, token) as answer:
                if answer.status not in _REDIRECTS:
                    return await _content(answer, most, moved=at != url)
                at = at.join(URL(answer.headers.get("Location", "")))
        raise Refused(f"{_NO_FILE} (too many redirects)")

    def _get(self, at: URL, token: str) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        return self._opened().get(
            at,
            headers={"Authorization": f"Bearer {token}"},
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=_DOWNLOAD_TIMEOUT_S),
            proxy=proxy_for(at),
        )

    def _check_host(self, at: URL) -> None:
        host = at.host or ""
        slacks = at.scheme == "https" and (host in _HOSTS or host.endswith(_SUFFIXES))
        if not slacks and _server(at) != _server(self._base):
            raise Refused("The file is not on Slack's own servers: the bot does not fetch it.")

    def _web(self) -> AsyncWebClient:
        session = self._opened()
        if self._client is None:
            self._client = AsyncWebClient(
                base_url=str(self._base),
                session=session,
                retry_handlers=[],
                logger=_quiet,
            )
            # The SDK would send calls to a server on this machine through a proxy as well.
            self._client.proxy = proxy_for(self._base)
        return self._client

    def _opened(self) -> aiohttp.ClientSession:
        if self._closed:
            raise Unavailable("The connection to Slack was closed.")
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=_CALL_TIMEOUT_S),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


def _server(url: URL) -> tuple[str, str | None, int | None]:
    return url.scheme, url.host, url.port


def _form(arguments: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in arguments.items()
    }


def proxy_for(url: URL) -> str | None:
    """The proxy that the environment names for an address; none for this machine."""
    if proxy_bypass(url.host or ""):
        return None
    return getproxies().get(url.scheme)


async def _content(answer: aiohttp.ClientResponse, most: int, *, moved: bool) -> bytes:
    if answer.status >= 500:
        raise Unavailable(f"Slack did not send the file: HTTP {answer.status}.")
    # Without the scope Slack leads to a page to sign in instead of saying no.
    if answer.status != 200 or (moved and answer.content_type == "text/html"):
        raise Refused(f"{_NO_FILE} (HTTP {answer.status})")
    content = bytearray()
    async for chunk in answer.content.iter_any():
        content += chunk
        if len(content) > most:
            raise TooLarge(f"The file has more than {most} bytes.")
    return bytes(content)


# Rates that this connector keeps by itself: where nobody above it can know which call comes.


_MOST = 10_000


class Window:
    """At most so many calls in any `seconds`, in the event loop's time."""

    def __init__(self, calls: int, seconds: float) -> None:
        self._seconds = seconds
        self._made = deque([-math.inf] * calls, calls)
        self._paused_until = -math.inf

    def left(self) -> int:
        """How many calls could be made at once now."""
        now = asyncio.get_running_loop().time()
        return (
            0 if now < self._paused_until else sum(at + self._seconds <= now for at in self._made)
        )

    def count(self) -> None:
        """A call is made now."""
        self._made.append(asyncio.get_running_loop().time())

    async def draw(self) -> None:
        """Waits until a call may be made, and counts it."""
        clock = asyncio.get_running_loop().time
        while (wait := self._room_at() - clock()) > 0:  # noqa: ASYNC110 - it waits for a time
            await asyncio.sleep(wait)
        self.count()

    def pause(self, seconds: float) -> None:
        """Slack asks for a pause of this many seconds."""
        until = asyncio.get_running_loop().time() + seconds
        self._paused_until = max(self._paused_until, until)

    def _room_at(self) -> float:
        return max(self._made[0] + self._seconds, self._paused_until)


class Windows:
    """The windows of the budgets that were used last."""

    def __init__(self) -> None:
        self._by_key: Newest[str, Window] = Newest(_MOST)

    def of(self, budget: Budget) -> Window:
        """The window of a budget."""
        if budget.key not in self._by_key:
            self._by_key[budget.key] = Window(budget.calls, budget.seconds)
        self._by_key.move_to_end(budget.key)
        return self._by_key[budget.key]
