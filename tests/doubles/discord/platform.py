"""The platform's state, and the changes that everybody on the gateway hears of."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tests.doubles.discord import errors, payloads
from tests.doubles.discord.intents import Intent
from tests.doubles.discord.limits import Limits
from tests.doubles.discord.model import (
    JSON,
    UNFLAGGED,
    Attachment,
    Channel,
    ChannelType,
    Guild,
    Member,
    Mentions,
    Message,
    MessageFlag,
    MessageType,
    Role,
    User,
    Version,
)
from tests.doubles.discord.moderation import Moderation
from tests.doubles.discord.permissions import ALL, NONE, Permission
from tests.doubles.discord.record import Record
from tests.doubles.discord.snowflakes import Snowflakes

if TYPE_CHECKING:
    from tests.doubles.discord.interactions import Interaction


@dataclass(frozen=True, slots=True)
class Event:
    """Something that the gateway tells. A message's body depends on who listens."""

    name: str
    data: JSON = field(default_factory=dict)
    channel: Channel | None = None
    guild_id: str | None = None
    message: Message | None = None


class Platform:
    """Users, guilds, channels, messages, interactions; and the record of what was done to them."""

    def __init__(self, limits: Limits, token: str, intents: Intent) -> None:
        self.limits = limits
        self.token = token
        self.intents = intents
        """What the application may listen to, as its owner has set it."""
        self.origin = ""
        """Where the server stands, once it does: `http://127.0.0.1:PORT`."""
        self.gateway_url = ""
        """Where its gateway stands: `ws://127.0.0.1:PORT/gateway`."""
        self.ids = Snowflakes()
        self.bot = User(self.ids.next(), "Everytoken", bot=True)
        self.users: dict[str, User] = {self.bot.id: self.bot}
        self.guilds: dict[str, Guild] = {}
        self.channels: dict[str, Channel] = {}
        self.messages: dict[str, Message] = {}
        self.attachments: dict[str, Attachment] = {}
        self.interactions: dict[str, Interaction] = {}
        """By id."""
        self.managing: dict[str, Permission] = {}
        """What somebody manages besides an owner, by their id."""
        self.commands: dict[str | None, list[JSON]] = {None: []}
        """The application's commands by guild; None: everywhere."""
        self.moderation = Moderation()
        self.starts = Starts()
        self.nonces: dict[str, tuple[float, Message]] = {}
        self.record = Record(self.bot.id, self.messages)
        self.listeners: list[Callable[[Event], None]] = []

    # Making things.

    def add_user(self, name: str, *, bot: bool = False) -> User:
        """A new user, who is in no guild yet."""
        user = User(self.ids.next(), name, bot)
        self.users[user.id] = user
        return user

    def add_guild(self, name: str, *members: User) -> Guild:
        """A new guild with the bot and these members; the first of them owns it."""
        now = time.time()
        owner = members[0] if members else self.bot
        guild = Guild(self.ids.next(), name, owner.id, now)
        role = Role(self.ids.next(), self.bot.name, ALL)
        guild.roles[role.id] = role
        guild.members[self.bot.id] = Member(self.bot, now, [role.id])
        for user in members:
            guild.members[user.id] = Member(user, now)
        self.guilds[guild.id] = guild
        return guild

    def add_channel(
        self,
        guild: Guild,
        name: str,
        *,
        denied: Permission = NONE,
        type: ChannelType = ChannelType.TEXT,  # noqa: A002 - Discord's name
    ) -> Channel:
        """A new channel; `denied` is what the bot may not do there."""
        channel = Channel(self.ids.next(), type, name, time.time(), guild_id=guild.id)
        channel.denied = denied
        self.channels[channel.id] = channel
        self.emit_channel("CHANNEL_CREATE", channel)
        return channel

    def direct_channel(self, user: User) -> Channel:
        """The conversation of the bot with a user, which is made if there is none."""
        for channel in self.channels.values():
            if channel.recipient is user:
                return channel
        channel = Channel(self.ids.next(), ChannelType.DM, user.name, time.time(), recipient=user)
        self.channels[channel.id] = channel
        return channel

    def add_thread(self, parent: Channel, name: str, owner: User, id_: str = "") -> Channel:
        """A new public thread, which everybody hears of."""
        thread = Channel(
            id_ or self.ids.next(),
            ChannelType.PUBLIC_THREAD,
            name,
            time.time(),
            guild_id=parent.guild_id,
            parent_id=parent.id,
            owner_id=owner.id,
            denied=parent.denied,
        )
        self.channels[thread.id] = thread
        self.emit_channel("THREAD_CREATE", thread, newly_created=True)
        return thread

    # Changing messages.

    def post(self, channel: Channel, author: User, version: Version, **fields: Any) -> Message:
        """A new message, which everybody hears of unless it is ephemeral."""
        message = Message(self.ids.next(), channel.id, author, [version], **fields)
        self.messages[message.id] = message
        self._keep(version)
        if not message.ephemeral:
            channel.messages.append(message.id)
            self.emit(Event("MESSAGE_CREATE", channel=channel, message=message))
        self.record.changed()
        return message

    def change(self, message: Message, version: Version, *, edited: bool = True) -> None:
        """A message shows something else from now on. An edit rings nobody."""
        quiet = replace(version.mentions, pings=()) if edited else version.mentions
        message.versions.append(replace(version, mentions=quiet))
        message.edited = version.at if edited else message.edited
        self._keep(version)
        self.tell_change(message)

    def tell_change(self, message: Message) -> None:
        """Everybody hears that a message changed."""
        if not message.ephemeral and message.deleted is None:
            channel = self.channels[message.channel_id]
            self.emit(Event("MESSAGE_UPDATE", channel=channel, message=message))
        self.record.changed()

    def remove(self, message: Message) -> None:
        """A message is deleted."""
        message.deleted = time.time()
        if not message.ephemeral:
            channel = self.channels[message.channel_id]
            data = {"id": message.id, "channel_id": channel.id}
            self.emit(Event("MESSAGE_DELETE", data | _guild(channel), channel))
        self.record.changed()

    def remove_many(self, messages: list[Message]) -> None:
        """Messages of one channel are deleted at a stroke."""
        channel = self.channels[messages[0].channel_id]
        for message in messages:
            message.deleted = time.time()
        data = {"ids": [message.id for message in messages], "channel_id": channel.id}
        self.emit(Event("MESSAGE_DELETE_BULK", data | _guild(channel), channel))
        self.record.changed()

    def remove_channel(self, channel: Channel) -> None:
        """A channel or thread is deleted, and its messages with it."""
        for message_id in channel.messages:
            message = self.messages[message_id]
            message.deleted = message.deleted or time.time()
        channel.deleted = True
        self.emit_channel("THREAD_DELETE" if channel.thread else "CHANNEL_DELETE", channel)
        self.record.changed()

    def system_message(
        self, channel: Channel, author: User, kind: MessageType, reference: JSON | None = None
    ) -> Message:
        """A message that the platform writes itself."""
        return self.post(channel, author, Version(time.time()), type=kind, reference=reference)

    def _keep(self, version: Version) -> None:
        self.attachments.update({each.id: each for each in version.attachments})

    # Telling.

    def emit(self, event: Event) -> None:
        """Tells the gateway."""
        if event.channel and event.guild_id is None:
            event = replace(event, guild_id=event.channel.guild_id)
        for listener in self.listeners:
            listener(event)

    def emit_channel(self, name: str, channel: Channel, **more: Any) -> None:
        """Tells the gateway about a channel."""
        data = payloads.channel(channel, self.bot.id) | more
        self.emit(Event(name, data, channel))

    # Finding things, as the bot sees them.

    def seen_channel(self, id_: str) -> Channel:
        """A channel that the bot sees; `APIError` if there is none."""
        channel = self.channels.get(id_)
        if channel is None or channel.deleted:
            raise errors.unknown_channel()
        if not channel.open:
            raise errors.missing_access()
        return channel

    def seen_guild(self, id_: str) -> Guild:
        """A guild that the bot is in; `APIError` if it is not."""
        if id_ not in self.guilds:
            raise errors.unknown_guild()
        return self.guilds[id_]

    def seen_message(self, channel: Channel, id_: str) -> Message:
        """A message that the channel lists; `APIError` if it doesn't."""
        message = self.messages.get(id_)
        if message is None or message.channel_id != channel.id or message.ephemeral:
            raise errors.unknown_message()
        if message.deleted is not None:
            raise errors.unknown_message()
        return message

    @property
    def content_allowed(self) -> bool:
        """The application may read what others write."""
        return Intent.MESSAGE_CONTENT in self.intents

    def readable(self, message: Message) -> bool:
        """The bot may read it without the message content intent."""
        direct = self.channels[message.channel_id].type is ChannelType.DM
        return direct or message.author is self.bot or self.bot.id in message.now.mentions.users


