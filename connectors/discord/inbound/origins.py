"""Which conversation a message belongs to: in a channel, that of the first one of its replies."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from connectors.base import Gone, Place, RateLimited, Refused
from connectors.discord.errors import code_of
from connectors.discord.inbound.mapping import Setting, replied_to
from connectors.discord.places import Places
from connectors.discord.rest import Rest

log = logging.getLogger(__name__)

Json = Mapping[str, Any]

MOST = 25
"""So many messages a chain of replies is followed up, and a channel is searched."""
_NAME = 100
"""Characters of a thread's name."""
_HAS_THREAD = 160004
_MESSAGE = "/channels/{channel_id}/messages/{message_id}"


class Origins:
    """Finds places: in memory, or by following replies. `threads`: a question opens one."""

    def __init__(self, rest: Rest, places: Places, *, threads: bool) -> None:
        self._rest = rest
        self._places = places
        self._threads = threads

    async def of(self, message: Json, at: Setting, *, opens: str = "") -> Place:
        """The place of a message, which is remembered. Raises `ConnectorError`.

        `opens` names the thread that a question opens where it begins a conversation.
        """
        place = self._places.of(message["id"]) or await self._found(message, at, opens)
        self._places.remember(message["id"], place)
        return place

    async def _found(self, message: Json, at: Setting, opens: str) -> Place:
        if at.alone:
            return at.place("")
        begins = self._threads and replied_to(message) is None
        if begins and opens and (thread := await self._opened(message["id"], at, opens)):
            return Place("discord", at.guild, at.channel, thread)
        return await self._followed(message, at)

    async def _followed(self, message: Json, at: Setting) -> Place:
        """Follows the replies up, to a message that is remembered or to the first one."""
        for _ in range(MOST):
            known = self._places.of(message["id"])
            if known is not None:
                return known
            above = await self._above(message, at)
            if isinstance(above, str):
                return self._places.of(above) or at.place(above)
            message = above
        return at.place(message["id"])

    async def _above(self, message: Json, at: Setting) -> Json | str:
        """The message above one in its chain; the id of the first one where there is no other."""
        if replied := replied_to(message):
            return message.get("referenced_message") or await self._read(replied, at)
        if message["author"]["id"] != at.us:
            return str(message["id"])
        if command := message.get("interaction_metadata"):
            return str(command["id"])
        return await self._first_part(message, at) or str(message["id"])

    async def _read(self, message_id: str, at: Setting) -> Json | str:
        if self._places.of(message_id) is not None:
            return message_id
        try:
            found: Json = await self._rest.look_up(
                _MESSAGE, channel_id=at.channel, message_id=message_id
            )
        except (Gone, Refused):
            return message_id
        return found

    async def _first_part(self, part: Json, at: Setting) -> Json | None:
        """The newest message of ours before a later part that says what it answers."""
        before: list[Json] = await self._rest.look_up(
            "/channels/{channel_id}/messages",
            query={"before": part["id"], "limit": MOST},
            channel_id=at.channel,
        )
        ours = (each for each in before if each["author"]["id"] == at.us)
        return next((m for m in ours if replied_to(m) or m.get("interaction_metadata")), None)

    async def _opened(self, message_id: str, at: Setting, name: str) -> str | None:
        """The thread on a message, which has the message's id; None where it may not be opened."""
        try:
            await self._rest.call(
                "POST",
                f"{_MESSAGE}/threads",
                json={"name": " ".join(name.split())[:_NAME] or "Question"},
                channel_id=at.channel,
                message_id=message_id,
            )
        except (Gone, RateLimited, Refused) as error:
            if code_of(error) != _HAS_THREAD:
                log.warning("discord: no thread was opened, the answer replies: %s", error)
                return None
        return message_id
