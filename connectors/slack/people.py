"""What people are called: looked up once in a while, several at once, and never waited for long."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

from connectors.base import ConnectorError
from connectors.slack.api import Api

_MOST = 10_000
_LIFE_S = 3600.0
_QUIET_S = 30.0
"""So long nobody is waited for where Slack was slow: a channel's events wait for each other."""
_AT_ONCE = 8
_PATIENCE_S = 2.0
"""Seconds that a name is worth: an event has to be acknowledged in three."""


class People:
    """The names of people in all workspaces, remembered for an hour."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._known: OrderedDict[tuple[str, str], tuple[str, float]] = OrderedDict()
        self._quiet_until: dict[str, float] = {}
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def names(self, team: str, ids: Iterable[str]) -> dict[str, str]:
        """What each of these people is called; by their id where Slack doesn't tell in time."""
        wanted = list(dict.fromkeys(ids))
        found = await asyncio.gather(*(self._name(team, each) for each in wanted))
        return dict(zip(wanted, found, strict=True))

    async def _name(self, team: str, user: str) -> str:
        name, until = self._known.get((team, user), ("", 0.0))
        now = asyncio.get_running_loop().time()
        if (name and now < until) or now < self._quiet_until.get(team, 0.0):
            return name or user
        try:
            async with asyncio.timeout(_PATIENCE_S), self._slots:
                told = await self._api.call(team, "users.info", user=user)
        except ConnectorError:
            return name or user
        except TimeoutError:
            self._quiet_until[team] = now + _PATIENCE_S + _QUIET_S
            return name or user
        return self._learn(team, user, told["user"])

    def _learn(self, team: str, user: str, about: Mapping[str, Any]) -> str:
        name = name_in(about.get("profile") or {}) or name_in(about) or user
        self._known[team, user] = (name, asyncio.get_running_loop().time() + _LIFE_S)
        self._known.move_to_end((team, user))
        if len(self._known) > _MOST:
            self._known.popitem(last=False)
        return name


def name_in(profile: Mapping[str, Any]) -> str:
    """The name that others see: the display name, or else the real one."""
    for key in ("display_name", "real_name", "name"):
        if name := str(profile.get(key) or "").strip():
            return name
    return ""
