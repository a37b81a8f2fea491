"""The HTTP server: one ASGI app, its open connections, and which client each request counts for."""

from bot.http.addresses import Proxies
from bot.http.connections import ConnectionLimits, limits_for, raised_file_limit
from bot.http.server import Server, build, listen, serve

__all__ = [
    "ConnectionLimits",
    "Proxies",
    "Server",
    "build",
    "limits_for",
    "listen",
    "raised_file_limit",
    "serve",
]
