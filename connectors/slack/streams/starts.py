"""Starting streams: where Slack takes them, and a start whose answer was lost."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.base import (
    Budget,
    ConnectorError,
    MessageRef,
    Place,
    RateLimited,
    Shown,
    Unavailable,
)
from connectors.markdown import form
from connectors.newest import Newest
from connectors.slack import history
from connectors.slack.api import Api, Window, Windows
from connectors.slack.dialect import read
from connectors.slack.errors import code_of
from connectors.slack.options import SlackOptions
from connectors.slack.people import Recipient, Recipients, is_dm

# The calls of Slack that streaming needs, and what their answers say.


_START, _STOP = "chat.startStream", "chat.stopStream"
_MINUTE_S = 61.0
"""Slack's minute, and a second more as a margin for network jitter."""


class Calls:
    """`chat.startStream`, `appendStream` and `stopStream`, and reading back what they did.

    Slack limits starts and stops alike, `per_minute` in a workspace. Who starts looks first
    whether there is room; stops wait here for their turn, since no caller knows when one comes.
    """

    def __init__(self, api: Api, per_minute: int) -> None:
        self._api = api
        self._per_minute = per_minute
        self._windows = Windows()

    def starts_left(self, place: Place) -> int:
        """How many streams could be started now."""
        return self._window(_START, place).left()

    def stops_left(self, place: Place) -> int:
        """How many streams could be stopped now without waiting."""
        return self._window(_STOP, place).left()

    async def start(self, place: Place, markdown: str, recipient: Recipient | None) -> MessageRef:
        """Starts a stream in a thread. Slack wants the recipient in channels."""
        self._window(_START, place).count()
        answer = await self._api.call(
            place.workspace,
            _START,
            channel=place.channel,
            thread_ts=place.thread,
            markdown_text=markdown,
            recipient_user_id=recipient and recipient.user,
            recipient_team_id=recipient and recipient.team,
        )
        return MessageRef(place, answer["ts"])

    async def append(self, ref: MessageRef, markdown: str) -> None:
        """Adds to a stream."""
        await self._call(ref, "chat.appendStream", markdown_text=markdown)

    async def stop(self, ref: MessageRef, markdown: str, below: Mapping[str, Any]) -> Shown | None:
        """Ends a stream with the last text, when its turn has come.

        Returns what the message shows then; None where Slack doesn't say so.
        """
        window, answer = self._window(_STOP, ref.place), None
        while answer is None:
            await window.draw()
            try:
                answer = await self._call(ref, _STOP, markdown_text=markdown or None, **below)
            except RateLimited as error:
                window.pause(error.retry_after)
        found = (answer.get("message") or {}).get("blocks")
        return None if found is None else history.as_drawn(ref, found)

    async def read(self, ref: MessageRef) -> Shown:
        """What a message shows now."""
        return await history.shown(self._api, ref)

    async def own_since(self, place: Place, since: float) -> list[dict[str, Any]]:
        """Our own messages of a thread that came after a time (seconds since the epoch)."""
        return await history.own_since(self._api, place, since)

    async def _call(self, ref: MessageRef, method: str, **arguments: Any) -> dict[str, Any]:
        place = ref.place
        return await self._api.call(
            place.workspace, method, channel=place.channel, ts=ref.id, **arguments
        )

    def _window(self, method: str, place: Place) -> Window:
        key = f"slack/{place.workspace}/{method}"
        return self._windows.of(Budget(key, self._per_minute, _MINUTE_S))


log = logging.getLogger(__name__)

_SKEW_S = 30.0
"""So far Slack's clock and ours may be apart."""
_REMEMBERED = 10_000
_GIST = 20
"""So many letters of a text tell it from another."""

_REACH = {
    "unknown_method": 1,
    "method_deprecated": 1,
    "deprecated_endpoint": 1,
    "missing_scope": 1,
    "not_allowed_token_type": 1,
    "access_denied": 1,
    "enterprise_is_restricted": 1,
    "channel_type_not_supported": 2,
    "method_not_supported_for_channel_type": 2,
}
"""How far the refusal of a start reaches: the workspace, the channel; any other: the thread."""


