"""Everything that the gateway tells of, put together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from weakref import WeakValueDictionary

from connectors.base import Asked, ConnectorError, Deleted, Inflow, MessageRef
from connectors.discord import content, markup
from connectors.discord.inbound import mapping
from connectors.discord.inbound.asking import Asking
from connectors.discord.inbound.catch_up import CatchUp
from connectors.discord.inbound.guilds import Guilds
from connectors.discord.inbound.handover import Handover, patiently
from connectors.discord.inbound.interactions import Interactions
from connectors.discord.inbound.mapping import Setting, Words
from connectors.discord.inbound.origins import Origins
from connectors.discord.inbound.text import plain, quoted
from connectors.discord.options import DiscordOptions
from connectors.discord.places import DM, Places
from connectors.discord.rest import Rest
from connectors.discord.tokens import Tokens
from connectors.errands import Errands

log = logging.getLogger(__name__)

Json = Mapping[str, Any]

_LONGEST_QUOTATION = 4_000
"""Characters of what a message replies to."""
NOT_KEPT = "I could not take your question just now. Please ask again."


class Inbound:
    """Makes the bot's events of Discord's, in the order in which they came to each channel."""

    def __init__(
        self,
        options: DiscordOptions,
        rest: Rest,
        inflow: Inflow,
        places: Places,
        interactions: Interactions,
        tokens: Tokens,
    ) -> None:
        self.guilds = Guilds(rest)
        self._rest = rest
        self._places = places
        self._errands = Errands("discord")
        self._handover = Handover(inflow)
        self._threads = options.threads
        self._origins = Origins(rest, places, threads=options.threads)
        self._asking = Asking(
            rest, self._errands, self.guilds, self._origins, self._handover, interactions, tokens
        )
        self._catch_up = CatchUp(rest, self.guilds, self._said, options.catch_up_seconds)
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def hear(self, name: str, data: Json) -> None:
        """Takes an event of the gateway's, by its name."""
        takes: Mapping[str, Callable[[Json], Awaitable[None]]] = {
            "MESSAGE_CREATE": self._said,
            "MESSAGE_UPDATE": self._changed,
            "MESSAGE_DELETE": self._deleted,
            "MESSAGE_DELETE_BULK": self._deleted,
            "INTERACTION_CREATE": self._asking.answer,
        }
        if name in takes:
            self._errands.run(_understood(takes[name], data))

    def anew(self) -> None:
        """A session has begun: what was said while nobody listened is looked for."""
        self._errands.run(self._catch_up.run())

    async def aclose(self) -> None:
        """Ends what is under way."""
        await self._errands.aclose()

    # Messages.

    async def _said(self, message: Json) -> None:
        us = (await self._rest.me())["id"]
        if not mapping.is_by_person(message, us):
            return
        async with self._turn(message["channel_id"]):
            at = await patiently(lambda: self._setting(message, us))
            asked = await self._asked(message, at)
            if asked is None:
                return
            self._catch_up.remember(message)
            incoming = self._handover.put(asked)
        if not await self._handover.insist(incoming) and asked.addressed:
            await self._apologise(message)

    async def _asked(self, message: Json, at: Setting) -> Asked | None:
        words = mapping.heard(message, at)
        if words is None:
            return None
        text = self._plain(words, at)
        opens = text if await self._may_open(words, at) else ""
        text = self._replying(message, at) + text
        try:
            place = await patiently(lambda: self._origins.of(message, at, opens=opens))
        except ConnectorError:
            if words.addressed:
                await self._apologise(message)
            raise
        return words.asked(place, text)

    async def _may_open(self, words: Words, at: Setting) -> bool:
        """Whether a question may open a thread: its asker may ask, as far as can be told now."""
        if not (words.addressed and self._threads):
            return False
        verdict = await self._handover.admits(at.place(words.id), words.person)
        return verdict.admitted

    async def _changed(self, message: Json) -> None:
        us = (await self._rest.me())["id"]
        async with self._turn(message["channel_id"]):
            words, place = mapping.changed(message, us), self._places.of(message["id"])
            if words is None or place is None:
                return
            text = self._plain(words, await self._setting(message, us))
            event = mapping.edited(words, place, text, message["edited_timestamp"])
            incoming = self._handover.put(event)
        await self._handover.insist(incoming)

    async def _deleted(self, data: Json) -> None:
        async with self._turn(data["channel_id"]):
            for id_ in mapping.deleted(data):
                if place := self._places.of(id_):
                    self._handover.put(Deleted(MessageRef(place, id_)))

    async def _setting(self, message: Json, us: str) -> Setting:
        guild, channel = message.get("guild_id"), message["channel_id"]
        if guild is None:
            return Setting(us, DM, channel)
        parent = await self.guilds.parent(guild, channel)
        thread = channel if parent else ""
        return Setting(us, guild, parent or channel, thread, self.guilds.role(guild))

    def _plain(self, words: Words, at: Setting) -> str:
        return plain(
            words.text,
            words.names,
            without=at.ours,
            named=lambda id_: self.guilds.name(at.guild, id_),
        )

    def _replying(self, message: Json, at: Setting) -> str:
        """What a message replies to, as a quotation above it.

        A chain of replies tells it by itself; in a thread or alone it may lie far back.
        """
        about = message.get("referenced_message")
        if not about or not at.alone or mapping.replied_to(message) is None:
            return ""
        names, above = content.names_in(about), markup.above(about)
        said = content.text_of(about).removeprefix(above.strip()).strip()
        text = plain(said, names, named=lambda id_: self.guilds.name(at.guild, id_))
        shown = text if len(text) <= _LONGEST_QUOTATION else f"{text[:_LONGEST_QUOTATION]}…"
        return f"{quoted(shown)}\n\n" if shown else ""

    def _turn(self, channel: str) -> asyncio.Lock:
        """Held while an event of a channel is read, one after the other as they came."""
        return self._turns.setdefault(channel, asyncio.Lock())

    async def _apologise(self, message: Json) -> None:
        """Nobody will deliver the question again: its asker has to know."""
        await self._rest.call(
            "POST",
            "/channels/{channel_id}/messages",
            json={
                "content": NOT_KEPT,
                "message_reference": {"message_id": message["id"], "fail_if_not_exists": False},
                "allowed_mentions": {"parse": [], "replied_user": False},
            },
            channel_id=message["channel_id"],
        )


async def _understood(take: Callable[[Json], Awaitable[None]], data: Json) -> None:
    """Whatever an event is, it costs no other."""
    try:
        await take(data)
    except ConnectorError as error:
        log.warning("an event of Discord's was dropped: %s", error)
    except (AttributeError, KeyError, TypeError, ValueError):
        log.exception("an event of Discord's was not understood")
