"""What an operator can choose about the Discord connector."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscordOptions:
    """A bot's token, addresses, rate and manners.

    `calls` posts and edits together are made in `seconds` in one channel, or fewer where Discord
    says so. `threads`: each mention in a channel opens a thread. `ping_after_seconds`: when an
    answer that took longer is done, a short new message pings the asker (0: never).
    `catch_up_seconds`: questions that were missed while away so long are found on return.
    `sync_commands`: slash commands are registered at the start where they changed.
    `check_channel`: `probe` looks at what the bot may do in this channel too, given by its id.
    """

    token: str = field(repr=False)
    api_url: str = "https://discord.com/api/v10"
    gateway_url: str | None = None
    calls: int = 4
    seconds: float = 5.0
    threads: bool = False
    ping_after_seconds: float = 0
    catch_up_seconds: float = 300
    sync_commands: bool = True
    check_channel: str | None = None
