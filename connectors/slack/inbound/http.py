"""Slack's requests over HTTP: events, interactions and commands at one address."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl

from slack_bolt.adapter.starlette.async_handler import to_starlette_response
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.signature import SignatureVerifier
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from connectors.slack.inbound.app import dispatch

PATH = "/slack/events"

_MOST = 4 * 1024 * 1024
"""Bytes of a request; Slack's are far smaller."""
_FORM = "application/x-www-form-urlencoded"


class Door:
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
