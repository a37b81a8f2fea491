"""Whom answers are for: Slack's streams in channels want to know it."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from connectors.base import MessageRef, Person, Place

_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Recipient:
    """The person who asked, and the workspace that they belong to."""

    user: str
    team: str
    realm: str = ""


class Recipients:
    """Who asked each question, and who was the last to ask in each place; the newest are kept."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._by_place: OrderedDict[Place, Recipient] = OrderedDict()
        self._by_question: OrderedDict[MessageRef, Recipient] = OrderedDict()

    def put(self, question: MessageRef, person: Person, team: str) -> None:
        """Somebody asked."""
        asker = Recipient(person.id, team, person.realm)
        self._by_place[question.place] = self._by_question[question] = asker
        self._by_place.move_to_end(question.place)
        if len(self._by_place) > self._most:
            self._by_place.popitem(last=False)
        if len(self._by_question) > self._most:
            self._by_question.popitem(last=False)

    def get(self, place: Place, about: MessageRef | None = None) -> Recipient | None:
        """Who asked the question `about`, or else who asked there last; None where unknown."""
        asker = self._by_question.get(about) if about else None
        return asker or self._by_place.get(place)
