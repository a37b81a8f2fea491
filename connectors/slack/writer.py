"""Posting, editing and reading messages; each post once, whatever becomes of Slack's answer."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any, Literal

from connectors.base import (
    Budget,
    ConnectorError,
    Gone,
    MessageRef,
    Part,
    Place,
    Refused,
    Shown,
    TooLarge,
    Unavailable,
)
from connectors.markdown import form
from connectors.newest import Newest
from connectors.slack import history, parts, people
from connectors.slack.api import Api, Windows
from connectors.slack.dialect import in_text
from connectors.slack.errors import code_of
from connectors.slack.options import SlackOptions
from connectors.slack.parts import limits
from connectors.slack.streams import Streams
from connectors.words import Wording

log = logging.getLogger(__name__)

_MINUTE_S = 60.0
_GUARD_S = 1.0
"""Budgets count over a second more than Slack does, as a margin for network jitter."""
_BURST = 5
"""Posts that Slack takes from a channel at once, where it takes one in a second."""
_SKEW_S = 60.0
"""So far Slack's clock and ours may be apart."""
_REMEMBERED = 10_000


class _StillStreaming(Unavailable):
    """A stream is not edited; it ends at the latest when Slack ends it."""


@dataclass(slots=True)
class _PostTried:
    """A post that was tried: when first (seconds since the epoch), and what came of it."""

    tried_at: float
    lost: bool = False
    shown: Shown | None = None


