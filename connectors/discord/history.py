"""What was said before: in a thread, in direct messages, or in a chain of replies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from connectors.base import File, Gone, MessageRef, Place, Said
from connectors.discord import content
from connectors.discord.api import Rest
from connectors.discord.content import people_in, said, speech
from connectors.discord.guilds import MemberNames
from connectors.discord.places import Places, channel_of, first_of

Message = Mapping[str, Any]


def answered(message: Message) -> str | None:
    """The id of the message that one replies to."""
    reference = message.get("message_reference") or {}
    found: str | None = reference.get("message_id")
    return found


def commanded(message: Message) -> str | None:
    """The id of the command that one responds to: the question, which is no message itself."""
    found: str | None = (message.get("interaction_metadata") or {}).get("id")
    return found


def members(messages: Sequence[Message], place: Place, us: str, places: Places) -> frozenset[str]:
    """The ids of the messages, oldest first, that belong to a place's chain.

    To it belong its first question, the replies to what belongs to it, and the further parts of
    our answers: these reply to nothing and follow the part before.
    """
    inside = {first_of(place) or ""}
    follows = False
    for message in messages:
        known, target = places.of(message["id"]), answered(message)
        ours = message["author"]["id"] == us
        if known is not None:
            belongs = known == place
        else:
            belongs = not inside.isdisjoint({message["id"], target, commanded(message)})
            belongs = belongs or (ours and target is None and follows)
        if belongs:
            inside |= {message["id"], target or ""}  # the target may lie far back
        if ours:
            follows = belongs
    return frozenset(inside)


# What was said before: in a thread, in direct messages, or in a chain of replies.


_PAGE = 100
_MOST_PAGES = 3
"""So far back a chain of replies is looked for in its channel; then along the replies alone."""
_MOST_STEPS = 25


class DiscordHistory:
    """Reads Discord."""

    def __init__(self, rest: Rest, places: Places) -> None:
        self._rest = rest
        self._places = places
        self._people = MemberNames(rest)

    async def fetch(self, file: File, most: int) -> bytes:
        """A file's content. Raises `TooLarge` where it has more than `most` bytes, and `Gone`."""
        return await content.fetch(self._rest, file, most)

    async def history(self, place: Place, before: MessageRef, limit: int) -> Sequence[Said]:
        """The newest `limit` messages before one, oldest of them first."""
        if limit < 1 or first_of(place) == before.id:
            return []
        us = str((await self._rest.me())["id"])
        found = await (
            self._newest(place, before.id, limit)
            if first_of(place) is None
            else self._chain(place, before.id, us)
        )
        spoken = [words for message in found if (words := speech(message))]
        opener = await self._opener(place, spoken, limit)
        spoken = [*opener, *spoken[-limit:]]
        users = [user for message in spoken for user in people_in(message)]
        names = await self._people.names(place.workspace, users)
        told = [each for message in spoken for each in said(place, message, us, names)]
        first = first_of(place) or place.thread
        told = [replace(each, opens=each.ref.id == first) for each in told]
        return [*(each for each in told[:-limit] if each.opens), *told[-limit:]]

    async def _opener(self, place: Place, spoken: list[Message], limit: int) -> list[Message]:
        """What opened a thread or a chain of replies, where it is not among the newest."""
        first = first_of(place) or place.thread
        if not first or len(spoken) < limit:
            return []
        older = [each for each in spoken[:-limit] if first in (each["id"], commanded(each))]
        if older or first_of(place) is not None or first in (each["id"] for each in spoken):
            return older
        page = await self._page(place, "0", which="after", limit=1)
        began = [words for each in page if (words := speech(each))]
        return [each for each in began if each["id"] == first]

    async def _newest(self, place: Place, before: str, limit: int) -> list[Message]:
        """The newest messages of a channel before one: so many, or whole pages of them."""
        found: list[Message] = []
        while len(found) < limit:
            page = await self._page(place, before)
            found = page + found
            if len(page) < _PAGE:
                break
            before = page[0]["id"]
        return found

    async def _chain(self, place: Place, before: str, us: str) -> list[Message]:
        """The messages of a chain of replies, as far as they are found."""
        first = first_of(place) or ""
        window = await self._window(place, before, first)
        older: list[Message] = []
        if not window or int(window[0]["id"]) > int(first):
            older = await self._along(place, before, {each["id"] for each in window})
        chain = members([*older, *window], place, us, self._places)
        return [each for each in [*older, *window] if each["id"] in chain]

    async def _window(self, place: Place, before: str, first: str) -> list[Message]:
        """The messages of a channel before one, back to the chain's first if it isn't too far."""
        found: list[Message] = []
        for _ in range(_MOST_PAGES):
            page = await self._page(place, before)
            found = page + found
            if len(page) < _PAGE or int(page[0]["id"]) <= int(first):
                break
            before = page[0]["id"]
        return [each for each in found if int(each["id"]) >= int(first)]

    async def _along(self, place: Place, start: str, known: set[str]) -> list[Message]:
        """The messages that one reaches by going from reply to reply, without the known ones."""
        found: list[Message] = []
        at: str | None = start
        for _ in range(_MOST_STEPS):
            if at is None:
                break
            try:
                message = await self._message(place, at)
            except Gone:
                break
            if at not in known and at != start:
                found.append(message)
            at = answered(message)
        return sorted(found, key=lambda each: int(each["id"]))

    async def _page(
        self, place: Place, at: str, *, which: str = "before", limit: int = _PAGE
    ) -> list[Message]:
        page: list[Message] = await self._rest.look_up(
            "/channels/{channel_id}/messages",
            query={which: at, "limit": limit},
            channel_id=channel_of(place),
        )
        return sorted(page, key=lambda each: int(each["id"]))

    async def _message(self, place: Place, id: str) -> Message:  # noqa: A002 - Discord's name
        message: Message = await self._rest.look_up(
            "/channels/{channel_id}/messages/{message_id}",
            channel_id=channel_of(place),
            message_id=id,
        )
        return message
