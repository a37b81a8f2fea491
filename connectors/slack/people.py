"""People and places by Slack's ids: what people are called, who an answer is for, where it
stands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.base import ConnectorError, MessageRef, Person, Place
from connectors.newest import Newest
from connectors.slack.api import Api

_MOST = 10_000
_LIFE_S = 3600.0
_QUIET_S = 30.0
"""Seconds for which nobody waits after Slack was slow: a channel's events wait for each other."""
_AT_ONCE = 8
_PATIENCE_S = 2.0
"""Seconds that a name is worth: an event has to be acknowledged in three."""


class UserNames:
    """The names of people in all workspaces, remembered for an hour."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._known: Newest[tuple[str, str], tuple[str, float]] = Newest(_MOST)
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
        return name


def name_in(profile: Mapping[str, Any]) -> str:
    """The name that others see: the display name, or else the real one."""
    for key in ("display_name", "real_name", "name"):
        if name := str(profile.get(key) or "").strip():
            return name
    return ""


# Who answers are for: Slack's streams in channels want to know it.


@dataclass(frozen=True, slots=True)
class Recipient:
    """The person who asked, and the workspace that they belong to."""

    user: str
    team: str
    realm: str = ""


class Recipients:
    """Who asked each question, and who was the last to ask in each place; the newest are kept."""

    def __init__(self, most: int = _MOST) -> None:
        self._by_place: Newest[Place, Recipient] = Newest(most)
        self._by_question: Newest[MessageRef, Recipient] = Newest(most)

    def put(self, question: MessageRef, person: Person, team: str) -> None:
        """Somebody asked."""
        asker = Recipient(person.id, team, person.realm)
        self._by_place[question.place] = self._by_question[question] = asker

    def get(self, place: Place, about: MessageRef | None = None) -> Recipient | None:
        """Who asked the question `about`, or else who asked there last; None where unknown."""
        asker = self._by_question.get(about) if about else None
        return asker or self._by_place.get(place)


# How Slack's ids name a place and a message of ours.


def place_of(team: str, channel: str, ts: str, thread_ts: str, *, threads_in_dms: bool) -> Place:
    """The conversation that a message belongs to; `thread_ts` is empty outside of threads.

    In a channel a message opens a thread: its answer stands there. Direct messages are one long
    conversation outside of threads, unless `threads_in_dms` (Slack's streams want a thread).
    """
    opens = threads_in_dms or not is_dm(channel)
    return Place("slack", team, channel, thread_ts or (ts if opens else ""))


def ref_of(team: str, channel: str, ts: str, thread_ts: str, *, threads_in_dms: bool) -> MessageRef:
    """A message, in the conversation that it belongs to."""
    return MessageRef(place_of(team, channel, ts, thread_ts, threads_in_dms=threads_in_dms), ts)


def is_dm(channel: str) -> bool:
    """Whether a channel is the direct messages of two."""
    return channel.startswith("D")
