"""The way of every call: recorded, struck by faults, limited, authorised, served."""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from tests.doubles.discord import errors
from tests.doubles.discord.buckets import Verdict, Window, new_window
from tests.doubles.discord.errors import APIError
from tests.doubles.discord.faults import Fault, Faults, Hang, Outcome, Refuse, Slow
from tests.doubles.discord.limits import Limits
from tests.doubles.discord.platform import Platform
from tests.doubles.discord.record import Call
from tests.doubles.discord.rest.bans import Bans, banned
from tests.doubles.discord.rest.exchange import Exchange, Route, read_body

BASE = "/api/v10"

_MAJOR = ("channel_id", "guild_id", "token")
"""The pieces of a path that have buckets of their own."""


class Gate:
    """Stands before every route."""

    def __init__(self, platform: Platform, faults: Faults) -> None:
        self._platform = platform
        self._faults = faults
        self.bans = Bans()
        self._windows: dict[tuple[str, str], Window] = {}
        self._closing = asyncio.Event()

    def close(self) -> None:
        """Lets go of the calls that hang."""
        self._closing.set()

    def handler(self, route: Route | None) -> Callable[[web.Request], Awaitable[web.Response]]:
        """What the web server calls for a route; None: for a path that has none."""

        async def handle(request: web.Request) -> web.Response:
            path = request.path.removeprefix(BASE)
            call = Call(time.time(), request.method, path, request.query, request.headers)
            call.route = route.name if route else ""
            self._platform.record.calls.append(call)
            fault = self._faults.take(call.method, path)
            call.fault = fault.name if fault else ""
            if page := self.bans.page():
                call.status = page.status
                return page
            try:
                return await self._answer(route, request, call, fault)
            finally:
                call.ended = time.time()
                self._platform.record.changed()

        return handle

    async def _answer(
        self, route: Route | None, request: web.Request, call: Call, fault: Fault | None
    ) -> web.Response:
        # The body is read before a fault strikes: a client is never cut while it writes.
        call.body, files = await read_body(request)
        if fault and not fault.applied and (struck := await self._strike(request, call, fault)):
            return struck
        headers: dict[str, str] = {}
        try:
            exchange = Exchange(self._platform, request.match_info, request.query, call.body, files)
            self._limit(route, request, headers)
            call.status, call.answer = self._serve(route, request, exchange)
        except APIError as error:
            headers |= _waiting(error)
            call.status, call.answer = error.status, error.body
        if fault and fault.applied and (struck := await self._strike(request, call, fault)):
            return struck
        scope = headers.get("X-RateLimit-Scope", "")
        self.bans.count(self._platform.limits, call.status, scope)
        return _response(call, headers)

    def _serve(
        self, route: Route | None, request: web.Request, exchange: Exchange
    ) -> tuple[int, Any]:
        secret = f"Bot {self._platform.token}"
        if (route is None or route.secret) and request.headers.get("Authorization") != secret:
            raise errors.unauthorized()
        if route is None:
            raise errors.unknown_route()
        reply = route.serve(exchange)
        return (204 if reply.body is None else reply.status), reply.body

    # Rates.

    def _limit(self, route: Route | None, request: web.Request, headers: dict[str, str]) -> None:
        if route is None:
            return
        limits, now = self._platform.limits, time.monotonic()
        if route.secret and limits.global_calls is not None:
            verdict = self._take(("", ""), limits.global_calls, limits.global_seconds, now)
            if not verdict.allowed:
                headers["X-RateLimit-Global"] = "true"
                raise _rate_limited(verdict, "global")
        calls, seconds = _rate(limits, route)
        if calls is None:
            return
        name = f"{route.method} {route.path}" if route.bucket == "route" else route.bucket
        major = "+".join(request.match_info.get(piece, "") for piece in _MAJOR)
        verdict = self._take((name, major), calls, seconds, now)
        headers |= _rate_headers(name, verdict)
        if not verdict.allowed:
            raise _rate_limited(verdict, "user")

    def _take(self, key: tuple[str, str], calls: int, seconds: float, now: float) -> Verdict:
        if key not in self._windows:
            self._windows[key] = new_window(self._platform.limits.window, calls, seconds)
        return self._windows[key].take(now)

    # Faults.

    async def _strike(self, request: web.Request, call: Call, fault: Fault) -> web.Response | None:
        outcome = fault.outcome
        if isinstance(outcome, Slow):
            await self._pause(outcome.seconds)
            return None
        if isinstance(outcome, Refuse):
            return _refusal(call, outcome)
        if isinstance(outcome, Hang):
            await self._pause(outcome.seconds)
        call.status = 0
        _cut(request)
        return web.Response()

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            return


def _rate(limits: Limits, route: Route) -> tuple[int | None, float]:
    if route.bucket == "messages":
        return limits.channel_calls, limits.channel_seconds
    if route.bucket == "typing":
        return limits.typing_calls, limits.typing_seconds
    if route.bucket == "webhook":
        return limits.webhook_calls, limits.webhook_seconds
    return limits.route_calls, limits.route_seconds


def _rate_headers(bucket: str, verdict: Verdict) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(verdict.limit),
        "X-RateLimit-Remaining": str(verdict.remaining),
        "X-RateLimit-Reset": f"{time.time() + verdict.reset_after:.3f}",
        "X-RateLimit-Reset-After": f"{verdict.reset_after:.3f}",
        "X-RateLimit-Bucket": hashlib.sha256(bucket.encode()).hexdigest()[:32],
    }


def _rate_limited(verdict: Verdict, scope: str) -> APIError:
    return _wait(429, 0, "You are being rate limited.", verdict.reset_after, scope)


def _wait(status: int, code: int, message: str, seconds: float, scope: str) -> APIError:
    wait = math.ceil(seconds * 1000) / 1000
    error = APIError(status, code, message, retry_after=wait)
    error.body["global"] = scope == "global"
    error.body |= {} if code else {"code": 0}
    error.scope = scope
    return error


def _waiting(error: APIError) -> dict[str, str]:
    if error.status != 429:
        return {}
    after = error.header_after or math.ceil(error.body["retry_after"])
    return {"Retry-After": str(after), "X-RateLimit-Scope": error.scope}


def _refusal(call: Call, outcome: Outcome) -> web.Response:
    assert isinstance(outcome, Refuse)
    call.status = outcome.status
    if outcome.html:
        return banned(outcome.status, outcome.retry_after)
    message = outcome.message or f"{outcome.status}: Refused"
    if outcome.retry_after is None:
        call.answer = APIError(outcome.status, outcome.code, message).body
        return _response(call, {})
    scope = "global" if outcome.is_global else outcome.scope
    error = _wait(outcome.status, outcome.code, message, outcome.retry_after, scope)
    call.answer = error.body
    return _response(call, _waiting(error))


def _response(call: Call, headers: dict[str, str]) -> web.Response:
    headers["Via"] = "1.1 google"
    call.answer_headers = headers
    if call.status == 204:
        return web.Response(status=204, headers=headers)
    body = json.dumps(call.answer).encode()
    return web.Response(
        status=call.status, body=body, headers=headers, content_type="application/json"
    )


def _cut(request: web.Request) -> None:
    transport = request.transport
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    # With nothing left to linger for, the peer gets a reset and not an orderly end.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
