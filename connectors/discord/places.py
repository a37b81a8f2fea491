"""Where messages stand on Discord, which conversation each belongs to, and when its id was made."""

from __future__ import annotations

import time

from connectors.base import Part, Place
from connectors.newest import Newest

DM = "@me"
"""What stands for the workspace in direct messages."""

_CHAIN = "reply:"
_REMEMBERED = 20_000


def chain(first: str) -> str:
    """A `Place.thread`: the conversation of replies that begins with this message."""
    return f"{_CHAIN}{first}"


def first_of(place: Place) -> str | None:
    """The id of a reply chain's first question; None where the place is no reply chain."""
    return place.thread.removeprefix(_CHAIN) if place.thread.startswith(_CHAIN) else None


def channel_of(place: Place) -> str:
    """The id of the channel, thread or conversation in which a place's messages stand."""
    return place.thread if place.thread and first_of(place) is None else place.channel


_SILENT_S = 120.0
"""Seconds without a sign of an answer after which it is not waited for."""


class BusyChannels:
    """In which channels a question waits for its answer, or an answer grows, in this process."""

    def __init__(self) -> None:
        self._heard: dict[str, dict[str, float]] = {}
        """By channel and question, the last sign of its answer: monotonic seconds."""

    def asked(self, channel: str, question: str) -> None:
        """A question is to be answered in a channel."""
        self._heard.setdefault(channel, {})[question] = time.monotonic()

    def shown(self, part: Part) -> None:
        """A part is shown; the last one ends the answer."""
        if part.about is None:
            return
        channel, question = channel_of(part.about.place), part.about.id
        if not part.last:
            self.asked(channel, question)
        elif self._heard.get(channel, {}).pop(question, None) and not self._heard[channel]:
            del self._heard[channel]

    def busy(self, channel: str) -> bool:
        """Whether another answer is on its way there."""
        since = time.monotonic() - _SILENT_S
        signs = {q: at for q, at in self._heard.pop(channel, {}).items() if at > since}
        if signs:
            self._heard[channel] = signs
        return bool(signs)


class Places:
    """Which place a message belongs to, for the newest messages that the bot had to do with."""

    def __init__(self) -> None:
        self._places: Newest[str, Place] = Newest(_REMEMBERED)
        self.busy_channels = BusyChannels()

    def remember(self, message_id: str, place: Place) -> None:
        """A message belongs to a place."""
        self._places[message_id] = place

    def of(self, message_id: str) -> Place | None:
        """The place of a message, if it is remembered."""
        return self._places.get(message_id)


# Discord's ids, which say when they were made.


_EPOCH_MS = 1_420_070_400_000
_SHIFT = 22


def microseconds(id: str) -> int:  # noqa: A002 - Discord's name
    """When a message was posted: microseconds since the epoch."""
    return ((int(id) >> _SHIFT) + _EPOCH_MS) * 1_000


def seconds(id: str) -> float:  # noqa: A002 - Discord's name
    """When a message was posted: seconds since the epoch."""
    return microseconds(id) / 1_000_000


def at(seconds: float) -> str:
    """The first id of a time (seconds since the epoch): for asking what came after it."""
    return str(max(0, int(seconds * 1_000) - _EPOCH_MS) << _SHIFT)
