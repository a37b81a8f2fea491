"""What hears Slack: the inbound side alone, on a real socket or a real HTTP server."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace

import uvicorn
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from connectors.base import Event, Incoming, Inflow, Preflight
from connectors.slack.api import Api, OneToken
from connectors.slack.options import SlackOptions
from connectors.slack.people import Recipients, UserNames
from connectors.slack.transport import SlackTransport
from tests.doubles.slack import APP_TOKEN, SIGNING_SECRET, Slack
from tests.doubles.waiting import PATIENCE_S


class Installed:
    """Knows which workspaces took the app out."""

    def __init__(self) -> None:
        self.forgotten: list[str] = []

    async def forget(self, team: str) -> None:
        """One more."""
        self.forgotten.append(team)

    def routes(self) -> list[BaseRoute]:
        """No pages."""
        return []


@dataclass
class Ears:
    """The inbound side, and the events that it gave; `next` waits for one."""

    api: Api
    inbound: SlackTransport
    recipients: Recipients
    installed: Installed
    url: str = ""
    """Where it takes requests, without the path."""
    heard: list[Event] = field(default_factory=list)
    _waiting: asyncio.Queue[Incoming] = field(default_factory=asyncio.Queue)

    async def next(self) -> Incoming:
        """The next event, not settled yet."""
        async with asyncio.timeout(PATIENCE_S):
            return await self._waiting.get()

    async def accept(self) -> Event:
        """The next event, accepted."""
        incoming = await self.next()
        incoming.accept()
        return incoming.event

    async def listen(self) -> None:
        """Takes events as the bot would."""
        async with aclosing(self.inbound.events()) as events:  # type: ignore[type-var]
            async for incoming in events:
                if isinstance(incoming.event, Preflight):
                    incoming.accept()
                    continue
                self.heard.append(incoming.event)
                self._waiting.put_nowait(incoming)


@asynccontextmanager
async def ears(slack: Slack, **options: object) -> AsyncIterator[Ears]:
    """Hears Slack by Socket Mode, unless the options say otherwise."""
    made = replace(SlackOptions(app_token=APP_TOKEN), **options)  # type: ignore[arg-type]
    api = Api(slack.url, OneToken(slack.bot_token))
    recipients, installed = Recipients(), Installed()
    made = replace(made, api_url=slack.url)
    inbound = SlackTransport(api, made, Inflow(), UserNames(api), recipients, installed)
    hearing = Ears(api, inbound, recipients, installed)
    listening = asyncio.create_task(hearing.listen())
    try:
        yield hearing
    finally:
        await inbound.aclose()
        await api.aclose()
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


@asynccontextmanager
async def http_ears(slack: Slack, **options: object) -> AsyncIterator[Ears]:
    """Hears Slack by signed requests to a server of its own."""
    secrets = {"app_token": None, "signing_secret": SIGNING_SECRET}
    async with ears(slack, **secrets, **options) as hearing, _served(hearing) as url:
        hearing.url = url
        slack.deliver_to(f"{url}/slack/events")
        yield hearing


@asynccontextmanager
async def _served(hearing: Ears) -> AsyncIterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        app = Starlette(routes=list(hearing.inbound.routes()))
        config = uvicorn.Config(app, log_level="error", lifespan="off")
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        await server.startup(sockets=[listening])
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            await hearing.inbound.aclose()
            server.force_exit = True
            await server.shutdown(sockets=[listening])