class SlackWriter:
    """Calls for messages; none is made twice but where the connector's owner asks for it."""

    def __init__(self, api: Api, options: SlackOptions, streams: Streams) -> None:
        self._api = api
        self._options = options
        self._streams = streams
        self._posts: Newest[str, _PostTried] = Newest(_REMEMBERED)
        self._versions: Newest[MessageRef, tuple[str, int]] = Newest(_REMEMBERED)
        self._windows = Windows()
        self._limits = limits(options)

    def budget(self, place: Place, call: Literal["post", "edit"]) -> Budget:
        """Slack's rate for the method that such a call in this place uses."""
        return self._streams.budget(place, call) or self._rate(place, call)

    async def post(self, place: Place, part: Part, key: str) -> Shown:
        """Posts a part, or begins to stream it. Raises every kind of `ConnectorError`."""
        self._check(part)
        post = self._posts.setdefault(key, _PostTried(time.time()))
        if post.shown is None:
            post.shown = await self._posted(place, part, key, post)
            self._versions[post.shown.ref] = (key, 0)
        return post.shown

    async def find(self, place: Place, part: Part, key: str, since_us: int) -> Shown | None:
        """The message with a key, or the stream of the part that has none yet, stopped.

        Raises `Unavailable` and `RateLimited`, and `Gone` where the place is not there.
        """
        post = self._posts.get(key)
        if post is not None and post.shown is not None:
            return await self._standing(post.shown.ref)
        since = max(_SKEW_S, since_us / 1_000_000)
        found = await self._found(place, key, since)
        if found is None:
            found = await self._streams.find(place, part, key, since - _SKEW_S)
        if found is not None:
            self._posts[key] = _PostTried(since, shown=found)
            self._versions[found.ref] = (key, 0)
        return found

    async def _standing(self, ref: MessageRef) -> Shown | None:
        try:
            return await self.read(ref)
        except Gone:
            return None

    async def edit(self, ref: MessageRef, part: Part) -> Shown:
        """Replaces what a message shows, or streams on. Raises every kind of `ConnectorError`."""
        if self._streams.live(ref):
            return await self._streams.edit(ref, part)
        self._check(part)
        try:
            shown = await self._update(ref, part)
        except _StillStreaming:
            await self._streams.release(ref)
            shown = await self._update(ref, part)
        self._streams.edited(ref, part)
        return shown

    async def read(self, ref: MessageRef) -> Shown:
        """What Slack has for a message now. Raises `Gone` where it has none."""
        return await history.shown(self._api, ref)

    async def whisper(self, place: Place, person: str, told: Wording) -> None:
        """Tells one person something, below a place or else in a direct message."""
        where = {"channel": place.channel, "thread_ts": place.thread or None}
        # No blocks: it may be they that Slack takes none of.
        said = {
            "text": in_text(told.text),
            "parse": "none",
            "link_names": False,
            "unfurl_links": False,
        }
        team = place.workspace
        if people.is_dm(place.channel):
            await self._api.call(team, "chat.postMessage", **where, **said)
            return
        try:
            await self._api.call(team, "chat.postEphemeral", **where, user=person, **said)
        except (Gone, Refused):
            await self._api.call(team, "chat.postMessage", channel=person, **said)

    # Posting.

    async def _posted(self, place: Place, part: Part, key: str, post: _PostTried) -> Shown:
        if part.to is not None and not people.is_dm(place.channel):
            return await self._post_to_one(place, part, part.to.id)
        if post.lost and (found := await self._found(place, key, post.tried_at)):
            return found
        post.lost = False
        shown = await self._streams.post(place, part, key)
        return shown or await self._post(place, part, key, post)

    async def _post(self, place: Place, part: Part, key: str, post: _PostTried) -> Shown:
        await self._turn(place, "post")
        # It counts as lost from here on, also where this is cancelled while Slack is at it.
        post.lost = True
        try:
            answer = await self._api.call(
                place.workspace,
                "chat.postMessage",
                channel=place.channel,
                thread_ts=place.thread or None,
                unfurl_links=False,
                unfurl_media=False,
                **self._message(part, key, 0),
            )
        except Unavailable:
            raise
        except ConnectorError:
            post.lost = False
            raise
        return await self._shown(MessageRef(place, answer["ts"]), answer)

    async def _post_to_one(self, place: Place, part: Part, person: str) -> Shown:
        """Nobody but the person sees it, and nothing can be done about it any more."""
        said = self._message(part, "", 0)
        del said["metadata"]
        answer = await self._api.call(
            place.workspace,
            "chat.postEphemeral",
            channel=place.channel,
            thread_ts=place.thread or None,
            user=person,
            **said,
        )
        return Shown(MessageRef(place, answer["message_ts"]), form(part.text))

    def _message(self, part: Part, key: str, version: int) -> dict[str, Any]:
        return parts.message(part, key, version, self._options.table_columns)

    async def _found(self, place: Place, key: str, since: float) -> Shown | None:
        """The post with a key, if it took effect. Raises where that can't be known."""
        for message in await history.own_since(self._api, place, since - _SKEW_S):
            if _key(message) == key:
                return history.as_drawn(
                    MessageRef(place, message["ts"]), message.get("blocks") or ()
                )
        return None

    # Editing.

    async def _update(self, ref: MessageRef, part: Part) -> Shown:
        key, version = self._versions.get(ref, ("", 0))
        self._versions[ref] = (key, version + 1)
        await self._turn(ref.place, "edit")
        try:
            answer = await self._api.call(
                ref.place.workspace,
                "chat.update",
                channel=ref.place.channel,
                ts=ref.id,
                **self._message(part, key, version + 1),
            )
        except Refused as error:
            if code_of(error) == "streaming_state_conflict":
                raise _StillStreaming(str(error)) from error
            raise
        return await self._shown(ref, answer)

    async def _shown(self, ref: MessageRef, answer: dict[str, Any]) -> Shown:
        found = (answer.get("message") or {}).get("blocks")
        return history.as_drawn(ref, found) if found else await history.shown(self._api, ref)

    def _check(self, part: Part) -> None:
        if not self._limits.take(part.text):
            raise TooLarge(f"{len(part.text)} characters are more than one message takes.")

    # Rates.

    def _rate(self, place: Place, call: Literal["post", "edit"]) -> Budget:
        if call == "edit":
            rate = self._options.edits_per_minute
            return Budget(f"slack/{place.workspace}/chat.update", rate, _MINUTE_S + _GUARD_S)
        rate = self._options.posts_per_minute
        burst = min(_BURST, rate)
        key = f"slack/{place.workspace}/chat.postMessage/{place.channel}"
        return Budget(key, burst, _MINUTE_S * burst / rate + _GUARD_S)

    async def _turn(self, place: Place, call: Literal["post", "edit"]) -> None:
        """Counts a call; waits where it is made in the turn of a stream but is none itself."""
        window = self._windows.of(self._rate(place, call))
        if self._streams.budget(place, call) is None:
            window.count()
        else:
            await window.draw()


def _key(message: dict[str, Any]) -> str | None:
    metadata = message.get("metadata") or {}
    if metadata.get("event_type") != parts.PART:
        return None
    key = (metadata.get("event_payload") or {}).get("key")
    return key if isinstance(key, str) else None
