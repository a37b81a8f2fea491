"""A Discord on loopback: REST and gateway over real sockets, with people, faults and a record.

In a test: `async with discord_server() as discord_:`; then `discord_.people.say("Hello")`,
`discord_.faults.add(Reset(), "PATCH", "/channels/*")`, `discord_.record.shown()`. As a process of
its own: `python -m tests.doubles.discord`, with the control API of `control.py`.
"""

from __future__ import annotations

from tests.doubles.discord.client import logged_in, pointed_at
from tests.doubles.discord.errors import APIError
from tests.doubles.discord.faults import Fault, Faults, Hang, Refuse, Reset, Slow
from tests.doubles.discord.gateway import CloseCode, Gateway
from tests.doubles.discord.intents import PRIVILEGED, Intent
from tests.doubles.discord.interactions import Callback, CallbackType, Interaction
from tests.doubles.discord.limits import Limits
from tests.doubles.discord.model import (
    Channel,
    ChannelType,
    Guild,
    Mentions,
    Message,
    MessageFlag,
    MessageType,
    Role,
    User,
    Version,
)
from tests.doubles.discord.people import People
from tests.doubles.discord.permissions import Permission
from tests.doubles.discord.platform import Platform
from tests.doubles.discord.record import Call, Record
from tests.doubles.discord.server import TOKEN, DiscordServer, discord_server

__all__ = [
    "PRIVILEGED",
    "TOKEN",
    "APIError",
    "Call",
    "Callback",
    "CallbackType",
    "Channel",
    "ChannelType",
    "CloseCode",
    "DiscordServer",
    "Fault",
    "Faults",
    "Gateway",
    "Guild",
    "Hang",
    "Intent",
    "Interaction",
    "Limits",
    "Mentions",
    "Message",
    "MessageFlag",
    "MessageType",
    "People",
    "Permission",
    "Platform",
    "Record",
    "Refuse",
    "Reset",
    "Role",
    "Slow",
    "User",
    "Version",
    "discord_server",
    "logged_in",
    "pointed_at",
]
