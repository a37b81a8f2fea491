"""Everything that the gateway tells of, and the questions that were asked while no session
listened.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from weakref import WeakValueDictionary

from connectors.background import BackgroundTasks
from connectors.base import Asked, ConnectorError, Deleted, Inflow, MessageRef
from connectors.discord import content, parts, places, questions
from connectors.discord.api import Rest
from connectors.discord.commands import DiscordCommands
from connectors.discord.content import plain
from connectors.discord.guilds import Guilds
from connectors.discord.interactions import Interactions, InteractionTokens
from connectors.discord.options import DiscordOptions
from connectors.discord.places import DM, Places
from connectors.discord.questions import (
    MentionWords,
    MessageContext,
    Origins,
    insist,
    patiently,
    replied_to,
)
from connectors.markdown import quoted
from connectors.newest import Newest
from connectors.words import Sentence, chosen

log = logging.getLogger(__name__)

Json = Mapping[str, Any]

MOST_CHANNELS = 50
_MOST_PAGES = 3
_PAGE = 100
_AT_ONCE = 4
_REMEMBERED = 500


class CatchUp:
    """Hands messages to `said` as the gateway would have. The inbox knows those that came twice.

    It looks where something was said within the last `seconds`: in channels of servers, as far
    as Discord tells of them, and where the bot was spoken to in this process.
    """

    def __init__(
        self, rest: Rest, guilds: Guilds, said: Callable[[Json], Awaitable[None]], seconds: float
    ) -> None:
        self._rest = rest
        self._guilds = guilds
        self._said = said
        self._seconds = seconds
        self._lately: Newest[str, str] = Newest(_REMEMBERED)
        """The servers of the channels where somebody spoke to the bot, or DM."""
        self._one_at_a_time = asyncio.Lock()

    def remember(self, message: Json) -> None:
        """Somebody spoke to the bot in a channel."""
        channel = message["channel_id"]
        self._lately[channel] = message.get("guild_id") or DM

    async def run(self) -> None:
        """Looks once; a channel that can't be read is left out."""
        if not self._seconds:
            return
        async with self._one_at_a_time:
            since = time.time() - self._seconds
            slots = asyncio.Semaphore(_AT_ONCE)
            channels = self._channels(since)
            await asyncio.gather(*(self._look(c, g, since, slots) for c, g in channels))

    def _channels(self, since: float) -> Sequence[tuple[str, str]]:
        """Channels with their servers: first those where the bot was spoken to, newest first."""
        found = dict(reversed(self._lately.items()))
        for guild, channel in self._guilds.stirred(since):
            found.setdefault(channel, guild)
        return list(found.items())[:MOST_CHANNELS]

    async def _look(self, channel: str, guild: str, since: float, slots: asyncio.Semaphore) -> None:
        async with slots:
            try:
                messages = await self._messages(channel, places.at(since))
            except ConnectorError as error:
                log.info("discord: channel %s can't be caught up with: %s", channel, error)
                return
        us = (await self._rest.me())["id"]
        answered = {replied_to(each) for each in messages if each["author"]["id"] == us}
        for message in messages:
            if message["id"] not in answered:
                await self._said(message if guild == DM else {**message, "guild_id": guild})

    async def _messages(self, channel: str, after: str) -> Sequence[Json]:
        """What was said since, oldest first."""
        messages: list[Json] = []
        for _ in range(_MOST_PAGES):
            page: list[Json] = await self._rest.look_up(
                "/channels/{channel_id}/messages",
                query={"after": after, "limit": _PAGE},
                channel_id=channel,
            )
            messages += sorted(page, key=lambda message: int(message["id"]))
            if len(page) < _PAGE:
                break
            after = messages[-1]["id"]
        return messages


# Everything that the gateway tells of, put together.


_LONGEST_QUOTATION = 4_000
"""Characters of what a message replies to."""


