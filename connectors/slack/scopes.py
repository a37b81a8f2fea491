"""What the bot asks of a workspace: each scope with its use, and the events that come with it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """A right of the bot's token: what it is for, and the events that Slack sends only with it."""

    name: str
    use: str
    events: tuple[str, ...] = ()


SCOPES = (
    Scope("app_mentions:read", "to hear when somebody mentions the bot", ("app_mention",)),
    Scope("assistant:write", "to be found among Slack's agents and to suggest questions"),
    Scope("channels:history", "to read threads in public channels", ("message.channels",)),
    Scope("chat:write", "to post answers, to edit them and to stream them"),
    Scope("commands", "for /everytoken and for the shortcut on messages"),
    Scope("files:read", "to read the files that people attach"),
    Scope("groups:history", "to read threads in private channels", ("message.groups",)),
    Scope("im:history", "to read direct messages with the bot", ("message.im",)),
    Scope("mpim:history", "to read threads in group messages", ("message.mpim",)),
    Scope("users:read", "to call people by their names"),
)

EVENTS = (
    *(event for scope in SCOPES for event in scope.events),
    "agent_session_stopped",
    "app_home_opened",
    "app_uninstalled",
    "tokens_revoked",
)
"""What the app subscribes to; the last four need no scope of their own."""
