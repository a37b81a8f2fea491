"""What the client knows of servers, channels and the people there, and what Discord answers
where it knows nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import discord

from connectors.base import ConnectorError, Person
from connectors.discord import places
from connectors.discord.api import Rest
from connectors.discord.content import name_of
from connectors.discord.places import DM
from connectors.newest import Newest

_REMEMBERED = 10_000
_UNCHOSEN = "en-US"
_THREADS = (10, 11, 12)
"""Discord's types of channels that are threads."""

Channel = discord.abc.GuildChannel | discord.Thread


def chosen_by(locale: str) -> str:
    """A server's language, if somebody has chosen it: Discord gives each that of the US."""
    return "" if locale == _UNCHOSEN else locale


def parent_in(channel: dict[str, object]) -> str:
    """The channel above a thread, as Discord describes it; empty where it is no thread."""
    return str(channel.get("parent_id") or "") if channel.get("type") in _THREADS else ""


class Guilds:
    """Servers and channels. `client` is the one that is connected, or was last."""

    def __init__(self, rest: Rest) -> None:
        self.client: discord.Client | None = None
        self._rest = rest
        self._parents: Newest[str, str] = Newest(_REMEMBERED)
        self._locales: Newest[str, str] = Newest(_REMEMBERED)
        """The languages of people, as their newest interactions said them."""
        self._categories: Newest[str, str] = Newest(_REMEMBERED)

    async def parent(self, guild: str, channel: str) -> str:
        """The channel above a thread; empty where it is no thread. Raises `ConnectorError`."""
        known = self._channel(guild, channel)
        if known is not None:
            return str(known.parent_id) if isinstance(known, discord.Thread) else ""
        if channel not in self._parents:
            # An archived thread, say: the gateway tells of those that are active.
            about = await self._rest.look_up("/channels/{channel_id}", channel_id=channel)
            self.learn(channel, parent_in(about))
        return self._parents[channel]

    async def category(self, guild: str, channel: str) -> str:
        """The category of a channel; empty where it is in none. Raises `ConnectorError`."""
        if guild == DM:
            return ""
        known = self._channel(guild, channel)
        if known is not None:
            return str(known.category_id or "")
        if channel not in self._categories:
            about = await self._rest.look_up("/channels/{channel_id}", channel_id=channel)
            above = "" if about.get("type") in _THREADS else about.get("parent_id")
            self._categories[channel] = str(above or "")
        return self._categories[channel]

    def learn(self, channel: str, parent: str) -> None:
        """A channel has this one above it, or none."""
        self._parents[channel] = parent

    def reads(self, person: Person) -> None:
        """An interaction said which language somebody's client has."""
        if person.language:
            self._locales[person.id] = person.language

    def language(self, guild: str, person: str) -> str:
        """The language that somebody reads, or else that of the server; empty where none is known.

        Messages don't say it, only interactions do.
        """
        known = self._guild(guild)
        server = str(known.preferred_locale) if known else ""
        return self._locales.get(person) or chosen_by(server)

    def most_file_bytes(self, guild: str) -> int:
        """The largest file that a server takes; 0 where that isn't known."""
        known = self._guild(guild)
        return known.filesize_limit if known else 0

    def role(self, guild: str) -> str:
        """The role that a server made for the bot, which people mention for it; or empty."""
        known = self._guild(guild)
        role = known.self_role if known else None
        return str(role.id) if role else ""

    def name(self, guild: str, id: str) -> str | None:  # noqa: A002 - Discord's name
        """The name of a channel or a role."""
        known = self._guild(guild)
        if known is None:
            return None
        found = known.get_channel_or_thread(int(id)) or known.get_role(int(id))
        return found.name if found else None

    def stirred(self, since: float) -> list[tuple[str, str]]:
        """Servers and channels in which something was posted since then, the newest first."""
        after = int(places.at(since))
        newest = sorted(self._newest(), reverse=True)
        return [(guild, channel) for last, guild, channel in newest if last >= after]

    def _newest(self) -> Iterator[tuple[int, str, str]]:
        for guild in self.client.guilds if self.client else ():
            talks: list[discord.TextChannel | discord.VoiceChannel | discord.Thread] = []
            for channel in (*talks, *guild.text_channels, *guild.voice_channels, *guild.threads):
                if last := channel.last_message_id:
                    yield last, str(guild.id), str(channel.id)

    def _guild(self, guild: str) -> discord.Guild | None:
        if self.client is None or guild == DM:
            return None
        return self.client.get_guild(int(guild))

    def _channel(self, guild: str, channel: str) -> Channel | None:
        known = self._guild(guild)
        return known.get_channel_or_thread(int(channel)) if known else None


# What people are called in a server: the name that the others there see.


log = logging.getLogger(__name__)

User = Mapping[str, Any]

_MOST_ASKED = 10
"""So many names are asked for at once; the others are called as everywhere on Discord."""
_NAMES_REMEMBERED = 5_000


class MemberNames:
    """Names by server and id; each is asked for once."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._names: Newest[tuple[str, str], str] = Newest(_NAMES_REMEMBERED)

    async def names(self, guild: str, users: Iterable[User]) -> dict[str, str]:
        """What each of these users is called in a server, or in direct messages."""
        everybody = {str(user["id"]): user for user in users}
        if guild != DM:
            unknown = [u for id_, u in everybody.items() if (guild, id_) not in self._names]
            for user in [each for each in unknown if not each.get("bot")][:_MOST_ASKED]:
                await self._ask(guild, user)
        return {
            id_: self._names.get((guild, id_), name_of(user)) for id_, user in everybody.items()
        }

    async def _ask(self, guild: str, user: User) -> None:
        try:
            member = await self._rest.call(
                "GET", "/guilds/{guild_id}/members/{user_id}", guild_id=guild, user_id=user["id"]
            )
        except ConnectorError as error:
            log.debug("discord told no name: %s", error)
            return
        self._names[guild, str(user["id"])] = name_of(user, member)