@dataclass(frozen=True, slots=True)
class LostStart:
    """A start whose answer is not known: the Markdown, and when (seconds since the epoch)."""

    text: str
    at: float


class StreamStarts:
    """Where streams can be started. `clock` gives seconds since the epoch."""

    def __init__(
        self,
        calls: Calls,
        options: SlackOptions,
        recipients: Recipients,
        clock: Callable[[], float],
    ) -> None:
        self._calls = calls
        self._streaming = options.streaming
        self._recipients = recipients
        self._clock = clock
        self._without: Newest[tuple[str, ...], None] = Newest(_REMEMBERED)
        self._lost: Newest[str, LostStart] = Newest(_REMEMBERED)

    def possible(self, place: Place) -> bool:
        """Whether a stream may be started there."""
        to_one = is_dm(place.channel)
        wanted = self._streaming == "native" or (self._streaming == "auto" and to_one)
        known = to_one or self._recipients.get(place) is not None
        scope = (place.workspace, place.channel, place.thread)
        fallen = any(scope[:reach] in self._without for reach in (1, 2, 3))
        return wanted and bool(place.thread) and known and not fallen

    def lost(self, key: str) -> bool:
        """Whether a start with this key may have had its effect, unknown to us."""
        return key in self._lost

    async def start(
        self, place: Place, text: str, key: str, recipient: Recipient | None
    ) -> MessageRef | None:
        """Starts a stream; None where Slack takes none there, and nothing was posted.

        Raises `RateLimited`, and `Unavailable` where the answer was lost: then `find` comes next.
        """
        # From here until the answer it is in doubt, also where this call is cancelled.
        self._lost[key] = LostStart(text, self._clock())
        try:
            ref = await self._calls.start(place, text, recipient)
        except Unavailable:
            raise
        except RateLimited:
            del self._lost[key]
            raise
        except ConnectorError as error:
            del self._lost[key]
            self._fall_back(place, error)
            return None
        del self._lost[key]
        return ref

    async def find(self, place: Place, key: str, known: set[MessageRef]) -> MessageRef | None:
        """The message of a start whose answer was lost: our newest that nobody knows; or None.

        What is posted and what was streamed to its end has our metadata; a stream has none yet.
        """
        lost = self._lost[key]
        wanted = read([{"type": "markdown", "text": lost.text}]).text
        for message in reversed(await self._calls.own_since(place, lost.at - _SKEW_S)):
            ref = MessageRef(place, message["ts"])
            said = _said(message)
            alike = not said or _gist(said) == _gist(wanted)
            if alike and ref not in known and not message.get("metadata"):
                return ref
        return None

    async def begun(
        self, place: Place, text: str, since: float, known: set[MessageRef]
    ) -> MessageRef | None:
        """The stream of another process that shows the beginning of a text; or None.

        What was posted and what was streamed to its end has our metadata; a stream has none yet.
        """
        wanted = _gist(form(text))
        if not wanted:
            return None
        for message in reversed(await self._calls.own_since(place, since)):
            ref = MessageRef(place, message["ts"])
            said = _gist(_said(message))
            alike = said and (said.startswith(wanted) or wanted.startswith(said))
            if alike and ref not in known and not message.get("metadata"):
                return ref
        return None

    def settled(self, key: str) -> None:
        """The lost start was found, or it is known that there is none."""
        self._lost.pop(key, None)

    def _fall_back(self, place: Place, error: ConnectorError) -> None:
        reach = _REACH.get(code_of(error), 3)
        scope = (place.workspace, place.channel, place.thread)[:reach]
        self._without[scope] = None
        log.warning("slack takes no stream in %s: answers are edited there", "/".join(scope))


def _said(message: Mapping[str, Any]) -> str:
    return read(message.get("blocks") or ()).text or str(message.get("text", ""))


def _gist(text: str) -> str:
    """The first letters: Slack and we may see an unfinished text's Markdown differently."""
    return "".join(letter for letter in text if letter.isalnum())[:_GIST]
