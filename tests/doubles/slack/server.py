"""The double as a whole: one server on loopback, and the hands of a test on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from tests.doubles.slack.api import WebApi
from tests.doubles.slack.board import Board
from tests.doubles.slack.control import Control
from tests.doubles.slack.events import Carrier, Events
from tests.doubles.slack.faults import Fault
from tests.doubles.slack.http_events import HttpEvents
from tests.doubles.slack.limits import Limits
from tests.doubles.slack.pages import Pages
from tests.doubles.slack.people import People
from tests.doubles.slack.platform import Platform
from tests.doubles.slack.queries import Queries
from tests.doubles.slack.records import Call
from tests.doubles.slack.socket_mode import SocketMode
from tests.doubles.slack.workspaces import APP_TOKEN, SIGNING_SECRET, Workspace, workspace


class Slack(People, Queries):
    """Slack with its workspaces, people, faults and records. Made by `slack_server`."""

    def __init__(self, limits: Limits, ack_seconds: float, stream_life: float) -> None:
        first = workspace()
        self.platform = Platform(limits, stream_life, {first.id: first})
        self.sockets = SocketMode(ack_seconds)
        self.board = Board(self.platform, Events(self.platform, self.sockets))
        self._ack_seconds = ack_seconds
        self._carriers: list[Carrier] = [self.sockets]
        self._runner: web.AppRunner | None = None

    @property
    def root(self) -> str:
        """The server's address, without a slash at the end."""
        return self.platform.url

    @property
    def url(self) -> str:
        """What the bot takes as the address of Slack's Web API."""
        return f"{self.platform.url}/api/"

    @property
    def workspace(self) -> Workspace:
        """The first workspace."""
        return next(iter(self.platform.workspaces.values()))

    @property
    def bot_token(self) -> str:
        """The bot's token for the first workspace."""
        return self.workspace.bot_token

    @property
    def app_token(self) -> str:
        """The token for Socket Mode."""
        return APP_TOKEN

    @property
    def mention(self) -> str:
        """How people of the first workspace name the bot."""
        return f"<@{self.workspace.bot_user}>"

    def add_workspace(self) -> Workspace:
        """One more workspace in which the app is installed."""
        made = workspace(len(self.platform.workspaces) + 1)
        self.platform.workspaces[made.id] = made
        return made

    def fault(self, method: str, *faults: Fault | None) -> None:
        """The next calls of a method meet these faults, one each; None lets one pass."""
        self.platform.faults.add(method, *faults)

    def fault_by(self, rule: Callable[[Call], Fault | None]) -> None:
        """Asks for a fault before each call for which none waits."""
        self.platform.faults.rule(rule)

    def deliver_to(self, url: str, signing_secret: str = SIGNING_SECRET) -> HttpEvents:
        """Sends events to an address from now on, in place of Socket Mode."""
        carrier = HttpEvents(url, signing_secret, self._ack_seconds)
        self._carriers.append(carrier)
        self.board.events.carrier = carrier
        return carrier

    async def connected(self, number: int = 1) -> None:
        """Waits until the bot has so many Socket Mode connections."""
        await self.sockets.connected(number)

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        """Asks the bot to take new connections."""
        await self.sockets.disconnect(reason)

    def drop_sockets(self) -> None:
        """Cuts every Socket Mode connection."""
        self.sockets.drop()

    async def start(self, port: int = 0) -> None:
        """Listens on loopback, on any free port for 0."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        api = WebApi(self.board, self.sockets.open)
        app.router.add_route("*", "/api/{method}", api.handle)
        app.router.add_get("/link/", self.sockets.serve)
        app.router.add_routes(Pages(self.board).routes())
        app.router.add_routes(Control(self).routes())
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        host, bound = self._runner.addresses[0][:2]
        self.platform.url = f"http://{host}:{bound}"
        self.sockets.root = f"ws://{host}:{bound}"
        self.sockets.start()

    async def aclose(self) -> None:
        """Ends everything: waiting answers, connections, deliveries."""
        self.platform.closing.set()
        await asyncio.gather(*(carrier.aclose() for carrier in self._carriers))
        for delivery in self.platform.deliveries:
            delivery.abandon()
        if self._runner is not None:
            await self._runner.cleanup()


@asynccontextmanager
async def slack_server(
    *,
    limits: Limits | None = None,
    ack_seconds: float = 3.0,
    stream_life: float = 300.0,
    port: int = 0,
) -> AsyncIterator[Slack]:
    """Slack on loopback. An event that is not acknowledged in `ack_seconds` is sent again."""
    slack = Slack(limits or Limits(), ack_seconds, stream_life)
    try:
        await slack.start(port)
        yield slack
    finally:
        await slack.aclose()
