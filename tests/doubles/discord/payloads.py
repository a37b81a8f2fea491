"""Discord's JSON for users, guilds, channels and the rest; messages have their own module."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.doubles.discord.model import JSON, Channel, ChannelType, Guild, Member, Role, User
from tests.doubles.discord.permissions import ALL


def timestamp(seconds: float) -> str:
    """Seconds since the epoch as Discord writes them."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def user(of: User) -> JSON:
    """A user, as others see them."""
    return {
        "id": of.id,
        "username": of.name.casefold(),
        "global_name": None if of.bot else of.name,
        "discriminator": "0000" if of.bot else "0",
        "avatar": None,
        "bot": of.bot,
        "public_flags": 0,
    }


def own_user(of: User) -> JSON:
    """The bot, as it sees itself."""
    return {**user(of), "verified": True, "mfa_enabled": False, "flags": 0, "email": None}


def member_of(of: Member, *, whole: bool = True) -> JSON:
    """A member; without the user where Discord leaves it out."""
    body: JSON = {
        "roles": of.roles,
        "joined_at": timestamp(of.joined),
        "nick": None,
        "avatar": None,
        "deaf": False,
        "mute": False,
        "flags": 0,
        "pending": False,
        "premium_since": None,
        "communication_disabled_until": None,
    }
    return {**body, "user": user(of.user)} if whole else body


def role(of: Role, position: int) -> JSON:
    """A role."""
    return {
        "id": of.id,
        "name": of.name,
        "permissions": str(int(of.permissions)),
        "mentionable": of.mentionable,
        "position": position,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "managed": False,
        "flags": 0,
    }


def roles(guild: Guild) -> list[JSON]:
    """All roles of a guild."""
    return [role(each, position) for position, each in enumerate(guild.roles.values())]


def guild(of: Guild) -> JSON:
    """A guild, without its channels and members."""
    return {
        "id": of.id,
        "name": of.name,
        "owner_id": of.owner_id,
        "icon": None,
        "features": [],
        "emojis": [],
        "stickers": [],
        "roles": roles(of),
        "verification_level": 0,
        "default_message_notifications": 1,
        "explicit_content_filter": 0,
        "afk_timeout": 300,
        "mfa_level": 0,
        "nsfw_level": 0,
        "premium_tier": 0,
        "preferred_locale": "en-US",
        "system_channel_flags": 0,
    }


def channel(of: Channel, bot_id: str) -> JSON:
    """A channel, a thread, or a conversation with one person."""
    last = of.messages[-1] if of.messages else None
    body: JSON = {"id": of.id, "type": int(of.type), "flags": 0, "last_message_id": last}
    if of.type is ChannelType.DM:
        recipients = [user(of.recipient)] if of.recipient else []
        return {**body, "recipients": recipients}
    body |= {"guild_id": of.guild_id, "name": of.name, "parent_id": of.parent_id}
    body |= {"rate_limit_per_user": 0, "nsfw": False}
    return {**body, **(_thread(of) if of.thread else _text(of, bot_id))}


def interaction_channel(of: Channel, bot_id: str) -> JSON:
    """A channel as an interaction carries it."""
    return {**channel(of, bot_id), "permissions": str(int(ALL))}


def _text(of: Channel, bot_id: str) -> JSON:
    denied = {"id": bot_id, "type": 1, "allow": "0", "deny": str(int(of.denied))}
    return {
        "topic": None,
        "position": 0,
        "permission_overwrites": [denied] if of.denied else [],
    }


def _thread(of: Channel) -> JSON:
    return {
        "owner_id": of.owner_id,
        "message_count": len(of.messages),
        "total_message_sent": len(of.messages),
        "member_count": 1,
        "thread_metadata": {
            "archived": of.archived,
            "locked": of.locked,
            "auto_archive_duration": 1440,
            "archive_timestamp": timestamp(of.made),
            "create_timestamp": timestamp(of.made),
        },
    }


def thread_member(thread: Channel, user_id: str) -> JSON:
    """A member of a thread."""
    joined = timestamp(thread.made)
    return {"id": thread.id, "user_id": user_id, "join_timestamp": joined, "flags": 0}
