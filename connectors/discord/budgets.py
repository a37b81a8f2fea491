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
_REMEMBERED = 1_000


class Budgets:
    """Budgets by channel. Posts and edits of a channel share one; a thread is a channel."""

    def __init__(self, options: DiscordOptions) -> None:
        self._calls, self._seconds = options.calls, options.seconds
        self._told: OrderedDict[str, tuple[int, float]] = OrderedDict()
        """What Discord allows in channels where that is less: calls, and seconds."""

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
        if remaining != limit - 1:
            return  # only the first call of a window tells how long a window is
        # Only ever tighter, and in whole seconds: a key that changes to and fro keeps no budget.
        known_calls, known_seconds = self._told.get(channel, (self._calls, self._seconds))
        calls, longer = max(1, min(known_calls, limit - 1)), seconds > known_seconds + _JITTER_S
        told = calls, (float(math.ceil(seconds)) if longer else known_seconds)
        if told != (known_calls, known_seconds):
            self._told[channel] = told
            if len(self._told) > _REMEMBERED:
                self._told.popitem(last=False)
