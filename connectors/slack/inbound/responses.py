"""What Slack is told with the acknowledgement."""

from __future__ import annotations

from slack_bolt.response import BoltResponse


def taken() -> BoltResponse:
    """Slack need not send it again."""
    return BoltResponse(status=200)


def not_taken() -> BoltResponse:
    """It could not be kept: HTTP 503, or no acknowledgement. Slack sends events again then."""
    return BoltResponse(status=503)


def ephemeral(text: str) -> BoltResponse:
    """A command's answer, for the eyes of the one who gave it."""
    return BoltResponse(status=200, body={"response_type": "ephemeral", "text": text})


def form_error(block: str, text: str) -> BoltResponse:
    """A modal stays open and says below one of its blocks what is wrong."""
    return BoltResponse(status=200, body={"response_action": "errors", "errors": {block: text}})
