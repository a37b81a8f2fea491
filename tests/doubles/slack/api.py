"""Serves the Web API: arguments, tokens, scopes, rates and faults around each method."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import time
from base64 import b64decode
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from aiohttp import web

from tests.doubles.slack.board import Board
from tests.doubles.slack.faults import Broken, Fault, Held, Reset, Says, Slow, TooMany
from tests.doubles.slack.limits import RATES
from tests.doubles.slack.records import Call, Refusal
from tests.doubles.slack.web_api import METHODS, ApiError, Request, auth
from tests.doubles.slack.workspaces import APP_TOKEN, CLIENT_ID, CLIENT_SECRET, Workspace

_NESTED = {"blocks", "metadata", "attachments", "chunks", "prompts", "view", "files"}
"""Arguments that a form carries as JSON."""

Arguments = dict[str, Any]


class WebApi:
    """`/api/<method>`. `open_socket` gives the address of a new Socket Mode connection."""

    def __init__(self, board: Board, open_socket: Callable[[], str]) -> None:
        self._board = board
        self._platform = board.platform
        self._open_socket = open_socket

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answers one call and keeps the record of it."""
        args = await _arguments(request)
        token = _token(request, args)
        name = request.match_info["method"]
        call = Call(name, args, time.time(), self._platform.number(name))
        self._platform.calls.append(call)
        fault = self._platform.faults.take(call)
        answer = await self._before(request, call, fault)
        if answer is None:
            done = self._done(request, call, token)
            answer = await self._after(request, fault, done)
        call.answered_at = time.time()
        call.status = answer.status if answer.status != _CUT else 0
        return answer

    async def _before(
        self, request: web.Request, call: Call, fault: Fault | None
    ) -> web.StreamResponse | None:
        """What a fault does before the effect; an answer where there is to be none."""
        match fault:
            case TooMany(retry_after):
                return self._refused(call, "fault", retry_after, injected=True)
            case Says(error, extra):
                call.error = error
                return web.json_response({"ok": False, "error": error, **extra})
            case Broken(status, after=False):
                return web.Response(status=status, text="server error")
            case Held(seconds, after=False):
                await self._pause(seconds)
                return _cut(request)
            case Reset(after=False):
                return _cut(request)
            case Slow(seconds, after=False):
                await self._pause(seconds)
        return None

    async def _after(
        self, request: web.Request, fault: Fault | None, done: web.Response
    ) -> web.StreamResponse:
        """What a fault does to the answer."""
        match fault:
            case Broken(status, after=True):
                return web.Response(status=status, text="server error")
            case Held(seconds, after=True):
                await self._pause(seconds)
                return _cut(request)
            case Reset(after=True):
                return _cut(request)
            case Slow(seconds, after=True):
                await self._pause(seconds)
        return done

    async def _pause(self, seconds: float) -> None:
        """Waits, but no longer than the double lives."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._platform.closing.wait(), seconds)

    def _done(self, request: web.Request, call: Call, token: str) -> web.Response:
        """Makes the call take effect. Nothing else runs meanwhile."""
        try:
            answer, headers = self._effect(request, call, token)
        except ApiError as error:
            call.error = error.error
            return web.json_response({"ok": False, "error": error.error, **error.extra})
        except _Refused as refused:
            return self._refused(call, refused.key, refused.retry_after)
        return web.json_response({"ok": True, **answer}, headers=headers)

    def _effect(
        self, request: web.Request, call: Call, token: str
    ) -> tuple[Arguments, dict[str, str]]:
        if call.method == "apps.connections.open":
            return self._connection(token), {}
        if call.method == "oauth.v2.access":
            return self._installation(request, call.args), {}
        if call.method not in METHODS:
            raise ApiError("unknown_method", req_method=call.method)
        workspace = self._workspace(token)
        call.workspace = workspace.id
        method = METHODS[call.method]
        asked = Request(self._board, workspace, call.args)
        needed = method.scopes(asked)
        if needed and not set(needed) & set(workspace.scopes):
            provided = ",".join(workspace.scopes)
            raise ApiError("missing_scope", needed=needed[0], provided=provided)
        self._spend(call)
        headers = {"x-oauth-scopes": ",".join(workspace.scopes)}
        headers |= {"x-accepted-oauth-scopes": ",".join(needed)} if needed else {}
        return method.function(asked), headers

    def _workspace(self, token: str) -> Workspace:
        if not token:
            raise ApiError("not_authed")
        if token == APP_TOKEN:
            raise ApiError("not_allowed_token_type")
        for workspace in self._platform.workspaces.values():
            if workspace.bot_token == token:
                if workspace.void:
                    raise ApiError(workspace.void)
                return workspace
        raise ApiError("invalid_auth")

    def _connection(self, token: str) -> Arguments:
        if token != APP_TOKEN:
            raise ApiError("not_allowed_token_type" if token else "not_authed")
        return {"url": self._open_socket()}

    def _installation(self, request: web.Request, args: Mapping[str, Any]) -> Arguments:
        if _client(request, args) != (CLIENT_ID, CLIENT_SECRET):
            raise ApiError("bad_client_secret")
        team = self._platform.codes.pop(str(args.get("code")), None)
        if team is None:
            raise ApiError("invalid_code")
        workspace = self._platform.workspaces[team]
        workspace.void = ""
        return auth.installation(workspace)

    def _spend(self, call: Call) -> None:
        name = RATES.get(call.method, "")
        rate = getattr(self._platform.limits, name, None)
        if rate is None:
            return
        key = f"{call.workspace}/{call.method}"
        if name == "post":
            key = f"{call.workspace}/{name}/{call.args.get('channel')}"
        wait = self._platform.windows.spend(key, rate, time.monotonic())
        if wait:
            raise _Refused(key, wait)

    def _refused(
        self, call: Call, key: str, retry_after: int, *, injected: bool = False
    ) -> web.Response:
        call.error = "ratelimited"
        refusal = Refusal(time.time(), call.method, key, retry_after, injected)
        self._platform.rate_limited.append(refusal)
        headers = {"Retry-After": str(retry_after)}
        body = {"ok": False, "error": "ratelimited"}
        return web.json_response(body, status=429, headers=headers)


class _Refused(Exception):
    """A window is full."""

    def __init__(self, key: str, retry_after: int) -> None:
        super().__init__(key)
        self.key = key
        self.retry_after = retry_after


_CUT = 599
"""The status of an answer that nobody gets: its connection is gone."""


def _cut(request: web.Request) -> web.Response:
    """Resets the connection under a request; what is returned goes nowhere."""
    transport = request.transport
    if transport is not None:
        # Without lingering, closing sends a reset instead of an orderly end.
        linger = struct.pack("ii", 1, 0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()
    return web.Response(status=_CUT)


async def _arguments(request: web.Request) -> Arguments:
    """The arguments of a call from its address, its form or its JSON."""
    args: Arguments = dict(request.query)
    if request.content_type == "application/json":
        args |= json.loads(await request.text() or "{}")
    else:
        args |= dict(await request.post())
    for name in _NESTED & args.keys():
        if isinstance(args[name], str) and args[name]:
            with suppress(json.JSONDecodeError):
                args[name] = json.loads(args[name])
    return args


def _token(request: web.Request, args: Arguments) -> str:
    """The token, which is taken out of the arguments."""
    given = str(args.pop("token", "") or "")
    header = request.headers.get("Authorization", "")
    return header.removeprefix("Bearer ") if header.startswith("Bearer ") else given


def _client(request: web.Request, args: Mapping[str, Any]) -> tuple[str, str]:
    header = request.headers.get("Authorization", "")
    if header.startswith("Basic "):
        name, _, secret = b64decode(header.removeprefix("Basic ")).decode().partition(":")
        return name, secret
    return str(args.get("client_id")), str(args.get("client_secret"))
