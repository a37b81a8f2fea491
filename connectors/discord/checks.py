"""Finds what is wrong with a Discord bot and names the step that mends it; and the permissions
that the bot asks for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.base import Gone, Lacking, Refused
from connectors.discord.api import Rest
from connectors.discord.options import DiscordOptions

Json = Mapping[str, Any]

_ADMINISTRATOR = 1 << 3
_ALL = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Permission:
    """A right of the bot: Discord's name for it, its bit, and what it is for."""

    name: str
    bit: int
    use: str


VIEW = Permission("View Channels", 1 << 10, "to hear what is said to it")
SEND = Permission("Send Messages", 1 << 11, "to answer")
SEND_IN_THREADS = Permission("Send Messages in Threads", 1 << 38, "to answer in threads")
HISTORY = Permission("Read Message History", 1 << 16, "to reply, and to know what was said before")
ATTACH = Permission("Attach Files", 1 << 15, "to show the files that tools and models make")
OPEN_THREADS = Permission(
    "Create Public Threads", 1 << 35, "to open a thread for each question (DISCORD_THREADS)"
)

CONNECT = Permission(
    "Connect", 1 << 20, "for the text of voice and stage channels, which Discord hides without it"
)

SCOPES = ("bot", "applications.commands")


def needed(*, threads: bool) -> tuple[Permission, ...]:
    """What the bot needs in a server; `threads`: it opens a thread for each question."""
    return (VIEW, SEND, SEND_IN_THREADS, HISTORY, ATTACH, *((OPEN_THREADS,) if threads else ()))


def invite_url(application_id: str, *, threads: bool) -> str:
    """Where somebody who manages a server invites the bot, with these permissions."""
    bits = sum(permission.bit for permission in needed(threads=threads))
    return (
        f"https://discord.com/oauth2/authorize?client_id={application_id}"
        f"&permissions={bits}&scope={'+'.join(SCOPES)}"
    )


def in_guild(guild: Json, member: Json) -> int:
    """What a member may do in a server before its channels' own rules, as bits."""
    if guild.get("owner_id") == member["user"]["id"]:
        return _ALL
    mine = {guild["id"], *member["roles"]}
    bits = 0
    for role in guild["roles"]:
        if role["id"] in mine:
            bits |= int(role["permissions"])
    return _ALL if bits & _ADMINISTRATOR else bits


def in_channel(base: int, channel: Json, guild_id: str, member: Json) -> int:
    """What a member may do in a channel, as bits; `base` is what they may do in the server."""
    if base == _ALL:
        return base
    rules = channel.get("permission_overwrites") or ()
    roles, me = set(member["roles"]), member["user"]["id"]
    for layer in (
        [rule for rule in rules if rule["id"] == guild_id],
        [rule for rule in rules if rule["id"] in roles],
        [rule for rule in rules if rule["id"] == me],
    ):
        base = _ruled(base, layer)
    return base


def _ruled(bits: int, rules: Sequence[Json]) -> int:
    denied = allowed = 0
    for rule in rules:
        denied |= int(rule["deny"])
        allowed |= int(rule["allow"])
    return bits & ~denied | allowed


# Finds what is wrong with a Discord bot, and names for each fault the step that mends it.


PORTAL = "https://discord.com/developers/applications"
INTENT = (
    f"The Message Content Intent is off, so the bot can't read replies and threads: open your app "
    f"at {PORTAL} > Bot > Privileged Gateway Intents, and switch on Message Content Intent."
)
HTTP_INTERACTIONS = (
    f"The app sends commands and presses to an address of yours, so the bot does not hear of them: "
    f"open your app at {PORTAL} > General Information, and empty Interactions Endpoint URL."
)
SELDOM = (
    "#{} is an announcement channel: Discord lets a message there be changed three times an hour, "
    "so an answer can't grow in it: ask in another channel."
)

_MESSAGE_CONTENT = 1 << 18 | 1 << 19
"""An application's flags: the intent is on, for few servers or for many."""
_TEXT, _NEWS = 0, 5
_VOICE = frozenset({2, 13})
"""Voice and stage channels have a text of their own."""
_FORUMS = frozenset({15, 16})
"""Forums and media channels: people speak in their threads only."""
_TALKS = frozenset({_TEXT, _NEWS}) | _VOICE | _FORUMS
_THREADS = frozenset({10, 11, 12})
_MOST_GUILDS = 25
_AT_ONCE = 4


