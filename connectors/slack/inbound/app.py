"""The bolt app, and the one way to hand it a request."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.error import BoltError
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from connectors.slack.inbound.gate import Gate
from connectors.slack.inbound.responses import taken

log = logging.getLogger(__name__)

# Bolt tells of every setting that it finds in the environment and has no use for here.
_bolt_log = logging.getLogger("connectors.slack.bolt")
_bolt_log.setLevel(logging.ERROR)


def bolt_app(gate: Gate, client: AsyncWebClient) -> AsyncApp:
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
