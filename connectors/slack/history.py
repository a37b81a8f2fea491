"""What was said before, newest first and with a bound on the pages; and what stands in a place
now.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from connectors.base import (
    File,
    Gone,
    Incomplete,
    MessageRef,
    Place,
    RateLimited,
    Said,
    Shown,
    Unavailable,
)
from connectors.newest import Newest
from connectors.slack import content
from connectors.slack.api import Api
from connectors.slack.content import is_speech, microseconds, people_in, said
from connectors.slack.dialect import read
from connectors.slack.people import UserNames

# Reads one history from Slack, page by page, with a bound on the pages.


log = logging.getLogger(__name__)

_PAGE = 200
_MOST_PAGES = 20
_LONG = 3 * _PAGE
"""In a thread with more replies than this, the way from its beginning is too far."""
_SPARE = 2
"""A window holds so many times as many messages as are wanted: some are no speech."""
_WIDER = 4

Messages = list[dict[str, Any]]


class HistoryPages:
    """The speech in a place before the message `before`; oldest first, whatever Slack gives."""

    def __init__(self, api: Api, place: Place, before: str, limit: int) -> None:
        self._api = api
        self._pages = 0
        self.place = place
        self.before = before
        self.limit = limit
        self.window = _SPARE * limit
        self.opening: dict[str, Any] | None = None
        """What opened the thread, once a page of it was read: Slack gives it with every one."""
        self.ended = False
        """There were too many pages: what was read is all there is."""
        self.refused = ""
        """Why Slack lets no more be read now, where it said so."""

    async def direct(self) -> Messages:
        """The newest messages of a channel without its threads."""
        page, cursor = await self._page("conversations.history", None)
        newest_first = self._speech(page)
        while cursor and len(newest_first) < self.limit:
            page, cursor = await self._page("conversations.history", cursor)
            newest_first += self._speech(page)
        return newest_first[::-1]

    async def thread(self) -> Messages:
        """The thread from its beginning; of a long one its newest messages alone."""
        first, cursor = await self._replies(None)
        found = self._speech(first)
        if cursor and (replies := int(first[0].get("reply_count") or 0)) > _LONG:
            newest = await self._newest(replies)
            if self.ended or len(newest) >= self.limit:
                return newest or found
        return _ordered(found + await self._rest(cursor))

    async def since(self, oldest: str) -> Messages:
        """The messages of the thread from `oldest` (a ts) on."""
        first, cursor = await self._replies(None, oldest)
        found = self._speech(first) + await self._rest(cursor, oldest)
        # Slack gives a thread's first message with any part of it.
        return [message for message in _ordered(found) if message["ts"] >= oldest]

    async def _newest(self, replies: int) -> Messages:
        """Looks back from the end: as far as the window should reach, then ever further."""
        end, start = microseconds(self.before), microseconds(self.place.thread)
        span = (end - start) * self.window // replies
        found: Messages = []
        while len(found) < self.limit and not self.ended and end - span > start:
            found = await self.since(_ts(end - span))
            span *= _WIDER
        return found

    async def _rest(self, cursor: str | None, oldest: str | None = None) -> Messages:
        found: Messages = []
        while cursor:
            page, cursor = await self._replies(cursor, oldest)
            found += self._speech(page)
        return found

    async def _replies(
        self, cursor: str | None, oldest: str | None = None
    ) -> tuple[Messages, str | None]:
        thread = self.place.thread
        page, following = await self._page(
            "conversations.replies", cursor, ts=thread, oldest=oldest
        )
        opening = next((each for each in self._speech(page) if each["ts"] == thread), None)
        self.opening = self.opening or opening
        return page, following

    async def _page(
        self, method: str, cursor: str | None, **more: str | None
    ) -> tuple[Messages, str | None]:
        """A page and the cursor of the next; nothing any more once the reading has ended."""
        if self.ended:
            return [], None
        if self._pages == _MOST_PAGES:
            return self._end(f"after {_MOST_PAGES} pages")
        self._pages += 1
        try:
            told = await self._api.look_up(
                self.place.workspace,
                method,
                channel=self.place.channel,
                latest=self.before,
                inclusive=True,
                include_all_metadata=True,
                limit=_PAGE,
                cursor=cursor,
                **more,
            )
        except RateLimited as error:
            self.refused = str(error)
            return self._end(self.refused)
        following = (told.get("response_metadata") or {}).get("next_cursor")
        return told["messages"], following or None

    def _end(self, why: str) -> tuple[Messages, None]:
        log.warning("a history is given as far as it was read: %s", why)
        self.ended = True
        return [], None

    def _speech(self, messages: Messages) -> Messages:
        return [each for each in messages if each["ts"] < self.before and is_speech(each)]


def _ordered(messages: Messages) -> Messages:
    """Each message once: a thread's first may come with every page."""
    once = {message["ts"]: message for message in messages}
    return [once[ts] for ts in sorted(once)]


