"""Discord's permissions, as bits, for what a chat bot does."""

from __future__ import annotations

from enum import IntFlag


class Permission(IntFlag):
    """What a member may do in a guild or one of its channels."""

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

ALL = Permission(sum(Permission))
"""Everything that this platform knows of."""

MEMBERS = ALL & ~Permission.MANAGE_MESSAGES & ~Permission.MANAGE_THREADS
"""What everybody may do."""
