"""How Discord is reached, and what the bot does there."""

from __future__ import annotations

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

from bot.settings.values import Key


class DiscordSettings(BaseSettings):
    """A Discord bot's token and manners."""

    discord_token: Key = Field(None, description="the Discord bot's token")
    discord_api_url: str = Field(
        "https://discord.com/api/v10", description="address of Discord's REST API"
    )
    discord_gateway_url: str | None = Field(
        None, description="address of Discord's gateway; unset: Discord's own"
    )
    discord_calls_per_5_seconds: int = Field(
        4, ge=1, le=50, description="posts and edits together in a channel, for all answers"
    )
    discord_threads: bool = Field(
        False, description="each mention in a channel is answered in a thread of its own"
    )
    discord_ping_after_seconds: float = Field(
        0, ge=0, description="pings the asker once an answer that took longer is done; 0: never"
    )
    discord_catch_up_seconds: float = Field(
        300, ge=0, description="questions missed while the bot was away so long are answered"
    )

    discord_check_channel: str | None = Field(
        None, description="id of a channel in which `doctor` checks the bot's permissions"
    )

    @field_validator("discord_api_url")
    @classmethod
    def _is_api_url(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("has to begin with http:// or https://")
        return value.rstrip("/")

    @field_validator("discord_gateway_url")
    @classmethod
    def _is_gateway_url(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("ws://", "wss://")):
            raise ValueError("has to begin with ws:// or wss://")
        return value
