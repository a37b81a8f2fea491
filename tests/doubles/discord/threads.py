"""Threads: opened on a message or on their own, closed and archived."""

from __future__ import annotations

from dataclasses import replace

from tests.doubles.discord import errors, payloads
from tests.doubles.discord.model import JSON, Channel, Message, MessageFlag, MessageType, User
from tests.doubles.discord.platform import Event, Platform


def open_thread(platform: Platform, message: Message, name: str, owner: User) -> Channel:
    """A thread on a message: it has the message's id and begins with a reference to it."""
    if message.thread_id is not None:
        raise errors.thread_exists()
    parent = platform.channels[message.channel_id]
    thread = platform.add_thread(parent, name, owner, message.id)
    message.thread_id = thread.id
    flags = message.now.flags | MessageFlag.HAS_THREAD
    message.versions[-1] = replace(message.now, flags=flags)
    platform.tell_change(message)
    reference = _reference(parent, message.id)
    platform.system_message(thread, message.author, MessageType.THREAD_STARTER, reference)
    return thread


def create_thread(platform: Platform, parent: Channel, name: str, owner: User) -> Channel:
    """A thread of its own; the channel above it says that there is one."""
    thread = platform.add_thread(parent, name, owner)
    reference = _reference(thread)
    platform.system_message(parent, owner, MessageType.THREAD_CREATED, reference)
    return thread


def archive(platform: Platform, thread: Channel, *, archived: bool, locked: bool) -> None:
    """Archives a thread (posting wakes it), or locks it (nobody can post)."""
    thread.archived, thread.locked = archived, locked
    platform.emit_channel("THREAD_UPDATE", thread)


def sync_threads(platform: Platform, guild_id: str) -> None:
    """Tells the bot which threads of a guild it sees, as when it gains access to a channel."""
    threads = active_threads(platform, guild_id)
    members = [payloads.thread_member(thread, platform.bot.id) for thread in threads]
    bodies = [payloads.channel(thread, platform.bot.id) for thread in threads]
    data = {"guild_id": guild_id, "threads": bodies, "members": members}
    platform.emit(Event("THREAD_LIST_SYNC", data, guild_id=guild_id))


def active_threads(platform: Platform, guild_id: str) -> list[Channel]:
    """The threads of a guild that are neither archived nor deleted."""
    return [
        channel
        for channel in platform.channels.values()
        if channel.thread and channel.guild_id == guild_id
        if not channel.archived and not channel.deleted
    ]


def _reference(channel: Channel, message_id: str | None = None) -> JSON:
    body: JSON = {"type": 0, "channel_id": channel.id, "guild_id": channel.guild_id}
    return {**body, "message_id": message_id} if message_id else body
