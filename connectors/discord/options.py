"""What an operator can choose about the Discord connector."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from connectors.words import Language


@dataclass(frozen=True, slots=True)
class Shards:
    """Some of the `count` shards into which Discord divides a bot's servers."""

    ids: tuple[int, ...]
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscordOptions:
    """A bot's token, addresses, rate and manners.

    `calls` posts and edits together are made in `seconds` in one channel, or fewer where Discord
    says so. `threads`: each mention in a channel opens a thread, or with `auto`
    one that comes while another is answered there. `ping_after_seconds`: when an
    answer that took longer is done, a short new message pings the asker (0: never).
    `catch_up_seconds`: questions that were missed while away so long are found on return.
    `sync_commands`: slash commands are registered at the start where they changed.
    `shards` are those that this process reads, and of how many; None: all, as many as Discord says.
    `language` is that of readers whose own isn't known.
    `check_channel`: `probe` looks at what the bot may do in this channel too, given by its id.
    """

    token: str = field(repr=False)
    api_url: str = "https://discord.com/api/v10"
    gateway_url: str | None = None
    calls: int = 5
    seconds: float = 5.0
    threads: bool | Literal["auto"] = False
    ping_after_seconds: float = 0
    catch_up_seconds: float = 300
    sync_commands: bool = True
    check_channel: str | None = None
    shards: Shards | None = None
    language: Language = Language.ENGLISH
