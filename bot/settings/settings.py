"""All settings together, and how they are read."""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic import ValidationError, model_validator
from pydantic_settings import SettingsConfigDict

from bot.settings.answers import AnswerSettings
from bot.settings.discord import DiscordSettings
from bot.settings.environment import take_out
from bot.settings.hosting import HostingSettings
from bot.settings.limits import LimitSettings
from bot.settings.model import ModelSettings
from bot.settings.people import PeopleSettings
from bot.settings.services import ServiceSettings
from bot.settings.slack import SlackSettings

_ALIKE = 0.75
"""From this likeness on (difflib's ratio), an unknown name is taken for a slip of the pen."""


class SettingsError(Exception):
    """A setting is missing or wrong; the message names it and the cure."""


class Settings(  # pydantic lists the fields of the last base first
    HostingSettings,
    LimitSettings,
    PeopleSettings,
    AnswerSettings,
    DiscordSettings,
    SlackSettings,
    ServiceSettings,
    ModelSettings,
):
    """What the operator has decided. Frozen: it doesn't change while the bot runs."""

    model_config = SettingsConfigDict(
        env_file=".env",
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        hide_input_in_errors=True,
    )

    @property
    def platforms(self) -> frozenset[str]:
        """The platforms that are connected; the page always is."""
        others = {"slack": self.slack, "discord": self.discord_token is not None}
        return frozenset({"web", *(name for name, there in others.items() if there)})

    @property
    def many_workspaces(self) -> bool:
        """Whether the bot is in as many workspaces as install it."""
        return self.slack_by_oauth

    @model_validator(mode="after")
    def _is_complete(self) -> Settings:
        missing = self.missing_model_settings() + self.missing_slack_settings()
        missing += self.missing_sign_in_settings()
        if self.slack_by_oauth and self.public_url is None:
            missing.append("PUBLIC_URL is missing: SLACK_CLIENT_ID needs it")
        if self.slack_by_oauth and not self.encryption_keys:
            missing.append(
                "ENCRYPTION_KEYS is missing: it protects the workspaces' tokens. Make one: "
                "openssl rand -base64 32 | tr '+/' '-_'"
            )
        missing += self.unclear_people()
        if missing:
            raise ValueError("\n".join(missing))
        return self


def load_settings() -> Settings:
    """Reads the environment and `.env`; raises `SettingsError` with one line for each fault.

    Afterwards libraries find nothing in the environment that could make them send something
    elsewhere, see `bot.settings.environment`.
    """
    try:
        settings = Settings()
    except ValidationError as error:
        raise SettingsError("\n".join(_plain(fault) for fault in error.errors())) from None
    take_out(os.environ, set(Settings.model_fields), tracing=settings.trace_langchain)
    return settings


def unknown_in_dotenv(path: Path = Path(".env")) -> list[str]:
    """The names in `.env` that are no setting: most often a slip of the pen."""
    known = set(Settings.model_fields)
    return sorted(name for name in dotenv_values(path) if name.lower() not in known)


def meant(name: str) -> str | None:
    """The setting that an unknown name is most like; None where it is like none."""
    known = [field.upper() for field in Settings.model_fields]
    return next(iter(get_close_matches(name.upper(), known, 1, _ALIKE)), None)


def _plain(fault: Any) -> str:
    name = ".".join(str(part) for part in fault["loc"]).upper()
    text = str(fault["msg"]).removeprefix("Value error, ")
    return f"{name} {text}" if name else text
