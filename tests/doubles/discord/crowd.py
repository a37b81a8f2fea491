"""What people do in channels: they speak, edit, delete, pin, and open threads."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from tests.doubles.discord import message_payloads, payloads, threads
from tests.doubles.discord.drafts import Upload, attachment
from tests.doubles.discord.mentions import find_mentions
from tests.doubles.discord.model import (
    JSON,
    Channel,
    Guild,
    Member,
    Mentions,
    Message,
    MessageFlag,
    MessageType,
    User,
)
from tests.doubles.discord.permissions import Permission
from tests.doubles.discord.platform import Event, Platform, new_version


class Crowd:
    """Acts as people do. Users and channels are named by id, by name, or given themselves."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self.alice = platform.add_user("Alice")
        """Who acts where nobody is named."""
        self.bob = platform.add_user("Bob")
        self.helper = platform.add_user("Helper", bot=True)
        """Another bot."""
        self.guild = platform.add_guild("Guild", self.alice, self.bob, self.helper)
        self.general = platform.add_channel(self.guild, "general")
        """Where it happens where no channel is named."""

    # Finding.

    def user(self, named: User | str | None) -> User:
        """A user; LookupError if there is none."""
        users = self._platform.users.values()
        return self.alice if named is None else _find(users, named)

    def channel(self, named: Channel | str | None) -> Channel:
        """A channel, thread or conversation; LookupError if there is none."""
        channels = self._platform.channels.values()
        return self.general if named is None else _find(channels, named)

    @property
    def mention(self) -> str:
        """The text that mentions the bot."""
        return f"<@{self._platform.bot.id}>"

    # Speaking.

    def say(
        self,
        text: str,
        *,
        channel: Channel | str | None = None,
        user: User | str | None = None,
        reply_to: str | None = None,
        files: Mapping[str, bytes] | None = None,
        thread: Channel | str | None = None,
        stickers: Iterable[str] = (),
        poll: JSON | None = None,
    ) -> str:
        """Somebody posts a message, in `thread` if one is given; returns its id."""
        place, author = self.channel(thread or channel), self.user(user)
        target = self._platform.messages[reply_to] if reply_to else None
        uploads = [Upload(name, data) for name, data in (files or {}).items()]
        version = new_version(
            text,
            attachments=tuple(attachment(self._platform, place, each) for each in uploads),
            mentions=self._mentions(text, place, target.author.id if target else None),
        )
        version = replace(version, stickers=tuple(map(self._sticker, stickers)), poll=poll)
        message = self._platform.post(
            place,
            author,
            version,
            type=MessageType.REPLY if target else MessageType.DEFAULT,
            reference=_reference(target, place) if target else None,
        )
        return message.id

    def speak(self, recording: bytes, *, user: User | str | None = None) -> str:
        """Somebody sends the bot alone a voice message, which has no text; returns its id."""
        who = self.user(user)
        place = self._platform.direct_channel(who)
        upload = attachment(self._platform, place, Upload("voice-message.ogg", recording))
        version = new_version("", attachments=(upload,), flags=MessageFlag.IS_VOICE_MESSAGE)
        return self._platform.post(place, who, version).id

    def dm(self, text: str, *, user: User | str | None = None, **more: Any) -> str:
        """Somebody writes to the bot alone; returns the message's id."""
        who = self.user(user)
        return self.say(text, channel=self._platform.direct_channel(who), user=who, **more)

    def forward(
        self,
        message_id: str,
        *,
        channel: Channel | str | None = None,
        user: User | str | None = None,
    ) -> str:
        """Somebody passes a message on, which nothing can be written to; returns the id."""
        target, place = self._platform.messages[message_id], self.channel(channel)
        source = self._platform.channels[target.channel_id]
        shown = replace(
            new_version("", flags=MessageFlag.HAS_SNAPSHOT),
            snapshots=(message_payloads.snapshot(self._platform, target),),
        )
        reference = {**_reference(target, source), "type": 1}
        return self._platform.post(place, self.user(user), shown, reference=reference).id

    def publish(self, message_id: str) -> None:
        """Somebody publishes an announcement: it is posted where the channel is followed."""
        message = self._platform.messages[message_id]
        flags = message.now.flags | MessageFlag.CROSSPOSTED
        message.versions[-1] = replace(message.now, flags=flags)
        self._platform.tell_change(message)

    def webhook_say(self, text: str, *, name: str = "Hook", channel: str | None = None) -> str:
        """A webhook posts under a name of its own; returns the message's id."""
        id_ = self._platform.ids.next()
        mask, version = User(id_, name, bot=True), new_version(text)
        place = self.channel(channel)
        return self._platform.post(place, mask, version, webhook_id=id_).id

    def edit(self, message_id: str, text: str) -> None:
        """The author changes a message."""
        message = self._platform.messages[message_id]
        place = self._platform.channels[message.channel_id]
        shown = replace(message.now, at=time.time(), content=text.strip())
        self._platform.change(message, replace(shown, mentions=self._mentions(text, place)))

    def delete(self, message_id: str) -> None:
        """Somebody deletes a message: the author, or who may."""
        self._platform.remove(self._platform.messages[message_id])

    def delete_many(self, *message_ids: str) -> None:
        """A moderator deletes messages of one channel at a stroke."""
        self._platform.remove_many([self._platform.messages[id_] for id_ in message_ids])

    def typing(
        self, *, channel: Channel | str | None = None, user: User | str | None = None
    ) -> None:
        """Somebody types."""
        place, who = self.channel(channel), self.user(user)
        data: JSON = {"channel_id": place.id, "user_id": who.id, "timestamp": int(time.time())}
        if place.guild_id:
            member = self._platform.guilds[place.guild_id].members[who.id]
            data |= {"guild_id": place.guild_id, "member": payloads.member_of(member)}
        self._platform.emit(Event("TYPING_START", data, place))

    # Changing the guild.

    def join(self, name: str, *, guild: Guild | None = None) -> str:
        """Somebody new joins, and the platform says so in the channel; returns the message's id."""
        where, newcomer = guild or self.guild, self._platform.add_user(name)
        member = where.members[newcomer.id] = Member(newcomer, time.time())
        data = payloads.member_of(member) | {"guild_id": where.id}
        self._platform.emit(Event("GUILD_MEMBER_ADD", data, guild_id=where.id))
        return self._platform.system_message(self.general, newcomer, MessageType.JOINED).id

    def pin(self, message_id: str, *, user: User | str | None = None) -> str:
        """Somebody pins a message, and the platform says so; returns that message's id."""
        message = self._platform.messages[message_id]
        place = self._platform.channels[message.channel_id]
        message.pinned = True
        self._platform.tell_change(message)
        pins = {"channel_id": place.id, "last_pin_timestamp": payloads.timestamp(time.time())}
        pins |= {"guild_id": place.guild_id} if place.guild_id else {}
        self._platform.emit(Event("CHANNEL_PINS_UPDATE", pins, place))
        reference = _reference(message, place)
        said = self._platform.system_message(place, self.user(user), MessageType.PINNED, reference)
        return said.id

    def open_thread(
        self, message_id: str, *, name: str = "thread", user: User | str | None = None
    ) -> str:
        """Somebody opens a thread on a message; returns the thread's id."""
        message = self._platform.messages[message_id]
        return threads.open_thread(self._platform, message, name, self.user(user)).id

    def create_thread(
        self,
        name: str = "thread",
        *,
        channel: Channel | str | None = None,
        user: User | str | None = None,
    ) -> str:
        """Somebody opens a thread without a message; returns the thread's id."""
        parent, owner = self.channel(channel), self.user(user)
        return threads.create_thread(self._platform, parent, name, owner).id

    def archive(self, thread: Channel | str, *, locked: bool = False) -> None:
        """A thread is archived: posting wakes it, unless it is locked too."""
        threads.archive(self._platform, self.channel(thread), archived=True, locked=locked)

    def deny(self, permission: Permission, *, channel: Channel | str | None = None) -> None:
        """A moderator takes permissions from the bot in a channel."""
        place = self.channel(channel)
        if Permission.VIEW_CHANNEL in permission:
            # What the bot no longer sees is, to it, deleted.
            self._platform.emit_channel("CHANNEL_DELETE", place)
        place.denied |= permission
        self._platform.emit_channel("CHANNEL_UPDATE", place)

    def delete_channel(self, channel: Channel | str) -> None:
        """A channel or thread is deleted."""
        self._platform.remove_channel(self.channel(channel))

    def _sticker(self, name: str) -> JSON:
        return {"id": self._platform.ids.next(), "name": name, "format_type": 1}

    def _mentions(self, text: str, place: Channel, replied: str | None = None) -> Mentions:
        guild = self._platform.guilds.get(place.guild_id or "")
        return find_mentions(text, None, guild, mighty=True, replied=replied)


def _find(things: Iterable[Any], named: Any) -> Any:
    if not isinstance(named, str):
        return named
    for thing in things:
        if named in (thing.id, thing.name):
            return thing
    raise LookupError(f"there is no {named!r}")


def _reference(target: Message, place: Channel) -> JSON:
    body: JSON = {"type": 0, "message_id": target.id, "channel_id": place.id}
    return {**body, "guild_id": place.guild_id} if place.guild_id else body
