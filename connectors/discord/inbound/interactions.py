"""Interactions that can still be answered: commands that wait for their response, and presses."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass, field

from connectors.base import MessageRef, Person, Place
from connectors.discord.places import channel_of

_REMEMBERED = 2_000


@dataclass(frozen=True, slots=True)
class Interaction:
    """A person pressed or commanded something; `token` answers it for a quarter of an hour.

    `question` is what a command asked; `at` is when it was given, in seconds since the epoch.
    """

    id: str
    token: str = field(repr=False)
    application: str
    person: Person
    question: str = ""
    at: float = field(default_factory=time.time)
    told: asyncio.Event = field(default_factory=asyncio.Event, compare=False, repr=False)
    """Set once Discord was told that we have it; before that its token opens nothing."""


class Interactions:
    """The newest interactions, by the question that they ask and by place and person."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[MessageRef, Interaction] = OrderedDict()
        self._latest: OrderedDict[tuple[str, str], Interaction] = OrderedDict()

    def ask(self, question: MessageRef, interaction: Interaction) -> None:
        """A command asks something: its response is deferred, and waits for the answer."""
        self._waiting[question] = interaction
        _trim(self._waiting)

    def acknowledged(self, place: Place, interaction: Interaction) -> None:
        """An interaction was acknowledged: more can be said by it."""
        self._latest[channel_of(place), interaction.person.id] = interaction
        _trim(self._latest)

    def opening(self, question: MessageRef) -> Interaction | None:
        """The command that asked this and whose response still waits."""
        return self._waiting.get(question)

    def opened(self, question: MessageRef) -> None:
        """The response waits no more."""
        self._waiting.pop(question, None)

    def latest(self, place: Place, person_id: str) -> Interaction | None:
        """The newest acknowledged interaction of a person in a place's channel."""
        return self._latest.get((channel_of(place), person_id))


def _trim(
    remembered: OrderedDict[MessageRef, Interaction] | OrderedDict[tuple[str, str], Interaction],
) -> None:
    if len(remembered) > _REMEMBERED:
        remembered.popitem(last=False)
