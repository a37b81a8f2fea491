"""Discord's permissions, as bits, for what a chat bot does."""

from __future__ import annotations

from enum import IntFlag


class Permission(IntFlag):
    """What a member may do in a guild or one of its channels."""

    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    MANAGE_GUILD = 1 << 5
    ADD_REACTIONS = 1 << 6
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    CONNECT = 1 << 20
    USE_APPLICATION_COMMANDS = 1 << 31
    MANAGE_THREADS = 1 << 34
    CREATE_PUBLIC_THREADS = 1 << 35
    SEND_MESSAGES_IN_THREADS = 1 << 38


NONE = Permission(0)
"""Nothing."""

MANAGING = Permission.ADMINISTRATOR | Permission.MANAGE_CHANNELS | Permission.MANAGE_GUILD
"""What admins of a guild may do, and those of a channel."""

ALL = Permission(sum(Permission)) & ~MANAGING
"""Everything that this platform knows of, but for managing."""

MEMBERS = ALL & ~Permission.MANAGE_MESSAGES & ~Permission.MANAGE_THREADS
"""What everybody may do."""
