"""All settings together, how they are read, and what libraries may read of the environment."""

from __future__ import annotations

import os
from collections.abc import Collection, MutableMapping
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.settings.hosting import HostingSettings
from bot.settings.model import ModelSettings, ServiceSettings
from bot.settings.people import PeopleSettings
from bot.settings.platforms import DiscordSettings, SlackSettings

# What libraries read of the environment by themselves, and what of it they may see.
#
# Some of them would send questions and answers to whoever such a variable names, or to another
# address than the one in the settings. So only a setting decides: what is none is taken out of the
# process's environment before any of these libraries is imported.


TRACING_PREFIXES = ("LANGSMITH_", "LANGCHAIN_")
"""LangSmith's and LangChain's own tracing: `TRACE_LANGCHAIN` leaves them."""
SDK_PREFIXES = ("OPENAI_", "ANTHROPIC_", "GOOGLE_GENAI_", "OTEL_")
"""Addresses, accounts, headers and logs of the services' SDKs, and the exporters of traces."""


def take_out(
    environ: MutableMapping[str, str], settings: Collection[str], *, tracing: bool
) -> list[str]:
    """Removes the variables that are no `settings`, and returns their names."""
    prefixes = SDK_PREFIXES if tracing else TRACING_PREFIXES + SDK_PREFIXES
    foreign = [
        name
        for name in sorted(environ)
        if name.upper().startswith(prefixes) and name.lower() not in settings
    ]
    for name in foreign:
        del environ[name]
    return foreign


# How an answer is asked for, and how long it may take.


class AnswerSettings(BaseSettings):
    """What the model is given, and the time-outs."""

    system_prompt: str = Field(
        "You are a helpful assistant. Give short, clear answers.",
        description="what the model is told first",
    )
    max_answer_tokens: int | None = Field(
        None, ge=1, description="most tokens of one answer; unset: the service decides"
    )
    context_tokens: int | None = Field(
        None, ge=256, description="tokens that question, history and answer may have together"
    )
    reasoning: Literal["hidden", "summary", "shown"] = Field(
        "hidden",
        description="what readers see of a model's reasoning: nothing, how long it took "
        "(`summary`), or all of it in a quote before the answer (`shown`)",
    )
    history_messages: int = Field(
        40, ge=0, le=1000, description="most earlier messages that the model is given"
    )
    stall_seconds: float = Field(
        60, gt=0, description="an answer that has begun fails when nothing came for so long"
    )
    run_seconds: float = Field(600, gt=0, description="an answer fails when it takes longer")
    delivery_seconds: float = Field(
        600, gt=0, description="how long the last edit of an answer is tried"
    )
    shutdown_grace: float = Field(
        25, ge=0, description="seconds that running answers get when the bot is stopped"
    )
    files_per_question: int = Field(
        5, ge=0, le=50, description="most attached files that the model is given with a question"
    )
    max_file_bytes: int = Field(
        10_000_000, ge=1, description="a larger attached file is left out, and the asker told"
    )
    upload_bytes_per_person: int = Field(
        100_000_000, ge=0, description="most bytes of files on the page that are kept of a visitor"
    )
    upload_bytes_total: int = Field(
        1_000_000_000, ge=0, description="most bytes of files on the page that are kept altogether"
    )


# How much may be used, and what it costs.


class PriceSetting(BaseModel):
    """US dollars for a million tokens of one model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: Decimal = Field(ge=0)
    output: Decimal = Field(ge=0)
    cached_input: Decimal | None = Field(None, ge=0)


class LimitSettings(BaseSettings):
    """Limits for people, workspaces and single answers, and prices. None is set at first."""

    person_runs_at_once: int | None = Field(
        None, ge=1, description="most answers that are written for a person at once"
    )
    person_runs_per_day: int | None = Field(
        None, ge=0, description="most answers for a person in a day (UTC)"
    )
    person_tokens_per_day: int | None = Field(
        None, ge=0, description="most tokens, read and written, for a person in a day (UTC)"
    )
    person_usd_per_month: Decimal | None = Field(
        None, ge=0, description="most US dollars for a person in a month (UTC); needs known prices"
    )
    workspace_runs_at_once: int | None = Field(
        None, ge=1, description="most answers that are written in a workspace at once"
    )
    workspace_runs_per_day: int | None = Field(
        None, ge=0, description="most answers in a workspace in a day (UTC)"
    )
    workspace_tokens_per_day: int | None = Field(
        None, ge=0, description="most tokens, read and written, in a workspace in a day (UTC)"
    )
    workspace_usd_per_month: Decimal | None = Field(
        None, ge=0, description="most US dollars in a workspace in a month (UTC)"
    )
    run_tokens: int | None = Field(
        None, ge=256, description="most tokens of one question and its answer together, about"
    )
    run_usd: Decimal | None = Field(
        None, gt=0, description="most US dollars of one answer, about; needs a known price"
    )
    price_input_per_mtok: Decimal | None = Field(
        None,
        ge=0,
        description="US dollars for a million tokens read; unset: from the built-in price list",
    )
    price_output_per_mtok: Decimal | None = Field(
        None, ge=0, description="US dollars for a million tokens written; goes with the input's"
    )
    price_cached_input_per_mtok: Decimal | None = Field(
        None, ge=0, description="US dollars for a million tokens that the service had read before"
    )
    prices: dict[str, PriceSetting] | None = Field(
        None,
        description='by model, as JSON: `{"azure:prod": {"input": 2.5, "output": 10}}`',
    )

    @model_validator(mode="after")
    def _both_prices(self) -> LimitSettings:
        given, made = self.price_input_per_mtok, self.price_output_per_mtok
        if (given is None) != (made is None):
            raise ValueError("PRICE_INPUT_PER_MTOK and PRICE_OUTPUT_PER_MTOK need each other")
        if given is None and self.price_cached_input_per_mtok is not None:
            raise ValueError("PRICE_CACHED_INPUT_PER_MTOK needs PRICE_INPUT_PER_MTOK")
        return self

    @property
    def limits_money(self) -> bool:
        """Whether a limit holds only where prices are known."""
        limits = (self.person_usd_per_month, self.workspace_usd_per_month, self.run_usd)
        return any(limit is not None for limit in limits)


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
    elsewhere, see `bot.settings.settings`.
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
