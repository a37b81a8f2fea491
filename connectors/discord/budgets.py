"""The rate of a channel: what the operator allows, or less where Discord says so."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping

from connectors.base import Budget, Place
from connectors.discord.options import DiscordOptions
from connectors.discord.places import channel_of

_GUARD_S = 0.25
"""Calls are not under way for equally long: so much later than allowed, none is too early."""
_JITTER_S = 0.5
"""A window that Discord says is longer by less is none."""
_WINDOWS = 3
"""So many windows in a row have to allow more until that is believed."""
_REMEMBERED = 1_000

_Rate = tuple[int, float]
"""Calls, and the seconds in which they may be made."""


class Budgets:
    """Budgets by channel. Posts and edits of a channel share one; a thread is a channel."""

    def __init__(self, options: DiscordOptions) -> None:
        self._calls, self._seconds = options.calls, options.seconds
        self._told: OrderedDict[str, _Rate] = OrderedDict()
        """What Discord allows in channels where that is less: calls, and seconds."""
        self._looser: dict[str, int] = {}
        """How many windows in a row were said to allow more than that."""

    def of(self, place: Place) -> Budget:
        """The budget of a place's channel. The key is another one once the rate is."""
        channel = channel_of(place)
        calls, seconds = self._told.get(channel, (self._calls, self._seconds))
        rate = f"/{calls}/{seconds:g}" if channel in self._told else ""
        return Budget(f"discord/{channel}{rate}", calls, seconds + _GUARD_S)

    def learn(self, channel: str, headers: Mapping[str, str]) -> None:
        """Takes in what an answer says of the channel's bucket: one call of it is kept free."""
        try:
            limit = int(headers["X-RateLimit-Limit"])
            remaining = int(headers["X-RateLimit-Remaining"])
            seconds = float(headers["X-RateLimit-Reset-After"])
        except (KeyError, ValueError):
            return
        if remaining == limit - 1:  # only the first call of a window tells how long a window is
            self._hear(channel, limit - 1, seconds)

    def _hear(self, channel: str, limit: int, seconds: float) -> None:
        """Tighter at once; looser once it was said often: a key to and fro keeps no budget."""
        known_calls, known_seconds = self._told.get(channel, (self._calls, self._seconds))
        calls = max(1, min(self._calls, limit))
        longer, shorter = seconds > known_seconds + _JITTER_S, seconds < known_seconds - 1
        if calls < known_calls or longer:
            self._looser.pop(channel, None)
            lasts = float(math.ceil(seconds)) if longer else known_seconds
            self._keep(channel, (min(calls, known_calls), lasts))
        elif calls > known_calls or (shorter and known_seconds > self._seconds):
            self._looser[channel] = self._looser.get(channel, 0) + 1
            if self._looser[channel] >= _WINDOWS:
                del self._looser[channel]
                usual = seconds <= self._seconds + _JITTER_S
                self._keep(channel, (calls, self._seconds if usual else float(math.ceil(seconds))))
        else:
            self._looser.pop(channel, None)

    def _keep(self, channel: str, rate: _Rate) -> None:
        self._told.pop(channel, None)
        if rate != (self._calls, self._seconds):
            self._told[channel] = rate
            if len(self._told) > _REMEMBERED:
                self._looser.pop(self._told.popitem(last=False)[0], None)
