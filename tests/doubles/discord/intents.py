"""Gateway intents: what a client asks to hear, and which event belongs to which."""

from __future__ import annotations

from enum import IntFlag


class Intent(IntFlag):
    """The intents that a chat bot meets; a client may name others."""

    GUILDS = 1 << 0
    GUILD_MEMBERS = 1 << 1
    GUILD_PRESENCES = 1 << 8
    GUILD_MESSAGES = 1 << 9
    GUILD_MESSAGE_TYPING = 1 << 11
    DIRECT_MESSAGES = 1 << 12
    DIRECT_MESSAGE_TYPING = 1 << 14
    MESSAGE_CONTENT = 1 << 15


PRIVILEGED = Intent.GUILD_MEMBERS | Intent.GUILD_PRESENCES | Intent.MESSAGE_CONTENT
"""Those that an application's owner has to switch on."""

_MESSAGES = (Intent.GUILD_MESSAGES, Intent.DIRECT_MESSAGES)
_GUILDS = (Intent.GUILDS, Intent.GUILDS)
_MEMBERS = (Intent.GUILD_MEMBERS, Intent.GUILD_MEMBERS)

_EVENTS = {
    "MESSAGE_CREATE": _MESSAGES,
    "MESSAGE_UPDATE": _MESSAGES,
    "MESSAGE_DELETE": _MESSAGES,
    "MESSAGE_DELETE_BULK": _MESSAGES,
    "TYPING_START": (Intent.GUILD_MESSAGE_TYPING, Intent.DIRECT_MESSAGE_TYPING),
    "CHANNEL_PINS_UPDATE": (Intent.GUILDS, Intent.DIRECT_MESSAGES),
    "CHANNEL_CREATE": _GUILDS,
    "CHANNEL_UPDATE": _GUILDS,
    "CHANNEL_DELETE": _GUILDS,
    "THREAD_CREATE": _GUILDS,
    "THREAD_UPDATE": _GUILDS,
    "THREAD_DELETE": _GUILDS,
    "THREAD_LIST_SYNC": _GUILDS,
    "GUILD_CREATE": _GUILDS,
    "GUILD_DELETE": _GUILDS,
    "GUILD_MEMBER_ADD": _MEMBERS,
    "GUILD_MEMBER_REMOVE": _MEMBERS,
}


def hears(intents: Intent, event: str, *, in_guild: bool) -> bool:
    """Whether a client with these intents is told of an event; some need none."""
    needed = _EVENTS.get(event)
    return needed is None or needed[0 if in_guild else 1] in intents
