"""The calls of Slack that streaming needs, and what their answers say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.base import Budget, MessageRef, Place, RateLimited, Shown
from connectors.slack import standing
from connectors.slack.api import Api
from connectors.slack.recipients import Recipient
from connectors.slack.windows import Window, Windows

_START, _STOP = "chat.startStream", "chat.stopStream"
_MINUTE_S = 61.0
"""Slack's minute, and a second more: calls are not under way for equally long."""


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
        return None if found is None else standing.as_drawn(ref, found)

    async def read(self, ref: MessageRef) -> Shown:
        """What a message shows now."""
        return await standing.shown(self._api, ref)

    async def own_since(self, place: Place, since: float) -> list[dict[str, Any]]:
        """Our own messages of a thread that came after a time (seconds since the epoch)."""
        return await standing.own_since(self._api, place, since)

    async def _call(self, ref: MessageRef, method: str, **arguments: Any) -> dict[str, Any]:
        place = ref.place
        return await self._api.call(
            place.workspace, method, channel=place.channel, ts=ref.id, **arguments
        )

    def _window(self, method: str, place: Place) -> Window:
        key = f"slack/{place.workspace}/{method}"
        return self._windows.of(Budget(key, self._per_minute, _MINUTE_S))
