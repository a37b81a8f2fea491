"""Everything that comes in, put together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from slack_sdk.web.async_client import AsyncWebClient
from starlette.routing import BaseRoute
from yarl import URL

from connectors.base import Incoming, Inflow
from connectors.errands import Errands
from connectors.slack.api import Api, proxy_for
from connectors.slack.inbound.anchors import Anchors, Names
from connectors.slack.inbound.app import bolt_app
from connectors.slack.inbound.assistant import Assistant
from connectors.slack.inbound.commands import Commands
from connectors.slack.inbound.gate import Gate, Installed
from connectors.slack.inbound.handover import Handover
from connectors.slack.inbound.http import Door
from connectors.slack.inbound.shortcuts import Shortcuts
from connectors.slack.inbound.socket import Socket
from connectors.slack.options import SlackOptions
from connectors.slack.recipients import Recipients
from connectors.slack.sessions import Sessions


class Installations(Installed, Protocol):
    """The workspaces that installed the app, and the pages on which they do so."""

    def routes(self) -> Sequence[BaseRoute]:
        """The pages."""
        ...


class Inbound:
    """Slack's side of the events: a socket where there is an app token, else signed requests."""

    def __init__(
        self,
        api: Api,
        options: SlackOptions,
        inflow: Inflow,
        names: Names,
        recipients: Recipients,
        installations: Installations | None = None,
        sessions: Sessions | None = None,
    ) -> None:
        self._inflow = inflow
        self._installations = installations
        self._errands = Errands("slack")
        threads_in_dms = options.streaming != "edit"
        handover = Handover(inflow, recipients)
        anchors = Anchors(api, handover, self._errands, threads_in_dms=threads_in_dms)
        gate = Gate(
            api,
            handover,
            names,
            Commands(anchors, handover, names),
            Shortcuts(api, anchors, handover, self._errands, names),
            Assistant(api, options, handover, self._errands, sessions or Sessions(api)),
            installations,
            threads_in_dms=threads_in_dms,
        )
        web = _web(options.api_url)
        app = bolt_app(gate, web)
        self._socket = Socket(app, options.app_token, web) if options.app_token else None
        self._door = Door(app, options.signing_secret) if options.signing_secret else None

    @property
    def connected(self) -> bool:
        """Whether events can come in now."""
        return self._socket.connected if self._socket else self._door is not None

    def routes(self) -> Sequence[BaseRoute]:
        """Where Slack sends requests, and where the app is installed."""
        doors = self._door.routes() if self._door else []
        return [*doors, *(self._installations.routes() if self._installations else ())]

    async def events(self) -> AsyncIterator[Incoming]:
        """The events, until `aclose`. The first call opens the socket."""
        if self._socket is not None:
            self._socket.start()
        async for incoming in self._inflow.events():
            yield incoming

    async def aclose(self) -> None:
        """Refuses what comes from now on, and ends the socket and all that is under way."""
        self._inflow.close()
        if self._socket is not None:
            await self._socket.aclose()
        await self._errands.aclose()


def _web(api_url: str) -> AsyncWebClient:
    """For opening sockets; each of the few calls has a connection of its own."""
    client = AsyncWebClient(base_url=api_url, retry_handlers=[])
    # The SDK would go through a proxy to a server on this machine as well.
    client.proxy = proxy_for(URL(api_url))
    return client
