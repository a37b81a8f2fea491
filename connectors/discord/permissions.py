"""What the bot asks of a server: each permission with its use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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
OPEN_THREADS = Permission(
    "Create Public Threads", 1 << 35, "to open a thread for each question (DISCORD_THREADS)"
)

CONNECT = Permission(
    "Connect", 1 << 20, "for the text of voice and stage channels, which Discord hides without it"
)

SCOPES = ("bot", "applications.commands")


def needed(*, threads: bool) -> tuple[Permission, ...]:
    """What the bot needs in a server; `threads`: it opens a thread for each question."""
    return (VIEW, SEND, SEND_IN_THREADS, HISTORY, *((OPEN_THREADS,) if threads else ()))


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
