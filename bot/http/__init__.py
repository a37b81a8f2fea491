"""One ASGI app: health, and the routes that connectors bring."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.http.addresses import Clients, Proxies
from bot.http.connections import Connections, Limits, limits_for, raised_file_limit
from bot.http.protocol import Config

__all__ = [
    "Limits",
    "Proxies",
    "Server",
    "build",
    "limits_for",
    "listen",
    "raised_file_limit",
    "serve",
]

MAX_FRAME_BYTES = 256 * 1024
"""The largest WebSocket message that is read at all."""


def build(routes: Sequence[BaseRoute]) -> Starlette:
    """The app: `/healthz` for the host, and what the connectors serve."""
    return Starlette(routes=[Route("/healthz", _healthz), *routes])


async def _healthz(_request: Request) -> Response:
    return JSONResponse({"status": "ok"})


class Server(uvicorn.Server):
    """Uvicorn inside the bot's own loop; the bot handles the signals itself."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves the signals alone."""
        yield


class _Quiet:
    """ASGI middleware: a client that goes away in the middle of its request is no fault of ours."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except ClientDisconnect:
            return


def serve(app: ASGIApp, limits: Limits | None = None, proxies: Proxies | None = None) -> Server:
    """A server for the app; `serve(sockets=[…])` runs it until `should_exit` is set."""
    limits, proxies = limits or Limits(), proxies or Proxies(())
    config = Config(
        Clients(_Quiet(app), proxies, limits.per_address),
        Connections(limits, proxies.__contains__),
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
