"""A server of tools over streamable HTTP that counts what it is asked to do and misbehaves."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

TOOLS = (
    "json", "stream", "redirect", "broken", "cut", "flood", "gateway", "denied", "error",
    "accepted", "resumed", "hang", "zip",
)  # fmt: skip


class McpHttpServer:
    """The server: `posts` are the tokens of the calls that came, each time one came."""

    def __init__(self) -> None:
        self.posts: list[str] = []
        self.gets: list[str] = []
        """The ids of events after which somebody asked for more."""
        self.headers: dict[str, str] = {}
        self.url = ""
        self.status = 0
        """What it answers everything with, where it isn't 0."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Whatever is asked."""
        self.headers = dict(request.headers)
        if self.status:
            return web.Response(status=self.status, headers={"location": "/elsewhere"})
        if request.method == "GET":
            return await self._more(request)
        if request.method == "DELETE":
            return web.Response()
        message = await request.json()
        if "id" not in message:
            return web.Response(status=202)
        method = message["method"]
        if method == "initialize":
            return _said(message, {
                "protocolVersion": message["params"]["protocolVersion"],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "http", "version": "1"},
            })  # fmt: skip
        if method == "tools/list":
            schema = {"type": "object"}
            return _said(message, {"tools": [{"name": n, "inputSchema": schema} for n in TOOLS]})
        self.posts.append(message["params"]["_meta"]["io.everytoken/call"])
        act = getattr(self, f"_{message['params']['name']}")
        found: web.StreamResponse = await act(request, message)
        return found

    async def _json(self, _request: web.Request, message: dict[str, Any]) -> web.StreamResponse:
        return _said(message, _text("done"))

    async def _stream(self, request: web.Request, message: dict[str, Any]) -> web.StreamResponse:
        told = {"jsonrpc": "2.0", "method": "notifications/message", "params": {
            "level": "info", "data": "x"}}  # fmt: skip
        asks = {"jsonrpc": "2.0", "id": "s1", "method": "elicitation/create", "params": {}}
        return await _events(request, [told, asks, _response(message, _text("done"))])

    async def _redirect(self, _request: web.Request, _message: Any) -> web.StreamResponse:
        return web.Response(status=307, headers={"location": "/mcp"})

    async def _broken(self, request: web.Request, _message: Any) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    async def _cut(self, request: web.Request, _message: Any) -> web.StreamResponse:
        return await _events(request, [])

    async def _resumed(self, request: web.Request, message: dict[str, Any]) -> web.StreamResponse:
        self._left = _response(message, _text("after a break"))
        return await _events(request, [], b"id: 7\nretry: 10\ndata: \n\n")

    async def _more(self, request: web.Request) -> web.StreamResponse:
        self.gets.append(request.headers.get("last-event-id", ""))
        return await _events(request, [self._left])

    async def _flood(self, request: web.Request, _message: Any) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "application/json"})
        await response.prepare(request)
        for _ in range(1_000):
            await response.write(b"x" * 100_000)
        return response

    async def _zip(self, _request: web.Request, message: dict[str, Any]) -> web.StreamResponse:
        body = gzip.compress(json.dumps(_response(message, _text("x" * 3_000_000))).encode())
        headers = {"content-type": "application/json", "content-encoding": "gzip"}
        return web.Response(body=body, headers=headers)

    async def _gateway(self, _request: web.Request, _message: Any) -> web.StreamResponse:
        return web.Response(status=504, text="the upstream took too long")

    async def _denied(self, _request: web.Request, _message: Any) -> web.StreamResponse:
        return web.Response(status=403)

    async def _error(self, _request: web.Request, message: dict[str, Any]) -> web.StreamResponse:
        error = {"code": -32602, "message": "no such mailbox"}
        return web.json_response({"jsonrpc": "2.0", "id": message["id"], "error": error})

    async def _accepted(self, _request: web.Request, _message: Any) -> web.StreamResponse:
        return web.Response(status=202)

    async def _hang(self, _request: web.Request, _message: Any) -> web.StreamResponse:
        await asyncio.sleep(600)
        return web.Response()


@asynccontextmanager
async def mcp_http() -> AsyncIterator[McpHttpServer]:
    """A server on a free port of this machine."""
    server = McpHttpServer()
    app = web.Application()
    app.router.add_route("*", "/mcp", server.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0]
    server.url = f"http://{host}:{port}/mcp"
    try:
        yield server
    finally:
        await runner.cleanup()


def _text(text: str) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}]}


def _response(message: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": message["id"], "result": result}


def _said(message: dict[str, Any], result: dict[str, Any]) -> web.Response:
    return web.json_response(_response(message, result))


async def _events(
    request: web.Request, messages: list[dict[str, Any]], first: bytes = b""
) -> web.StreamResponse:
    response = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await response.prepare(request)
    await response.write(first)
    for message in messages:
        await response.write(f"event: message\ndata: {json.dumps(message)}\n\n".encode())
    return response