class Starts:
    """The sessions that began; there may be so many in a day."""

    def __init__(self) -> None:
        self._times: list[float] = []

    def take(self, limits: Limits) -> bool:
        """One more begins. False where that is one too many."""
        self._times = [*self._counted(limits), time.time()]
        return limits.session_starts is None or len(self._times) <= limits.session_starts

    def told(self, limits: Limits) -> JSON:
        """What Discord says of them; `reset_after` is in milliseconds."""
        times = self._counted(limits)
        total = 1_000 if limits.session_starts is None else limits.session_starts
        ends = times[0] + limits.session_seconds - time.time() if times else 0.0
        return {
            "total": total,
            "remaining": max(0, total - len(times)),
            "reset_after": int(ends * 1000),
        }

    def _counted(self, limits: Limits) -> list[float]:
        """Those of the day that began with the first of them."""
        if self._times and time.time() - self._times[0] >= limits.session_seconds:
            return []
        return self._times


def _guild(channel: Channel) -> JSON:
    return {"guild_id": channel.guild_id} if channel.guild_id else {}


def new_version(
    content: str,
    *,
    embeds: tuple[JSON, ...] = (),
    components: tuple[JSON, ...] = (),
    attachments: tuple[Attachment, ...] = (),
    flags: MessageFlag = UNFLAGGED,
    mentions: Mentions | None = None,
) -> Version:
    """What a message shows from now on; white space at both ends of its content is stripped."""
    return Version(
        time.time(),
        content.strip(),
        embeds,
        components,
        attachments,
        flags,
        mentions or Mentions(),
    )
