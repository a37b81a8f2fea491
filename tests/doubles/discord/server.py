"""The whole double: a web server on loopback with REST, gateway, files and control."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from tests.doubles.discord import control
from tests.doubles.discord.faults import Faults
from tests.doubles.discord.gateway import Gateway
from tests.doubles.discord.intents import PRIVILEGED, Intent
from tests.doubles.discord.limits import Limits
from tests.doubles.discord.people import People
from tests.doubles.discord.platform import Platform
from tests.doubles.discord.record import Record
from tests.doubles.discord.rest import ROUTES
from tests.doubles.discord.rest.gate import BASE, Gate

TOKEN = "test.token"
"""The bot's token where none is named."""


class DiscordServer:
    """Discord, as far as a chat bot sees it. `people` act, `faults` strike, `record` tells."""

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        token: str = TOKEN,
        intents: Intent = PRIVILEGED,
        heartbeat_seconds: float = 41.25,
    ) -> None:
        """`intents` are the privileged ones that the application's owner has switched on."""
        self.token = token
        self.platform = Platform(limits or Limits(), token, intents)
        self.people = People(self.platform)
        self.gateway = Gateway(self.platform, heartbeat_seconds)
        self.faults = Faults()
        self.record: Record = self.platform.record
        self._gate = Gate(self.platform, self.faults)
        self._runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=1.0)

    @property
    def url(self) -> str:
        """The REST API's base URL."""
        return f"{self.platform.origin}{BASE}"

    @property
    def gateway_url(self) -> str:
        """The gateway's URL."""
        return self.platform.gateway_url

    @property
    def control_url(self) -> str:
        """The control API's base URL."""
        return f"{self.platform.origin}{control.BASE}"

    def ban(self, seconds: float) -> None:
        """The proxy before the platform turns every call away for so long."""
        self._gate.bans.ban(seconds)

    async def start(self, port: int = 0) -> None:
        """Listens on 127.0.0.1; port 0 takes a free one."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        taken = self._runner.addresses[0][1]
        self.platform.origin = f"http://127.0.0.1:{taken}"
        self.platform.gateway_url = f"ws://127.0.0.1:{taken}/gateway"

    async def aclose(self) -> None:
        """Cuts all connections and stops listening."""
        self._gate.close()
        self.gateway.refuses = True
        self.gateway.drop()
        await self._runner.cleanup()

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        for route in ROUTES:
            app.router.add_route(route.method, BASE + route.path, self._gate.handler(route))
        app.router.add_get("/gateway", self.gateway.serve)
        # aiohttp asks for the path with a slash when a client adds a query to a bare URL.
        app.router.add_get("/gateway/", self.gateway.serve)
        app.router.add_get("/attachments/{channel_id}/{id}/{name}", self._file)
        control.add_routes(app.router, self)
        app.router.add_route("*", "/{path:.*}", self._gate.handler(None))
        return app

    async def _file(self, request: web.Request) -> web.Response:
        attachment = self.platform.attachments.get(request.match_info["id"])
        if attachment is None or attachment.filename != request.match_info["name"]:
            return web.Response(status=404, text="This content is no longer available.")
        headers = {"Content-Type": attachment.content_type}
        return web.Response(body=attachment.data, headers=headers)


@asynccontextmanager
async def discord_server(
    *,
    limits: Limits | None = None,
    token: str = TOKEN,
    intents: Intent = PRIVILEGED,
    heartbeat_seconds: float = 41.25,
) -> AsyncIterator[DiscordServer]:
    """A Discord on a free port of this machine, for as long as the block lasts."""
    server = DiscordServer(
        limits=limits, token=token, intents=intents, heartbeat_seconds=heartbeat_seconds
    )
    await server.start()
    try:
        yield server
    finally:
        await server.aclose()
