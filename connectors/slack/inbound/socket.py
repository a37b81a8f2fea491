"""Slack's events over a WebSocket that the bot opens: Socket Mode."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from connectors.slack.inbound.app import dispatch

PING_S = 5.0
"""A connection that was cut without a word is found out within so many seconds."""
ATTEMPT_S = 12.0
_CLOSE_S = 1.0
"""How long events that are being settled, and the farewell, may take once the bot closes."""

# The SDK logs whole events at DEBUG.
_quiet = logging.getLogger("connectors.slack.socket")
_quiet.setLevel(logging.WARNING)


class Socket:
    """Keeps a connection, and takes a new one when Slack asks for it or the old one is lost.

    What Slack sends meanwhile it sends again. `web` calls Slack with the app's own token.
    """

    def __init__(self, app: AsyncApp, app_token: str, web: AsyncWebClient) -> None:
        self._app = app
        self._app_token = app_token
        self._web = web
        self._client: _Client | None = None
        self._connecting: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """Whether events can come in now."""
        client = self._client
        return client is not None and client.current_session is not None and client.alive

    def start(self) -> None:
        """Begins to connect, and tries until that works. Once is enough; it needs a loop."""
        if self._client is None:
            self._client = _Client(
                app_token=self._app_token,
                web_client=self._web,
                ping_interval=PING_S,
                logger=_quiet,
            )
            self._client.proxy = self._web.proxy
            self._client.socket_mode_request_listeners.append(self._take)
            self._connecting = asyncio.create_task(self._client.connect())

    async def aclose(self) -> None:
        """Ends the connection, once the events that are being settled have been acknowledged."""
        if self._client is None or self._connecting is None or self._client.closed:
            return
        if self._client.running:
            await asyncio.wait(self._client.running, timeout=_CLOSE_S)
        await self._client.end(self._connecting)

    async def _take(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        response = await dispatch(self._app, request.payload, "socket_mode")
        if response.status == 200:
            said = json.loads(response.body) if response.body else None
            await client.send_socket_mode_response(SocketModeResponse(request.envelope_id, said))


class _Client(SocketModeClient):
    """The SDK's client, with an end to all of its tasks, and with a new address when one fails."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.running: set[asyncio.Task[Any]] = set()
        """What is being done about messages of Slack's."""

    @property
    def alive(self) -> bool:
        """Whether the connection stands, as far as is known."""
        session = self.current_session
        return not self.closed and not self.stale and session is not None and not session.closed

    async def connect(self) -> None:
        """Tries until it works. The SDK alone would try one address, good for once, for ever."""
        while not self.closed:
            try:
                async with asyncio.timeout(ATTEMPT_S):
                    await super().connect()  # type: ignore[no-untyped-call]
                return
            except TimeoutError:
                self.wss_uri = None

    async def run_message_listeners(self, message: dict[str, Any], raw_message: str) -> None:
        """What is to be done about one message; the SDK itself keeps no hold of it."""
        task = asyncio.create_task(super().run_message_listeners(message, raw_message))
        self.running.add(task)
        task.add_done_callback(self.running.discard)

    async def end(self, connecting: asyncio.Task[None]) -> None:
        """Closes, and waits until nothing of it is left."""
        self.closed, self.auto_reconnect_enabled = True, False
        own = (self.message_processor, self.current_session_monitor, self.message_receiver)
        tasks = {connecting, *self.running, *(each for each in own if each is not None)}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self.close()  # type: ignore[no-untyped-call]
        except TimeoutError:
            await self.aiohttp_client_session.close()
