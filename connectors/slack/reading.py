"""Reads one history from Slack, page by page, with a bound on the pages."""

from __future__ import annotations

import logging
from typing import Any

from connectors.base import Place, RateLimited
from connectors.slack.api import Api
from connectors.slack.said import is_speech, microseconds

log = logging.getLogger(__name__)

_PAGE = 200
_MOST_PAGES = 20
_LONG = 3 * _PAGE
"""In a thread with more replies than this, the way from its beginning is too far."""
_SPARE = 2
"""A window holds so many times as many messages as are wanted: some are no speech."""
_WIDER = 4

Messages = list[dict[str, Any]]


class Reading:
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