class DiscordEvents:
    """Makes the bot's events of Discord's, in the order in which they came to each channel."""

    def __init__(
        self,
        options: DiscordOptions,
        rest: Rest,
        inflow: Inflow,
        places: Places,
        interactions: Interactions,
        tokens: InteractionTokens,
    ) -> None:
        self.guilds = Guilds(rest)
        self._rest = rest
        self._places = places
        self._errands = BackgroundTasks("discord")
        self._inflow = inflow
        self._threads = options.threads
        self._language = options.language
        self._origins = Origins(rest, places, threads=bool(options.threads))
        self._asking = DiscordCommands(
            rest, self._errands, self.guilds, self._origins, self._inflow, interactions, tokens,
            options.language,
        )  # fmt: skip
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
        """Ends what is still running."""
        await self._errands.aclose()

    # Messages.

    async def _said(self, message: Json) -> None:
        us = (await self._rest.me())["id"]
        if not questions.is_by_person(message, us):
            return
        async with self._turn(message["channel_id"]):
            at = await patiently(lambda: self._setting(message, us))
            asked = await self._asked(message, at)
            if asked is None:
                return
            self._catch_up.remember(message)
            incoming = self._inflow.put(asked)
        if not await insist(self._inflow, incoming) and asked.addressed:
            await self._apologise(message)

    async def _asked(self, message: Json, at: MessageContext) -> Asked | None:
        words = self._reading(questions.heard(message, at), at.guild)
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

    def _reading(self, words: MentionWords | None, guild: str) -> MentionWords | None:
        """The same, with the language of who said it, as far as that is known."""
        if words is None:
            return None
        language = self.guilds.language(guild, words.person.id)
        return replace(words, person=replace(words.person, language=language))

    async def _may_open(self, words: MentionWords, at: MessageContext) -> bool:
        """Whether a question may open a thread: its asker may ask, as far as can be told now.

        With `auto` another answer has to be on its way in the channel: a thread has its own rate.
        """
        if at.alone or not (words.addressed and self._threads):
            return False
        verdict = await self._inflow.admits(at.place(words.id), words.person)
        if not verdict.admitted or self._threads != "auto":
            return verdict.admitted
        channels = self._places.busy_channels
        busy = channels.busy(at.channel)
        if not busy:
            channels.asked(at.channel, words.id)
        return busy

    async def _changed(self, message: Json) -> None:
        us = (await self._rest.me())["id"]
        async with self._turn(message["channel_id"]):
            words, place = questions.changed(message, us), self._places.of(message["id"])
            words = self._reading(words, message.get("guild_id") or DM)
            if words is None or place is None:
                return
            text = self._plain(words, await self._setting(message, us))
            event = questions.edited(words, place, text, message["edited_timestamp"])
            incoming = self._inflow.put(event)
        await insist(self._inflow, incoming)

    async def _deleted(self, data: Json) -> None:
        async with self._turn(data["channel_id"]):
            for id_ in questions.deleted(data):
                if place := self._places.of(id_):
                    self._inflow.put(Deleted(MessageRef(place, id_)))

    async def _setting(self, message: Json, us: str) -> MessageContext:
        guild, channel = message.get("guild_id"), message["channel_id"]
        if guild is None:
            return MessageContext(us, DM, channel)
        parent = await self.guilds.parent(guild, channel)
        thread = channel if parent else ""
        return MessageContext(us, guild, parent or channel, thread, self.guilds.role(guild))

    def _plain(self, words: MentionWords, at: MessageContext) -> str:
        return plain(
            words.text,
            words.names,
            without=at.ours,
            named=lambda id_: self.guilds.name(at.guild, id_),
        )

    def _replying(self, message: Json, at: MessageContext) -> str:
        """What a message replies to, as a quotation above it.

        A chain of replies tells it by itself; in a thread or alone it may lie far back.
        """
        about = message.get("referenced_message")
        if not about or not at.alone or questions.replied_to(message) is None:
            return ""
        names, above = content.names_in(about), parts.above(about)
        said = content.text_of(about).removeprefix(above.strip()).strip()
        text = plain(said, names, named=lambda id_: self.guilds.name(at.guild, id_))
        shown = text if len(text) <= _LONGEST_QUOTATION else f"{text[:_LONGEST_QUOTATION]}…"
        return f"{quoted(shown)}\n\n" if shown else ""

    def _turn(self, channel: str) -> asyncio.Lock:
        """Held while an event of a channel is read, one after the other as they came."""
        return self._turns.setdefault(channel, asyncio.Lock())

    async def _apologise(self, message: Json) -> None:
        """Nobody will deliver the question again: its asker has to know."""
        theirs = self.guilds.language(message.get("guild_id") or DM, message["author"]["id"])
        language = chosen(theirs, None, message["content"], self._language)
        await self._rest.call(
            "POST",
            "/channels/{channel_id}/messages",
            json={
                "content": Sentence("told.not_kept").to(language).text,
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