def _ts(us: int) -> str:
    return f"{us // 1_000_000}.{us % 1_000_000:06d}"


# What was said before: the newest of a thread or of direct messages, names and files.


_TRANSCRIBING_S = 2.0
_LOOKS = 8
"""How often a transcript that Slack is making is looked for."""
_REMEMBERED = 10_000


class SlackHistory:
    """Reads Slack."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._people = UserNames(api)
        self._windows: Newest[Place, str] = Newest(_REMEMBERED)
        """Where the newest messages of a long thread begin, as far as is known."""

    async def names(self, team: str, ids: Iterable[str]) -> dict[str, str]:
        """What each of these people is called; by their id where Slack doesn't tell in time."""
        return await self._people.names(team, ids)

    def language(self, team: str, user: str) -> str:
        """The language that somebody has chosen in Slack, as far as it is known."""
        return self._people.language(team, user)

    async def fetch(self, file: File, most: int) -> bytes:
        """A file's content. Raises `TooLarge` where it has more than `most` bytes, and `Gone`."""
        return await content.fetch(self._api, file, most)

    async def transcript(self, file: File, *, patient: bool) -> str:
        """See `HasTranscripts`."""
        team, _, name = file.id.partition("/")
        for look in range(_LOOKS if patient else 1):
            if look:
                await asyncio.sleep(_TRANSCRIBING_S)
            found = await self._api.look_up(team, "files.info", file=name)
            made = content.transcript_of(found["file"])
            if made is not None:
                return made
        return ""

    async def history(self, place: Place, before: MessageRef, limit: int) -> Sequence[Said]:
        """What opened the thread, and the newest `limit` messages before one, oldest first.

        Raises `Gone`, and `Incomplete` where Slack lets only some of them be read.
        """
        if limit < 1:
            return []
        reading = HistoryPages(self._api, place, before.id, limit)
        found = await (self._thread(reading) if place.thread else reading.direct())
        newest = found[-limit:]
        if reading.opening is not None and reading.opening not in newest:
            newest.insert(0, reading.opening)
        history = await self._said(place, newest)
        if reading.refused:
            raise Incomplete(reading.refused, history)
        return history

    async def _said(self, place: Place, messages: Messages) -> list[Said]:
        bot = await self._api.identity(place.workspace)
        wanted = {person for message in messages for person in people_in(message, bot)}
        names = await self._people.names(place.workspace, sorted(wanted - {bot.user}))
        history = [said(place, each, bot, names | {bot.user: bot.name}) for each in messages]
        return [replace(e, files=await content.told(self._api, e.files)) for e in history]

    async def _thread(self, reading: HistoryPages) -> Messages:
        """The newest of a thread. Slack gives the oldest first: what is known saves the way."""
        known = self._windows.get(reading.place)
        found = await reading.since(known) if known and known < reading.before else []
        if len(found) < reading.limit and not reading.ended:
            found = await reading.thread()
        if len(found) > reading.window:
            self._windows[reading.place] = found[-reading.window]["ts"]
        return found


async def shown(api: Api, ref: MessageRef) -> Shown:
    """What Slack has for a message now. Raises `Gone` where it has none."""
    found = await _between(api, ref.place, oldest=ref.id, latest=ref.id)
    message = next((each for each in found if each["ts"] == ref.id), None)
    if message is None or message.get("subtype") == "tombstone":
        raise Gone("The message was deleted.")
    return as_drawn(ref, message.get("blocks") or ())


def as_drawn(ref: MessageRef, blocks: Sequence[Mapping[str, Any]]) -> Shown:
    """What is drawn of a message's blocks."""
    drawn = read(blocks)
    return Shown(ref, drawn.text, drawn.unknown)


async def own_since(api: Api, place: Place, since: float) -> list[dict[str, Any]]:
    """The bot's messages from a time on (seconds since the epoch), with their metadata."""
    us = await api.identity(place.workspace)
    found = await _between(api, place, oldest=f"{since:.6f}")
    return [m for m in found if m.get("bot_id") == us.bot or m.get("user") == us.user]


async def _between(api: Api, place: Place, **bounds: str) -> list[dict[str, Any]]:
    """The messages of a place between two times, all pages of them."""
    method, where = "conversations.history", {"channel": place.channel}
    if place.thread:
        method, where["ts"] = "conversations.replies", place.thread
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while cursor != "":
        answer = await _page(api, place.workspace, method, cursor=cursor, **where, **bounds)
        found += answer["messages"]
        cursor = (answer.get("response_metadata") or {}).get("next_cursor", "")
    return found


async def _page(api: Api, team: str, method: str, **arguments: str | None) -> dict[str, Any]:
    try:
        return await api.look_up(
            team, method, inclusive=True, include_all_metadata=True, limit=_PAGE, **arguments
        )
    except RateLimited as error:
        # It is reading that is limited: the budgets of posts and edits have nothing to do with it.
        raise Unavailable(f"{error} What stands there can't be read now.") from error