async def diagnose(rest: Rest, options: DiscordOptions, channel: str | None = None) -> None:
    """Checks the token, the intents and the permissions: in servers, and in a channel by its id.

    Raises `Lacking` with a line for each fault; `Refused` where the token is wrong, and
    `Unavailable` where Discord can't be asked.
    """
    me = await rest.me()
    application = await rest.application()
    faults = _application(application)
    # With `auto` an answer is a reply where no thread may be opened.
    wanted = needed(threads=options.threads is True)
    invite = invite_url(application["id"], threads=bool(options.threads))
    guilds = await rest.look_up("/users/@me/guilds", query={"limit": _MOST_GUILDS})
    if not guilds:
        faults.append(f"Nobody can reach the bot: invite it to a server: {invite}")
    slots = asyncio.Semaphore(_AT_ONCE)

    async def check(guild: Json) -> list[str]:
        async with slots:
            return await _guild(rest, guild, me["id"], wanted, invite)

    for found in await asyncio.gather(*map(check, guilds)):
        faults += found
    if channel is not None:
        faults += await _channel(rest, channel, me["id"], wanted, guilds)
    if faults:
        raise Lacking("\n".join(faults))


def _application(application: Json) -> list[str]:
    faults = [] if int(application.get("flags") or 0) & _MESSAGE_CONTENT else [INTENT]
    if application.get("interactions_endpoint_url"):
        faults.append(HTTP_INTERACTIONS)
    return faults


async def _guild(
    rest: Rest, guild: Json, me: str, wanted: Sequence[Permission], invite: str
) -> list[str]:
    """The permissions missing in every channel of a server: one closed channel may be meant."""
    base, member = await _standing(rest, guild["id"], me)
    lacking = [each for each in wanted if not base & each.bit]
    if lacking:
        cure = f"invite the bot again: {invite}"
        return [_fault(f"the server {guild['name']}", each, cure) for each in lacking]
    channels = await rest.look_up("/guilds/{guild_id}/channels", guild_id=guild["id"])
    rights = [
        in_channel(base, each, guild["id"], member) for each in channels if each["type"] in _TALKS
    ]
    nowhere = [each for each in wanted if rights and not any(bits & each.bit for bits in rights)]
    where = f"every channel of the server {guild['name']}"
    cure = "open a channel's settings > Permissions, and allow it to the bot's role"
    return [_fault(where, each, cure) for each in nowhere]


async def _listed(rest: Rest, channel_id: str, guilds: Sequence[Json]) -> Json | None:
    """A channel as its server lists it."""
    for guild in guilds:
        channels = await rest.look_up("/guilds/{guild_id}/channels", guild_id=guild["id"])
        if found := next((each for each in channels if each["id"] == channel_id), None):
            return {**found, "guild_id": guild["id"]}
    return None


async def _channel(
    rest: Rest, channel_id: str, me: str, wanted: Sequence[Permission], guilds: Sequence[Json]
) -> list[str]:
    """The permissions missing in one channel."""
    try:
        channel = await rest.look_up("/channels/{channel_id}", channel_id=channel_id)
    except (Gone, Refused) as error:
        # Discord hides a voice channel from those who may not connect, but not its name.
        listed = await _listed(rest, channel_id, guilds)
        if listed is None:
            return [f"The channel {channel_id} can't be seen by the bot: {error}"]
        channel = listed
    if not (guild := channel.get("guild_id")):
        return []
    if channel["type"] not in _TALKS | _THREADS:
        return [f"#{channel['name']} is no channel to talk in: choose another."]
    if channel["type"] in _THREADS:
        # A thread has the rules of the channel that it stands in.
        channel = await rest.look_up("/channels/{channel_id}", channel_id=channel["parent_id"])
    base, member = await _standing(rest, guild, me)
    bits = in_channel(base, channel, guild, member)
    cure = "open its settings > Permissions, and allow it to the bot's role"
    lacking = [each for each in _needed_in(channel, wanted) if not bits & each.bit]
    faults = [_fault(f"#{channel['name']}", each, cure) for each in lacking]
    return [*faults, SELDOM.format(channel["name"])] if channel["type"] == _NEWS else faults


def _needed_in(channel: Json, wanted: Sequence[Permission]) -> list[Permission]:
    """What the bot needs in a channel of this type."""
    match channel["type"]:
        case voice if voice in _VOICE:  # it has no threads
            return [
                CONNECT,
                *(each for each in wanted if each not in (SEND_IN_THREADS, OPEN_THREADS)),
            ]
        case forum if forum in _FORUMS:
            return [each for each in wanted if each not in (SEND, OPEN_THREADS)]
        case _:
            return list(wanted)


async def _standing(rest: Rest, guild_id: str, me: str) -> tuple[int, Json]:
    """What the bot may do in a server, and its membership there."""
    guild, member = await asyncio.gather(
        rest.look_up("/guilds/{guild_id}", guild_id=guild_id),
        rest.look_up("/guilds/{guild_id}/members/{user_id}", guild_id=guild_id, user_id=me),
    )
    return in_guild(guild, member), member


def _fault(where: str, permission: Permission, cure: str) -> str:
    return (
        f"In {where} the permission {permission.name} is missing; it is needed "
        f"{permission.use}: {cure}."
    )
