"""The workspaces of the double: their tokens, people and channels, all made up."""

from __future__ import annotations

from dataclasses import dataclass, field

SCOPES = (
    "app_mentions:read",
    "assistant:write",
    "channels:history",
    "channels:read",
    "channels:read",
    "chat:write",
    "commands",
    "files:read",
    "files:write",
    "groups:history",
    "groups:read",
    "im:history",
    "im:read",
    "im:write",
    "mpim:history",
    "mpim:read",
    "users:read",
)
"""What a bot token may do unless a test says otherwise."""

APP = "A0EVERYTOK"
APP_TOKEN = "xapp-test"
CLIENT_ID = "1000.2000"
CLIENT_SECRET = "client-secret-test"
SIGNING_SECRET = "signing-secret-test"

GENERAL = "C0GENERAL1"
SHARED = "C0SHARED01"
ALICE = "U0ALICE001"
BOB = "U0BOB00001"
CAROL = "U0CAROL001"
"""Somebody of another organisation, in channels that it shares."""
PARTNER = "T0PARTNER1"


@dataclass(frozen=True, slots=True)
class User:
    """A person; `team` is the workspace that they belong to."""

    id: str
    name: str
    team: str
    bot: bool = False
    locale: str = "en-US"
    """The language that they have chosen in Slack."""
    admin: bool = False
    """Whether they administrate their workspace."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel, or the direct messages of `user` with the bot."""

    id: str
    name: str
    user: str = ""
    private: bool = False
    shared: bool = False
    """With another organisation."""

    @property
    def type(self) -> str:
        """`channel_type` of an event."""
        return "im" if self.user else ("group" if self.private else "channel")


@dataclass(slots=True)
class Workspace:
    """One workspace in which the app is installed."""

    id: str
    name: str
    bot_token: str
    bot_user: str
    bot_id: str
    scopes: tuple[str, ...] = SCOPES
    void: str = ""
    """The error that its token is answered with since the app was removed or revoked."""
    users: dict[str, User] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)

    def add_user(self, user_id: str, name: str, team: str = "") -> User:
        """Somebody who can speak here; of another `team` where they are only guests."""
        self.users[user_id] = user = User(user_id, name, team or self.id)
        return user

    def add_channel(
        self, channel_id: str, name: str, *, private: bool = False, shared: bool = False
    ) -> Channel:
        """A channel in which the bot is."""
        self.channels[channel_id] = channel = Channel(
            channel_id, name, private=private, shared=shared
        )
        return channel

    def dm(self, user: str) -> Channel:
        """The direct messages of a person with the bot."""
        found = next((each for each in self.channels.values() if each.user == user), None)
        if found is None:
            found = Channel("D" + user[1:], f"dm-{user}", user)
            self.channels[found.id] = found
        return found


def workspace(number: int = 1) -> Workspace:
    """The n-th workspace, with Alice, Bob, a guest and a channel. The first has the plain names."""
    tail = "" if number == 1 else f"-{number}"
    made = Workspace(
        id=f"T0EVERY{number:03d}",
        name=f"Workspace {number}",
        bot_token=f"xoxb-test{tail}",
        bot_user=f"U0BOT{number:05d}",
        bot_id=f"B0BOT{number:05d}",
    )
    mark = "" if number == 1 else str(number)
    made.users[made.bot_user] = User(made.bot_user, "everytoken", made.id, bot=True)
    made.add_user(ALICE + mark, "Alice")
    made.add_user(BOB + mark, "Bob")
    made.add_user(CAROL + mark, "Carol", PARTNER)
    made.add_channel(GENERAL + mark, "general")
    made.add_channel(SHARED + mark, "shared", shared=True)
    return made
