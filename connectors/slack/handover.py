"""Events go to the bot, and Slack hears of it once they are safe."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol

from slack_bolt.response import BoltResponse

from connectors.base import (
    Admitted,
    Asked,
    Deleted,
    Edited,
    Event,
    Incoming,
    Inflow,
    Person,
    Place,
    Preflight,
)
from connectors.base.events import PATIENCE_S
from connectors.slack.people import Recipients
from connectors.words import Language, Sentence, Wording, chosen


class Names(Protocol):
    """Where people's names and languages come from."""

    async def names(self, team: str, ids: Any) -> dict[str, str]:
        """What each of these people is called, by their id where that can't be had."""
        ...

    def language(self, team: str, user: str) -> str:
        """The language of somebody whose name was asked for; empty where it isn't known."""
        ...


class SlackHandover:
    """Puts events into the inflow and waits until the bot has settled them.

    `default` is the language of people whose own isn't known.
    """

    def __init__(
        self,
        inflow: Inflow,
        recipients: Recipients,
        names: Names,
        default: Language = Language.ENGLISH,
    ) -> None:
        self._inflow = inflow
        self._recipients = recipients
        self._names = names
        self._default = default

    async def admits(
        self, place: Place, person: Person, *, spends: bool = True, within: float = PATIENCE_S
    ) -> Admitted:
        """Whether a person may do something, before any of it can be seen or is kept."""
        reader = self._reading(place, person)
        return await self._inflow.admits(place, reader, spends=spends, within=within)

    def put(self, event: Event, team: str = "") -> Incoming:
        """Hands an event to the bot. `team` is the workspace of a person who asks."""
        if not isinstance(event, Deleted | Preflight):
            reader = self._reading(event.message.place, event.person)
            event = replace(event, person=reader)
        if isinstance(event, Asked | Edited):
            # Before the bot has it: an answer may begin at once.
            self._recipients.put(event.message, event.person, team, event.text)
        return self._inflow.put(event)

    async def give(self, event: Event, team: str = "") -> bool:
        """Hands an event to the bot; whether it is kept."""
        return bool(await self.put(event, team).kept())

    def to(self, team: str, person: Person, said: Sentence, question: str = "") -> Wording:
        """A sentence for somebody who does something in a workspace."""
        theirs = person.language or self._names.language(team, person.id)
        return said.to(chosen(theirs, None, question, self._default))

    def _reading(self, place: Place, person: Person) -> Person:
        language = person.language or self._names.language(place.workspace, person.id)
        return replace(person, language=language)


# What Slack is told with the acknowledgement.


def taken() -> BoltResponse:
    """Slack need not send it again."""
    return BoltResponse(status=200)


def not_taken() -> BoltResponse:
    """It could not be kept: HTTP 503, or no acknowledgement. Slack sends events again then."""
    return BoltResponse(status=503)


def ephemeral(said: Wording) -> BoltResponse:
    """A command's answer, for the eyes of the one who gave it."""
    return BoltResponse(status=200, body={"response_type": "ephemeral", "text": said.text})


def form_error(block: str, said: Wording) -> BoltResponse:
    """A modal stays open and says below one of its blocks what is wrong."""
    return BoltResponse(
        status=200, body={"response_action": "errors", "errors": {block: said.text}}
    )
