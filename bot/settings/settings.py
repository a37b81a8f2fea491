"""All settings together, how they are read, and what libraries may read of the environment."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, MutableMapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from bot.settings.file import (
    ConfigFile,
    FileFault,
    Groups,
    file_path,
    read_file,
    reading,
    values_of_file,
)
from bot.settings.hosting import HostingSettings
from bot.settings.masking import MaskingSettings
from bot.settings.model import ModelSettings, ServiceSettings
from bot.settings.people import PeopleSettings
from bot.settings.platforms import DiscordSettings, SlackSettings
from providers.registry import PROVIDERS

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
    mcp_config: Path | None = Field(
        None, description="file of the MCP servers (`mcp.json`, see docs/tools.md); unset: none"
    )
    tools: bool = Field(True, description="whether models may call tools; `false` turns all off")
    tool_rounds: int = Field(
        8, ge=1, le=100, description="how often one answer may go back to tools"
    )
    approval_seconds: float = Field(
        3600, gt=0, le=604_800, description="how long a tool call waits for somebody to allow it"
    )
    tool_detail: Literal["quiet", "names", "arguments"] = Field(
        "names",
        description="what readers see of each call: nothing, a line with its name, "
        "or its arguments besides",
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
    edit_fastest_seconds: float = Field(
        0.3, ge=0.05, le=60, description="fewest seconds between two edits of an answer that grows"
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
    files_per_answer: int = Field(
        10, ge=0, le=50, description="most files that one answer may have"
    )
    answer_file_bytes: int = Field(
        20_000_000, ge=1, description="a larger file of an answer is not sent, and the reader told"
    )
    block_file_messages: int = Field(
        3,
        ge=0,
        le=100,
        description="a block of code or a table that takes more messages than this comes as a file "
        "besides; 0: none does",
    )
    image_model: str = Field(
        "",
        description="what makes images, as a tool that models are offered: a model of a service "
        "with `/images/generations`, as `openai:gpt-image-1`; unset: nothing",
    )
    voice: str = Field(
        "",
        description="what hears recordings: `local` (a small model for English on this machine, "
        "with the extra `voice`), or a model of a service with `/audio/transcriptions`, as "
        "`openai:gpt-4o-mini-transcribe`; unset: nothing",
    )
    voice_seconds: int = Field(
        120, ge=1, le=1200, description="longer recordings are not heard, and the asker told"
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
    usd_per_day: Decimal | None = Field(
        None,
        ge=0,
        description="most US dollars of all answers together in a day (UTC), admins' too; needs "
        "known prices",
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
        limits = (
            self.person_usd_per_month,
            self.workspace_usd_per_month,
            self.usd_per_day,
            self.run_usd,
        )
        return any(limit is not None for limit in limits)


_FAULTS = {
    "bool_parsing": "is neither true nor false",
    "bool_type": "is neither true nor false",
    "int_parsing": "is no whole number",
    "int_parsing_size": "is no number that a computer counts to",
    "int_type": "is no whole number",
    "int_from_float": "is no whole number",
    "float_parsing": "is no number",
    "float_type": "is no number",
    "finite_number": "is no number",
    "decimal_parsing": "is no number",
    "decimal_type": "is no number",
    "greater_than_equal": "is too small: the least is {ge}",
    "greater_than": "is too small: it has to be more than {gt}",
    "less_than_equal": "is too large: the most is {le}",
    "less_than": "is too large: it has to be less than {lt}",
    "literal_error": "has to be one of {expected}",
    "string_too_short": "is too short: the least is {min_length} characters",
    "string_too_long": "is too long: the most is {max_length} characters",
    "string_type": "is no text",
    "dict_type": "is no JSON object, as {{...}}",
    "list_type": "is no list",
    "missing": "is missing",
}
"""What is said of a value that is no such thing; pydantic's own sentences are for programmers."""
_ANY_FAULT = "has a value that can't be used"


class SettingsError(Exception):
    """A setting is missing or wrong; the message names it and the cure."""


