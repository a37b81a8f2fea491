"""One ASGI app (health, and the routes that connectors bring), and the server that runs it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.http.addresses import Clients, Proxies
from bot.http.connections import Config, ConnectionLimits, Connections, HttpProtocol

MAX_FRAME_BYTES = 256 * 1024
"""The largest WebSocket message that is read at all."""


def build(routes: Sequence[BaseRoute]) -> Starlette:
    """The app: `/healthz` for the host, and what the connectors serve."""
    found = [Route("/healthz", _healthz), *routes]
    return Starlette(routes=found, exception_handlers={404: _not_found})


_NOT_FOUND = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Not found · Everytoken</title>
<h1>There is no such page</h1>
<p><a href="/">To the chat</a> · <a href="/runs">To the runs</a></p>
</html>
"""


async def _not_found(request: Request, error: Exception) -> Response:
    """A page for who reads pages, a line for programs."""
    if isinstance(error, HTTPException) and error.detail != "Not Found":
        return PlainTextResponse(error.detail, 404)
    if "text/html" not in request.headers.get("accept", ""):
        return PlainTextResponse("Not Found", 404)
    policy = {"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff"}
    return HTMLResponse(_NOT_FOUND, 404, policy)


async def _healthz(_request: Request) -> Response:
    return JSONResponse({"status": "ok"})


ACCEPTING = 8
"""So many connections are accepted at once, before the loop reads what those before them sent."""
_FULL_S = 0.1


class Server(uvicorn.Server):
    """Uvicorn inside the bot's own loop; the bot handles the signals itself.

    It accepts connections few by few: of hundreds that come at once, each is read before others
    can push it out.
    """

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._config = config
        self._accepting: list[asyncio.Task[None]] = []

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves the signals alone."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begins to accept."""
        await self.lifespan.startup()
        self.servers = []
        self._accepting = [
            asyncio.create_task(self._accept(listener), name="accepting")
            for listener in sockets or []
            for _ in range(ACCEPTING)
        ]
        self.started = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accepts no more, then ends as uvicorn does."""
        for accepting in self._accepting:
            accepting.cancel()
        await asyncio.gather(*self._accepting, return_exceptions=True)
        await super().shutdown(sockets)

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        listener.setblocking(False)
        while True:
            try:
                accepted, _ = await loop.sock_accept(listener)
            except OSError:  # no file is left, or the client has gone
                await asyncio.sleep(_FULL_S)
                continue
            try:
                await loop.connect_accepted_socket(self._protocol, accepted)
            except OSError:
                accepted.close()

    def _protocol(self) -> HttpProtocol:
        return HttpProtocol(self._config, self.server_state, self.lifespan.state)


class _Quiet:
    """ASGI middleware: a client that goes away in the middle of its request is no fault of ours."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except ClientDisconnect:
            return


def serve(
    app: ASGIApp,
    limits: ConnectionLimits | None = None,
    proxies: Proxies | None = None,
    proxy_header: str | None = None,
) -> Server:
    """A server for the app; `serve(sockets=[…])` runs it until `should_exit` is set.

    `proxy_header`: one that only a trusted proxy may send.
    """
    limits, proxies = limits or ConnectionLimits(), proxies or Proxies(())
    config = Config(
        Clients(
            _Quiet(app), proxies=proxies, at_once=limits.per_address, proxy_header=proxy_header
        ),
        Connections(limits=limits, trusts=proxies.__contains__),
        log_config=None,
        access_log=False,
        lifespan="off",
        ws_max_size=MAX_FRAME_BYTES,
        timeout_graceful_shutdown=3,
        server_header=False,
        proxy_headers=False,  # `Clients` reads them
    )
    return Server(config)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; raises `OSError` where the address is taken or not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=2048)
