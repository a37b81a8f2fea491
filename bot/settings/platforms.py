"""How Slack and Discord are reached, and what the bot does there."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode

from bot.settings.values import Key, is_url

# How Slack is reached, and what the bot may do there.


class SlackSettings(BaseSettings):
    """A Slack app's credentials and rates."""

    slack_bot_token: Key = Field(
        None, description="the Slack app's bot token (`xoxb-…`), for one workspace"
    )
    slack_app_token: Key = Field(
        None, description="app-level token (`xapp-…`): Slack by Socket Mode, without a public URL"
    )
    slack_signing_secret: Key = Field(
        None, description="Slack by HTTP: events come to `PUBLIC_URL/slack/events`"
    )
    slack_client_id: str | None = Field(
        None, description="many workspaces by OAuth: `PUBLIC_URL/slack/install`"
    )
    slack_client_secret: Key = Field(None, description="goes with the client id")
    slack_api_url: str = Field("https://slack.com/api/", description="address of Slack's Web API")
    slack_streaming: Literal["auto", "edit", "native"] = Field(
        "auto",
        description="how answers grow: by `edit`s, by Slack's `native` streams, or streams in "
        "direct messages and edits in channels",
    )
    slack_edits_per_minute: int = Field(
        50, ge=1, description="edits (`chat.update`) a minute in a workspace, for all answers"
    )
    slack_posts_per_minute: int = Field(60, ge=1, description="new messages a minute in a channel")
    slack_appends_per_minute: int = Field(
        100, ge=1, description="`chat.appendStream` calls a minute in a workspace"
    )
    slack_starts_per_minute: int = Field(
        20, ge=1, description="`chat.startStream` calls a minute in a workspace"
    )
    slack_message_bytes: int = Field(
        10_000,
        ge=1_000,
        description="most bytes (UTF-8) of one message's text; Slack ends a stream above some "
        "10,600",
    )
    slack_table_rows: int = Field(
        100, ge=4, description="most rows that Slack takes in one message's tables"
    )
    slack_table_columns: int = Field(
        20, ge=1, description="most columns of a table that is sent to Slack as one"
    )
    slack_table_characters: int = Field(
        10_000, ge=100, description="most characters in the cells of one message's tables on Slack"
    )
    slack_greeting: str | None = Field(
        None,
        description="said in a new thread of Slack's assistant; unset: a greeting of the bot's own",
    )
    slack_prompts: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="questions that Slack's assistant offers, separated by `|` (at most four)"
    )

    @field_validator("slack_api_url")
    @classmethod
    def _is_slack_url(cls, value: str) -> str:
        return f"{is_url(value)}".rstrip("/") + "/"

    @field_validator("slack_prompts", mode="before")
    @classmethod
    def _split_prompts(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split("|") if part.strip())
        return value

    @field_validator("slack_prompts")
    @classmethod
    def _few_prompts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(value) > 4:
            raise ValueError("has more than four questions; Slack shows four")
        return value

    @field_validator("slack_bot_token")
    @classmethod
    def _no_app_token(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and value.get_secret_value().startswith("xapp-"):
            raise ValueError("is an app-level token; that one belongs into SLACK_APP_TOKEN")
        return value

    @field_validator("slack_app_token")
    @classmethod
    def _no_bot_token(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and value.get_secret_value().startswith("xoxb-"):
            raise ValueError("is a bot token; that one belongs into SLACK_BOT_TOKEN")
        return value

    @property
    def slack_by_oauth(self) -> bool:
        """Whether many workspaces can install the app."""
        return self.slack_client_id is not None

    @property
    def slack(self) -> bool:
        """Whether there is a Slack app to be."""
        return self.slack_bot_token is not None or self.slack_by_oauth

    def missing_slack_settings(self) -> list[str]:
        """What the Slack app can't do without, each as a line that names the setting."""
        way_in = self.slack_app_token or self.slack_signing_secret
        if self.slack_by_oauth:
            return self._missing_for_oauth()
        if self.slack_bot_token is not None and way_in is None:
            return [
                "SLACK_BOT_TOKEN alone hears nothing: add SLACK_APP_TOKEN (Socket Mode) "
                "or SLACK_SIGNING_SECRET (HTTP)"
            ]
        if self.slack_bot_token is None and way_in is not None:
            return ["SLACK_BOT_TOKEN is missing: Slack's other tokens need it"]
        return []

    def _missing_for_oauth(self) -> list[str]:
        needed = {
            "SLACK_CLIENT_SECRET": self.slack_client_secret,
            "SLACK_SIGNING_SECRET": self.slack_signing_secret,
        }
        missing = [
            f"{name} is missing: SLACK_CLIENT_ID needs it"
            for name, value in needed.items()
            if value is None
        ]
        if self.slack_bot_token is not None or self.slack_app_token is not None:
            missing.append(
                "SLACK_CLIENT_ID (many workspaces, by HTTP) and SLACK_BOT_TOKEN or "
                "SLACK_APP_TOKEN (one workspace) exclude each other: remove one side"
            )
        return missing


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
        5,
        ge=1,
        le=50,
        description="posts and edits together in a channel, for all answers; fewer where Discord "
        "says so, which allows five",
    )
    discord_threads: Literal["auto"] | bool = Field(
        "auto",
        description="whether a mention in a channel is answered in a thread of its own: each "
        "(`true`), none (`false`), or one that comes while another is answered there",
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

    discord_shards: str | None = Field(
        None,
        description="the shards that this process reads, and of how many: `0,1/4`; every one has "
        "to be read by some process; unset: all, as many as Discord says",
    )

    @field_validator("discord_shards")
    @classmethod
    def _are_shards(cls, value: str | None) -> str | None:
        if value is not None:
            ids, slash, count = value.partition("/")
            numbers = [part.strip() for part in ids.split(",")]
            told = all(part.isdecimal() for part in (*numbers, count.strip())) and slash
            if not told or max(map(int, numbers)) >= int(count) or len(set(numbers)) < len(numbers):
                raise ValueError("has to name shards and their number: 0,1/4")
        return value

    @property
    def shards(self) -> tuple[tuple[int, ...], int] | None:
        """The shards of `DISCORD_SHARDS`, and of how many."""
        if self.discord_shards is None:
            return None
        ids, _, count = self.discord_shards.partition("/")
        return tuple(int(part) for part in ids.split(",")), int(count)

    @field_validator("discord_api_url")
    @classmethod
    def _is_api_url(cls, value: str) -> str:
        return f"{is_url(value)}".rstrip("/")

    @field_validator("discord_gateway_url")
    @classmethod
    def _is_gateway_url(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("ws://", "wss://")):
            raise ValueError("has to begin with ws:// or wss://")
        return value