class Settings(  # pydantic lists the fields of the last base first
    HostingSettings,
    LimitSettings,
    PeopleSettings,
    MaskingSettings,
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

    _file: ConfigFile | None = PrivateAttr(None)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic passes it
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over `.env`, and that over `everytoken.toml`."""
        of_file = InitSettingsSource(settings_cls, init_kwargs=values_of_file())
        return init_settings, env_settings, dotenv_settings, of_file

    @property
    def file(self) -> ConfigFile | None:
        """The file that they were read from besides the environment."""
        return self._file

    @property
    def bare(self) -> bool:
        """Whether no model and no server of tools is set: the embedded model answers all."""
        usual = type(self).model_fields["model"].default
        return self.model == usual and not self.models and self.mcp_config is None

    @property
    def platforms(self) -> frozenset[str]:
        """The platforms that are connected; the page always is."""
        others = {"slack": self.slack, "discord": self.discord_token is not None}
        return frozenset({"web", *(name for name, there in others.items() if there)})

    @property
    def many_workspaces(self) -> bool:
        """Whether the bot is in as many workspaces as install it."""
        return self.slack_by_oauth

    def _missing_for_others(self) -> list[str]:
        """What the services need that hear recordings and make images."""
        return [
            *self._missing_for("VOICE", self.voice, "local, or "),
            *self._missing_for("IMAGE_MODEL", self.image_model),
        ]

    def _missing_for(self, setting: str, value: str, other: str = "") -> list[str]:
        """What a model's service needs beside that of MODEL; `other`: what may be set instead."""
        name, _, model = value.partition(":")
        entry = PROVIDERS.get(name)
        if not value or (other and value == "local"):
            return []
        if entry is None or not model or entry.dialect not in ("openai", "compatible"):
            return [f"{setting} has to be {other}provider:model of a service like OpenAI's"]
        missing = [each for each in entry.needs if getattr(self, each) is None]
        return [f"{each.upper()} is missing: {setting}={value} needs it" for each in missing]

    @model_validator(mode="after")
    def _is_complete(self) -> Settings:
        missing = self.missing_model_settings() + self.missing_slack_settings()
        missing += self.missing_sign_in_settings() + self.missing_database_settings()
        if self.slack_by_oauth and self.public_url is None:
            missing.append("PUBLIC_URL is missing: SLACK_CLIENT_ID needs it")
        if self.slack_by_oauth and not self.encryption_keys:
            missing.append(
                "ENCRYPTION_KEYS is missing: it protects the workspaces' tokens. Make one: "
                "openssl rand -base64 32 | tr '+/' '-_'"
            )
        missing += self.unclear_people() + self._missing_for_others()
        if missing:
            raise ValueError("\n".join(missing))
        return self


GROUPS: Groups = {
    "model": ModelSettings,
    "services": ServiceSettings,
    "slack": SlackSettings,
    "discord": DiscordSettings,
    "answers": AnswerSettings,
    "masking": MaskingSettings,
    "people": PeopleSettings,
    "limits": LimitSettings,
    "hosting": HostingSettings,
}


def load_settings(path: Path | None = None, given: Mapping[str, Any] | None = None) -> Settings:
    """Reads the environment, `.env` and the file; raises `SettingsError`, a line for each fault.

    `path` is the file; None: the one that CONFIG_FILE names, or `everytoken.toml` if it is there.
    What is `given`, by the settings' names in lower case, comes before all of them.

    Afterwards libraries find nothing in the environment that could make them send something
    elsewhere, see `bot.settings.settings`.
    """
    settings, file = _read(Settings, path, given)
    settings._file = file
    take_out(os.environ, set(Settings.model_fields), tracing=settings.trace_langchain)
    return settings


def load_database() -> str:
    """The URL of the database by the same settings; the others may be missing still, as in the
    release phase of a host. Raises `SettingsError`.
    """
    return _read(_HostingAlone)[0].database


_Read = TypeVar("_Read", bound=BaseSettings)


def _read(
    kind: type[_Read], path: Path | None = None, given: Mapping[str, Any] | None = None
) -> tuple[_Read, ConfigFile | None]:
    try:
        where = path or file_path()
        file = None if where is None else read_file(where, GROUPS)
        with reading(file):
            return kind(**(given or {})), file
    except FileFault as error:
        raise SettingsError(str(error)) from None
    except ValidationError as error:
        raise SettingsError("\n".join(_plain(fault) for fault in error.errors())) from None


class _HostingAlone(HostingSettings):
    """Where the data is, whatever else is missing."""

    model_config = Settings.model_config

    @classmethod
    def settings_customise_sources(cls, *args: Any, **known: Any) -> Any:
        """As of all settings."""
        return Settings.settings_customise_sources(*args, **known)


def _plain(fault: Any) -> str:
    name = ".".join(str(part) for part in fault["loc"]).upper()
    if fault["type"] == "value_error":
        text = str(fault["msg"]).removeprefix("Value error, ")
    else:
        text = _FAULTS.get(fault["type"], _ANY_FAULT).format_map(fault.get("ctx", {}))
    return f"{name} {text}" if name else text
