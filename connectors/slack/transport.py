"""How Slack's requests arrive: over HTTP or over a WebSocket that the bot opens, by one bolt
app.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import parse_qsl

from slack_bolt.adapter.starlette.async_handler import to_starlette_response
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.error import BoltError
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.signature import SignatureVerifier
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from yarl import URL

from connectors.background import BackgroundTasks
from connectors.base import Incoming, Inflow
from connectors.slack.api import Api, proxy_for
from connectors.slack.commands import Assistant, Commands, Shortcuts
from connectors.slack.events import Installed, SlackEvents
from connectors.slack.handover import Names, SlackHandover, taken
from connectors.slack.options import SlackOptions
from connectors.slack.people import Recipients
from connectors.slack.questions import Anchors
from connectors.slack.sessions import AgentSessions
from connectors.slack.settings_modal import SettingsModal

# The bolt app, and the one way to hand it a request.


log = logging.getLogger(__name__)

# Bolt tells of every setting that it finds in the environment and has no use for here.
_bolt_log = logging.getLogger("connectors.slack.bolt")
_bolt_log.setLevel(logging.ERROR)


def bolt_app(gate: SlackEvents, client: AsyncWebClient) -> AsyncApp:
    """An app in which the gate answers everything but the question for the app's address.

    `request_verification_enabled` is off: `http.py` checks a signature before it reads any of a
    request's content, and Socket Mode has none.
    """
    return AsyncApp(
        name="everytoken",
        logger=_bolt_log,
        signing_secret="",
        client=client,
        before_authorize=gate,
        authorize=_nobody,
        request_verification_enabled=False,
        ignoring_self_events_enabled=False,
        attaching_function_token_enabled=False,
    )


async def dispatch(app: AsyncApp, body: str | Mapping[str, Any], mode: str) -> BoltResponse:
    """What bolt answers. Content that bolt itself stumbles over is acknowledged and logged."""
    try:
        request = AsyncBoltRequest(body=body, mode=mode)  # type: ignore[arg-type]
    except Exception:
        # Sent again it would fail again.
        log.exception("a request of Slack's was not understood")
        return taken()
    return await app.async_dispatch(request)


async def _nobody() -> AuthorizeResult:
    """Bolt insists on being told whose token to use; the gate answers before it asks."""
    raise BoltError("nothing is left to authorize")


# Slack's requests over HTTP: events, interactions and commands at one address.


PATH = "/slack/events"

_MOST = 4 * 1024 * 1024
"""Bytes of a request; Slack's are far smaller."""
_FORM = "application/x-www-form-urlencoded"


class SlackEndpoint:
    """Lets in what Slack has signed within the last five minutes."""

    def __init__(self, app: AsyncApp, signing_secret: str) -> None:
        self._app = app
        self._verifier = SignatureVerifier(signing_secret)

    def routes(self) -> list[BaseRoute]:
        """Where Slack sends to."""
        return [Route(PATH, self._take, methods=["POST"])]

    async def _take(self, request: Request) -> Response:
        body = await _content(request)
        if body is None:
            return PlainTextResponse("The request is too large.", 413)
        if not self._signed(request, body):
            return PlainTextResponse("Slack did not sign this, or more than 5 minutes ago.", 401)
        content = _json(body.decode(), request.headers.get("content-type", ""))
        return to_starlette_response(await dispatch(self._app, content, "http"))

    def _signed(self, request: Request, body: bytes) -> bool:
        at = request.headers.get("x-slack-request-timestamp", "")
        signature = request.headers.get("x-slack-signature", "")
        # The verifier raises for what is neither a number nor ASCII, and for a body of other bytes.
        if not (at.isascii() and at.isdigit() and len(at) < 20 and signature.isascii()):
            return False
        try:
            return self._verifier.is_valid(body, at, signature)
        except UnicodeDecodeError:
            return False


def _json(content: str, media_type: str) -> str:
    """The payload as JSON.

    Bolt reads forms too, but takes a command in which the word "payload" occurs for an empty one.
    """
    if not media_type.startswith(_FORM):
        return content
    fields = dict(parse_qsl(content, keep_blank_values=True))
    return fields["payload"] if "payload" in fields else json.dumps(fields)


async def _content(request: Request) -> bytes | None:
    """The body; None where it is too large."""
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > _MOST:
            return None
    return bytes(content)


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


# Everything that comes in, put together.


class InstalledWorkspaces(Installed, Protocol):
    """The workspaces that installed the app, and the pages on which they do so."""

    def routes(self) -> Sequence[BaseRoute]:
        """The pages."""
        ...


class SlackTransport:
    """Slack's side of the events: a socket where there is an app token, else signed requests."""

    def __init__(
        self,
        api: Api,
        options: SlackOptions,
        inflow: Inflow,
        names: Names,
        recipients: Recipients,
        installations: InstalledWorkspaces | None = None,
        sessions: AgentSessions | None = None,
    ) -> None:
        self._inflow = inflow
        self._installations = installations
        self._errands = BackgroundTasks("slack")
        threads_in_dms = options.streaming != "edit"
        handover = SlackHandover(inflow, recipients, names, options.language)
        anchors = Anchors(api, handover, self._errands, threads_in_dms=threads_in_dms)
        settings = SettingsModal(api, handover)
        gate = SlackEvents(
            api,
            handover,
            names,
            Commands(anchors, handover, names, settings),
            settings,
            Shortcuts(api, anchors, handover, self._errands, names),
            Assistant(api, options, handover, self._errands, sessions or AgentSessions(api), names),
            installations,
            threads_in_dms=threads_in_dms,
        )
        web = _web(options.api_url)
        app = bolt_app(gate, web)
        self._socket = Socket(app, options.app_token, web) if options.app_token else None
        self._door = SlackEndpoint(app, options.signing_secret) if options.signing_secret else None

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
        """Refuses what comes from now on, and ends the socket and everything that is running."""
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
