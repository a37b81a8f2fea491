"""Events go to the bot, and Slack hears of it once they are safe."""

from __future__ import annotations

from slack_bolt.response import BoltResponse

from connectors.base import Asked, Edited, Event, Incoming, Inflow
from connectors.slack.people import Recipients


class SlackHandover:
    """Puts events into the inflow and waits until the bot has settled them."""

    def __init__(self, inflow: Inflow, recipients: Recipients) -> None:
        self._inflow = inflow
        self._recipients = recipients
        self.admits = inflow.admits

    def put(self, event: Event, team: str = "") -> Incoming:
        """Hands an event to the bot. `team` is the workspace of a person who asks."""
        if isinstance(event, Asked | Edited):
            # Before the bot has it: an answer may begin at once.
            self._recipients.put(event.message, event.person, team)
        return self._inflow.put(event)

    async def give(self, event: Event, team: str = "") -> bool:
        """Hands an event to the bot; whether it is kept."""
        return bool(await self.put(event, team).kept())


# What Slack is told with the acknowledgement.


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
