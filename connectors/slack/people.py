"""People and places by Slack's ids: what people are called, who an answer is for, where it
stands.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.base import ConnectorError, Manages, MessageRef, Person, Place
from connectors.newest import Newest
from connectors.slack.api import Api
from connectors.words import Language, chosen

log = logging.getLogger(__name__)

_MOST = 10_000
_LIFE_S = 3600.0
_QUIET_S = 30.0
"""Seconds for which nobody waits after Slack was slow: a channel's events wait for each other."""
_AT_ONCE = 8
_ROLE_S = 1.0
"""Seconds for what somebody manages: a form has to be open within three."""
_PATIENCE_S = 2.0
"""Seconds that a name is worth: an event has to be acknowledged in three."""


class UserNames:
    """The names of people in all workspaces, remembered for an hour."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._known: Newest[tuple[str, str], tuple[str, float]] = Newest(_MOST)
        self._languages: Newest[tuple[str, str], str] = Newest(_MOST)
        self._quiet_until: dict[str, float] = {}
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def names(self, team: str, ids: Iterable[str]) -> dict[str, str]:
        """What each of these people is called; by their id where Slack doesn't tell in time."""
        wanted = list(dict.fromkeys(ids))
        found = await asyncio.gather(*(self._name(team, each) for each in wanted))
        return dict(zip(wanted, found, strict=True))

    def language(self, team: str, user: str) -> str:
        """The language that somebody has chosen in Slack, if their name was asked for before."""
        return self._languages.get((team, user)) or ""

    async def _name(self, team: str, user: str) -> str:
        name, until = self._known.get((team, user), ("", 0.0))
        now = asyncio.get_running_loop().time()
        if (name and now < until) or now < self._quiet_until.get(team, 0.0):
            return name or user
        try:
            async with asyncio.timeout(_PATIENCE_S), self._slots:
                told = await self._api.call(team, "users.info", user=user, include_locale=True)
        except ConnectorError:
            return name or user
        except TimeoutError:
            self._quiet_until[team] = now + _PATIENCE_S + _QUIET_S
            return name or user
        return self._learn(team, user, told["user"])

    def _learn(self, team: str, user: str, about: Mapping[str, Any]) -> str:
        name = name_in(about.get("profile") or {}) or name_in(about) or user
        self._languages[team, user] = str(about.get("locale") or "")
        self._known[team, user] = (name, asyncio.get_running_loop().time() + _LIFE_S)
        return name


@dataclass(slots=True)
class ChannelNames:
    """The names of channels in all workspaces, remembered for an hour.

    Slack tells them to an app that has `channels:read` (`groups:read` for private ones).
    """

    _api: Api
    _known: Newest[tuple[str, str], tuple[str, float]] = field(
        default_factory=lambda: Newest(_MOST)
    )

    async def name(self, team: str, channel: str) -> str:
        """What a channel is called; empty where it has no name or Slack doesn't tell in time."""
        now = asyncio.get_running_loop().time()
        name, until = self._known.get((team, channel), ("", 0.0))
        if is_dm(channel) or now < until:
            return name
        try:
            async with asyncio.timeout(_PATIENCE_S):
                told = await self._api.call(team, "conversations.info", channel=channel)
            name = str(told["channel"].get("name") or "")
        except (ConnectorError, TimeoutError) as error:
            log.warning("slack: no channel's name: %s", str(error) or "time-out")
        self._known[team, channel] = (name, now + _LIFE_S)
        return name


_MANAGING = ("is_admin", "is_owner", "is_primary_owner")
_NOT_OURS = ("is_restricted", "is_ultra_restricted", "is_stranger", "is_bot", "deleted")


async def manages(api: Api, team: str, channel: str, user: str) -> Manages:
    """What somebody manages, as Slack says now: an admin or owner of the workspace, all of it.

    Of a channel an app is told who created it, and of no other managers. Nothing is remembered,
    and who can't be looked up manages nothing.
    """
    try:
        async with asyncio.timeout(_ROLE_S):
            about = (await api.call(team, "users.info", user=user))["user"]
            if not _at_home(about, team):
                return ""
            if any(about.get(key) for key in _MANAGING):
                return "workspace"
            if is_dm(channel):
                return ""
            told = (await api.call(team, "conversations.info", channel=channel))["channel"]
            return "channel" if told.get("creator") == user else ""
    except (ConnectorError, TimeoutError) as error:
        log.warning("slack: what somebody manages is not known: %s", str(error) or "time-out")
        return ""


def _at_home(about: Mapping[str, Any], team: str) -> bool:
    """Whether somebody is a full member of a workspace: flags of guests are those of another."""
    homes = (about.get("enterprise_user") or {}).get("teams") or ()
    ours = about.get("team_id") == team or team in homes
    return ours and not any(about.get(key) for key in _NOT_OURS)


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
    language: Language = Language.ENGLISH


class Recipients:
    """Who asked each question, and who was the last to ask in each place; the newest are kept."""

    def __init__(self, default: Language = Language.ENGLISH, most: int = _MOST) -> None:
        """`default` is the language of those whose own isn't known."""
        self._default = default
        self._by_place: Newest[Place, Recipient] = Newest(most)
        self._by_question: Newest[MessageRef, Recipient] = Newest(most)

    def put(self, question: MessageRef, person: Person, team: str, text: str = "") -> None:
        """Somebody asked."""
        language = chosen(person.language, None, text, self._default)
        asker = Recipient(person.id, team, person.realm, language)
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
