"""One ASGI app: health, and the routes that connectors bring."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

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


def serve(app: Starlette) -> Server:
    """A server for the app; `serve(sockets=[…])` runs it until `should_exit` is set."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="websockets-sansio",
        ws_max_size=MAX_FRAME_BYTES,
        timeout_graceful_shutdown=3,
        server_header=False,
    )
    return Server(config)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; raises `OSError` where the address is taken or not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=2048)
