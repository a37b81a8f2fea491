"""The things of the platform: users, guilds, channels, and messages with all their versions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import Any

from tests.doubles.discord.permissions import ALL, MEMBERS, NONE, Permission

JSON = dict[str, Any]


class ChannelType(IntEnum):
    """The kinds of channel that a chat bot meets."""

    TEXT = 0
    DM = 1
    VOICE = 2
    CATEGORY = 4
    ANNOUNCEMENT = 5
    ANNOUNCEMENT_THREAD = 10
    PUBLIC_THREAD = 11
    PRIVATE_THREAD = 12
    STAGE = 13
    FORUM = 15
    MEDIA = 16

    @property
    def spoken(self) -> bool:
        """People speak there; its text is for those who may connect."""
        return self in (self.VOICE, self.STAGE)


_THREADS = (
    ChannelType.ANNOUNCEMENT_THREAD,
    ChannelType.PUBLIC_THREAD,
    ChannelType.PRIVATE_THREAD,
)


class MessageType(IntEnum):
    """The kinds of message that a chat bot meets."""

    DEFAULT = 0
    PINNED = 6
    JOINED = 7
    THREAD_CREATED = 18
    REPLY = 19
    COMMAND_REPLY = 20
    THREAD_STARTER = 21
    CONTEXT_COMMAND_REPLY = 23

    @property
    def system(self) -> bool:
        """The platform wrote it: nobody can reply to it."""
        return self in (self.PINNED, self.JOINED, self.THREAD_CREATED, self.THREAD_STARTER)


class MessageFlag(IntFlag):
    """What is special about a message."""

    CROSSPOSTED = 1 << 0
    SUPPRESS_EMBEDS = 1 << 2
    HAS_THREAD = 1 << 5
    EPHEMERAL = 1 << 6
    LOADING = 1 << 7
    SUPPRESS_NOTIFICATIONS = 1 << 12
    IS_VOICE_MESSAGE = 1 << 13
    HAS_SNAPSHOT = 1 << 14
    COMPONENTS_V2 = 1 << 15


UNFLAGGED = MessageFlag(0)
"""Nothing is special about it."""


@dataclass(slots=True)
class User:
    """A person, a bot, or a webhook's mask."""

    id: str
    name: str
    bot: bool = False
    takes_messages: bool = True
    """False: direct messages to them are refused."""
    locale: str = "en-US"
    """The language of their client, which interactions tell."""


@dataclass(slots=True)
class Role:
    """A role of a guild."""

    id: str
    name: str
    permissions: Permission = NONE
    mentionable: bool = False


@dataclass(slots=True)
class Member:
    """A user in a guild."""

    user: User
    joined: float
    roles: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Guild:
    """A guild that the bot is in."""

    id: str
    name: str
    owner_id: str
    made: float
    roles: dict[str, Role] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)

    def __post_init__(self) -> None:
        everyone = Role(self.id, "@everyone", MEMBERS)
        self.roles.setdefault(everyone.id, everyone)


@dataclass(slots=True)
class Channel:
    """A text channel, a thread, or a conversation with one person."""

    id: str
    type: ChannelType
    name: str
    made: float
    guild_id: str | None = None
    parent_id: str | None = None
    owner_id: str | None = None
    recipient: User | None = None
    denied: Permission = NONE
    """What the bot may not do here."""
    archived: bool = False
    locked: bool = False
    deleted: bool = False
    messages: list[str] = field(default_factory=list)
    """Ids, oldest first, those of deleted ones too."""

    @property
    def thread(self) -> bool:
        """It is a thread."""
        return self.type in _THREADS

    @property
    def allowed(self) -> Permission:
        """What the bot may do here."""
        return ALL & ~self.denied

    @property
    def open(self) -> bool:
        """The bot sees what is written here."""
        needed = Permission.VIEW_CHANNEL | (Permission.CONNECT if self.type.spoken else NONE)
        return needed in self.allowed


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a message."""

    id: str
    channel_id: str
    filename: str
    content_type: str
    data: bytes = field(repr=False)
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Mentions:
    """Whom a text names so that the platform links them, and whom it rings."""

    users: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    everyone: bool = False
    pings: tuple[str, ...] = ()
    """`everyone`, `here`, `user:ID`, `role:ID`, `reply:ID`: each of them heard it ring."""


@dataclass(frozen=True, slots=True)
class Version:
    """What a message showed from `at` (seconds since the epoch) on."""

    at: float
    content: str = ""
    embeds: tuple[JSON, ...] = ()
    components: tuple[JSON, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    flags: MessageFlag = UNFLAGGED
    mentions: Mentions = Mentions()
    stickers: tuple[JSON, ...] = ()
    poll: JSON | None = None
    snapshots: tuple[JSON, ...] = ()
    """The messages that it passes on, as they were then."""

    @property
    def text(self) -> str:
        """All the text that a reader sees, without embeds."""
        displays = [c["content"] for c in flat(self.components) if c["type"] == 10]
        return "\n".join([self.content, *displays]) if displays else self.content

    @property
    def buttons(self) -> list[JSON]:
        """The buttons that it shows."""
        return [component for component in flat(self.components) if component["type"] == 2]

    @property
    def empty(self) -> bool:
        """It shows nothing."""
        return not (self.content or self.embeds or self.components or self.attachments)


@dataclass(slots=True)
class Message:
    """A message with all that it ever showed."""

    id: str
    channel_id: str
    author: User
    versions: list[Version]
    type: MessageType = MessageType.DEFAULT
    reference: JSON | None = None
    nonce: str | None = None
    webhook_id: str | None = None
    interaction: JSON | None = None
    """Discord's `interaction_metadata`, where a message answers an interaction."""
    thread_id: str | None = None
    edited: float | None = None
    pinned: bool = False
    deleted: float | None = None
    """When it was deleted, in seconds since the epoch."""
    edits_left: int | None = None
    """How many more edits the platform takes; None: any number."""

    @property
    def now(self) -> Version:
        """What it shows now, or showed last."""
        return self.versions[-1]

    @property
    def content(self) -> str:
        """Its content now."""
        return self.now.content

    @property
    def ephemeral(self) -> bool:
        """Only one person sees it, and no channel lists it."""
        return MessageFlag.EPHEMERAL in self.now.flags

    @property
    def at(self) -> float:
        """When it was posted, in seconds since the epoch."""
        return self.versions[0].at

    @property
    def writing(self) -> bool:
        """It looks unfinished: it offers to stop."""
        return self.deleted is None and any(_stops(button) for button in self.now.buttons)


def flat(components: tuple[JSON, ...] | list[JSON]) -> Iterator[JSON]:
    """Every component, those within others too."""
    for component in components:
        yield component
        yield from flat(component.get("components", []))
        if "accessory" in component:
            yield from flat([component["accessory"]])


def _stops(button: JSON) -> bool:
    if button.get("disabled"):
        return False
    return "stop" in f"{button.get('label', '')} {button.get('custom_id', '')}".casefold()
