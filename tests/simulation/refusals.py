"""What a platform refuses of answers, for a while or for good: drawn from a stream of its own."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from connectors.base import (
    ConnectorError,
    Gone,
    MessageLimited,
    MessageRef,
    Part,
    Place,
    RateLimited,
    Refused,
    TooLarge,
)
from connectors.memory import BOT, Platform

_EVER = 10**6
"""So many refusals have no end."""
_LONG_S = 1163.0
"""As Discord says of one message in a channel that many follow."""


@dataclass(frozen=True, slots=True)
class Refusing:
    """What is refused in one simulation; `…_odds` are probabilities."""

    seed: int
    edit_odds: float = 0.0
    """For each message, that edits of it are refused."""
    post_odds: float = 0.0
    """For each post."""
    whisper_odds: float = 0.0
    most: float = 1.0
    """The part of the length that it should take, of which it takes no more."""
    bad: str | None = None
    """A word that it takes in no message."""
    bad_as_code: bool = True
    channel: Literal["posts", "all", "deleted"] | None = None
    """What the first channel refuses from its call `channel_after` on."""
    channel_after: int = 0
    odd_words: bool = False
    """The model's service ends every second answer with a word that nobody knows."""


NOTHING = Refusing(0)


def refusing_for(seed: int) -> Refusing:
    """Half of the seeds have refusals, of one kind or several."""
    chance = random.Random(f"{seed}/refusals")  # noqa: S311 - it has to be repeatable
    if chance.random() < 0.5:
        return Refusing(seed)
    return Refusing(
        seed,
        edit_odds=chance.choice([0.0, 0.3, 0.3, 1.0]),
        post_odds=chance.choice([0.0, 0.0, 0.1, 0.3]),
        whisper_odds=chance.choice([0.0, 0.0, 0.0, 0.5, 1.0]),
        most=chance.choice([1.0, 1.0, 1.0, 0.6, 0.3, 0.1]),
        bad=chance.choice([None, None, None, "w2.", "w7."]),
        bad_as_code=chance.random() < 0.5,
        channel=chance.choice([None, None, None, None, "posts", "all", "deleted"]),
        channel_after=chance.choice([0, 1, 2, 4]),
        odd_words=chance.random() < 0.2,
    )


@dataclass(slots=True)
class _Fate:
    """How a message takes edits: so many, and then it refuses so many."""

    taken: int
    refused: int
    problem: Callable[[], ConnectorError]


class Refusals:
    """What the platform refuses as it goes along; for all processes alike."""

    def __init__(self, plan: Refusing, length: int, platform: Platform) -> None:
        """`length` is what it should take."""
        self._plan = plan
        self._platform = platform
        self._most = length * plan.most
        self._chance = random.Random(f"{plan.seed}/refused calls")  # noqa: S311 - see above
        self._fates: dict[MessageRef, _Fate] = {}
        self._calls = 0

    def post(self, place: Place, part: Part) -> ConnectorError | None:
        """Why a post is refused, if it is."""
        if self._closed(place, "post"):
            return self._no(place)
        if (problem := self._of_its_words(part)) is not None:
            return problem
        if self._chance.random() < self._plan.post_odds:
            return self._chance.choice([Refused("invalid_blocks"), TooLarge("msg_too_long")])
        return None

    def edit(self, ref: MessageRef, part: Part) -> ConnectorError | None:
        """Why an edit is refused, if it is."""
        if self._closed(ref.place, "edit"):
            return self._no(ref.place)
        if (problem := self._of_its_words(part)) is not None:
            return problem
        if ref not in self._fates:
            self._fates[ref] = self._fate()
        fate = self._fates[ref]
        if fate.taken > 0:
            fate.taken -= 1
        elif fate.refused > 0:
            fate.refused -= 1
            return fate.problem()
        return None

    def whisper(self) -> ConnectorError | None:
        """Why a whisper is refused, if it is."""
        return Refused("not them") if self._chance.random() < self._plan.whisper_odds else None

    def for_ever(self, ref: MessageRef) -> bool:
        """Whether no edit of a message is taken any more, whatever it says."""
        whole_channel = self._plan.channel == "all" and _first(ref.place)
        if whole_channel and self._calls > self._plan.channel_after:
            return True
        fate = self._fates.get(ref)
        return fate is not None and fate.taken == 0 and fate.refused > _EVER / 2

    def _closed(self, place: Place, call: Literal["post", "edit"]) -> bool:
        if self._plan.channel is None or not _first(place):
            return False
        self._calls += 1
        concerned = call == "post" or self._plan.channel != "posts"
        return concerned and self._calls > self._plan.channel_after

    def _no(self, place: Place) -> ConnectorError:
        """What a channel says that takes no more; one that was deleted has lost its messages."""
        if self._plan.channel != "deleted":
            return Refused("is_archived")
        for message in self._platform.messages.values():
            if message.author == BOT and message.ref.place.channel == place.channel:
                message.deleted = True
        return Gone("channel_not_found")

    def _of_its_words(self, part: Part) -> ConnectorError | None:
        if len(part.text) > self._most:
            return TooLarge("msg_too_long")
        bad = self._plan.bad is not None and self._plan.bad in part.text
        if bad and not (part.literal and self._plan.bad_as_code):
            return Refused("bad content")
        return None

    def _fate(self) -> _Fate:
        if self._chance.random() >= self._plan.edit_odds:
            return _Fate(0, 0, lambda: Refused("never"))
        taken, few = self._chance.choice([0, 0, 1, 2, 5]), self._chance.choice([1, 2])
        some = self._chance.choice([few, few, _EVER])
        fates: list[_Fate] = [
            _Fate(taken, some, lambda: TooLarge("msg_too_long")),
            _Fate(taken, some, lambda: Refused("edit_window_closed")),
            _Fate(taken, some, lambda: Gone("message_not_found")),
            _Fate(taken, 1 + few, lambda: RateLimited("busy", 0.5)),
            _Fate(taken, few, lambda: MessageLimited("busy there", 4.0)),
            _Fate(taken, _EVER, lambda: MessageLimited("busy there", _LONG_S)),
        ]
        return self._chance.choice(fates)


def _first(place: Place) -> bool:
    return place.channel == "c1"
