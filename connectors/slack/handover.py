"""Events go to the bot, and Slack hears of it once they are safe."""

from __future__ import annotations

import asyncio

from slack_bolt.response import BoltResponse

from connectors.base import Admitted, Asked, Edited, Event, Incoming, Inflow, Person, Place
from connectors.slack.people import Recipients

_PATIENCE_S = 10.0
"""Slack sends an event again after three seconds: nothing is gained by holding it for long."""


class SlackHandover:
    """Puts events into the inflow and waits until the bot has settled them."""

    def __init__(self, inflow: Inflow, recipients: Recipients) -> None:
        self._inflow = inflow
        self._recipients = recipients

    def put(self, event: Event, team: str = "") -> Incoming:
        """Hands an event to the bot. `team` is the workspace of a person who asks."""
        if isinstance(event, Asked | Edited):
            # Before the bot has it: an answer may begin at once.
            self._recipients.put(event.message, event.person, team)
        return self._inflow.put(event)

    async def admits(
        self, place: Place, person: Person, *, spends: bool = True, within: float = _PATIENCE_S
    ) -> Admitted:
        """Whether a person may do something, before any of it can be seen."""
        return await self._inflow.admits(place, person, spends=spends, within=within)

    async def kept(self, incoming: Incoming) -> bool:
        """Whether the bot keeps an event; it counts as refused where that isn't known in time."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                return await incoming.accepted()
        except TimeoutError:
            return False

    async def give(self, event: Event, team: str = "") -> bool:
        """Hands an event to the bot; whether it is kept."""
        return await self.kept(self.put(event, team))


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
