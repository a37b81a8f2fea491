"""What an operator can choose about the Slack connector, and what it asks of a workspace."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from connectors.words import Language

Streaming = Literal["edit", "native", "auto"]
"""How an answer grows: by edits, by Slack's streams, or by streams in the assistant's threads."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A question that Slack offers in a new assistant thread: its button and what it asks."""

    title: str
    message: str


@dataclass(frozen=True, slots=True)
class OAuth:
    """What it takes to be installed by many workspaces.

    `public_url` is the bot's own address, without a path. The first of `encryption_keys` (Fernet)
    encrypts the tokens that are stored; the others still decrypt older ones.
    """

    client_id: str
    client_secret: str = field(repr=False)
    public_url: str
    encryption_keys: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackOptions:
    """Credentials, rates and texts. `app_token` means Socket Mode, `signing_secret` HTTP.

    Rates are calls a minute: `posts_per_minute` for a channel, the others for a workspace. They
    are Slack's published ones, and its tiers may be higher. `message_bytes` is the most of a
    message's text in UTF-8, and the `table_` ones are the most that its tables may have together:
    others measured them, Slack publishes none.
    """

    bot_token: str | None = field(default=None, repr=False)
    app_token: str | None = field(default=None, repr=False)
    signing_secret: str | None = field(default=None, repr=False)
    api_url: str = "https://slack.com/api/"
    streaming: Streaming = "auto"
    edits_per_minute: int = 50
    posts_per_minute: int = 60
    appends_per_minute: int = 100
    starts_per_minute: int = 20
    message_bytes: int = 10_000
    table_rows: int = 100
    table_columns: int = 20
    table_characters: int = 10_000
    prompts: tuple[Prompt, ...] = ()
    greeting: str | None = None
    """What begins a talk with the assistant; None: our own words, empty: nothing."""
    language: Language = Language.ENGLISH
    """Of readers whose own isn't known."""
    oauth: OAuth | None = None


# What the bot asks of a workspace: each scope with its use, and the events that come with it.


@dataclass(frozen=True, slots=True)
class TokenScope:
    """A right of the bot's token: what it is for, and the events that Slack sends only with it."""

    name: str
    use: str
    events: tuple[str, ...] = ()


SCOPES = (
    TokenScope("app_mentions:read", "to hear when somebody mentions the bot", ("app_mention",)),
    TokenScope("assistant:write", "to be found among Slack's agents and to suggest questions"),
    TokenScope("channels:history", "to read threads in public channels", ("message.channels",)),
    TokenScope("channels:read", "to name a public channel in what its answers are made with"),
    TokenScope("chat:write", "to post answers, to edit them and to stream them"),
    TokenScope("commands", "for /everytoken and for the shortcut on messages"),
    TokenScope("files:read", "to read the files that people attach"),
    TokenScope("files:write", "to show the files that tools and models make"),
    TokenScope("groups:history", "to read threads in private channels", ("message.groups",)),
    TokenScope("im:history", "to read direct messages with the bot", ("message.im",)),
    TokenScope("mpim:history", "to read threads in group messages", ("message.mpim",)),
    TokenScope("users:read", "to call people by their names"),
)

EVENTS = (
    *(event for scope in SCOPES for event in scope.events),
    "agent_session_stopped",
    "app_home_opened",
    "app_uninstalled",
    "tokens_revoked",
)
"""What the app subscribes to; the last four need no scope of their own."""
