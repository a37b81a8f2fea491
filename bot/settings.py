"""The only reader of the environment: every setting, checked at start, with secrets masked.

Values come from environment variables and from a file `.env` in the current folder. A value
that can't work is refused with a message that names the setting and the cure.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

PROVIDERS = ("local", "openai", "azure", "compatible")

Ids = Annotated[frozenset[str], NoDecode]
"""Ids, separated by commas."""


class SettingsError(Exception):
    """A setting is missing or wrong; the message names it and the cure."""


class Settings(BaseSettings):
    """What the operator has decided. Frozen: it doesn't change while the bot runs."""

    model_config = SettingsConfigDict(
        env_file=".env",
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        hide_input_in_errors=True,
    )

    model: str = Field(
        "local:smollm2-135m",
        description="`provider:model`: `local:…`, `openai:…`, `azure:<deployment>`, `compatible:…`",
    )
    openai_api_key: SecretStr | None = Field(
        None, description="key for `openai:`, and for `compatible:` where the server wants one"
    )
    openai_base_url: str | None = Field(
        None, description="base URL of the server, with `/v1`; `compatible:` needs it"
    )
    azure_openai_endpoint: str | None = Field(
        None, description="`https://<resource>.openai.azure.com`"
    )
    azure_openai_api_key: SecretStr | None = Field(None, description="key for `azure:`")
    openai_api_version: str = Field("2024-10-21", description="Azure's API version")
    local_model_path: Path = Field(
        Path("models/SmolLM2-135M-Instruct.Q4_1.gguf"),
        description="GGUF file for `local:`; `make setup` fetches the default one",
    )
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
    history_messages: int = Field(
        40, ge=0, le=1000, description="most earlier messages that the model is given"
    )
    stall_seconds: float = Field(
        60, gt=0, description="an answer fails when no token came for so long"
    )
    run_seconds: float = Field(600, gt=0, description="an answer fails when it takes longer")
    delivery_seconds: float = Field(
        600, gt=0, description="how long the last edit of an answer is tried"
    )
    shutdown_grace: float = Field(
        25, ge=0, description="seconds that running answers get when the bot is stopped"
    )
    conversation_policy: Literal["queue", "replace", "parallel"] = Field(
        "queue",
        description="a question while another is answered there: `queue`, `replace`, `parallel`",
    )
    max_question_chars: int = Field(20_000, ge=1, description="a longer question is refused")
    allow_people: Ids = Field(frozenset(), description="ids, comma-separated; empty: everybody")
    block_people: Ids = Field(frozenset(), description="ids that get no answer")
    allow_channels: Ids = Field(
        frozenset(), description="ids, comma-separated; empty: every channel"
    )
    block_channels: Ids = Field(frozenset(), description="ids that get no answer")
    allow_workspaces: Ids = Field(
        frozenset(),
        description="ids, comma-separated; empty: every workspace (the page's: `playground`)",
    )
    block_workspaces: Ids = Field(frozenset(), description="ids that get no answer")
    data_dir: Path = Field(Path("data"), description="folder of the SQLite database")
    database_url: SecretStr | None = Field(
        None, description="`postgresql://…` or `sqlite:///…`; unset: SQLite in `DATA_DIR`"
    )
    token_retention_days: int = Field(
        30, ge=0, description="texts and tokens older than this are deleted; 0: never"
    )
    host: str | None = Field(
        None, description="address to listen on; unset: 127.0.0.1, or 0.0.0.0 where `PORT` is given"
    )
    port: int | None = Field(None, ge=0, le=65535, description="port to listen on; unset: 8080")
    public_url: str | None = Field(None, description="the address at which people reach the page")
    web_password: SecretStr | None = Field(
        None, description="password of the page; a public address shows no page without one"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="of the bot's own log"
    )
    log_format: Literal["console", "json"] = Field(
        "console", description="for people, or for machines"
    )
    log_text: bool = Field(False, description="`true` puts questions and answers into the log")

    @field_validator(
        "allow_people", "block_people", "allow_channels", "block_channels",
        "allow_workspaces", "block_workspaces",
        mode="before",
    )  # fmt: skip
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return frozenset(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("model")
    @classmethod
    def _known_provider(cls, value: str) -> str:
        provider, _, name = value.partition(":")
        if "," in value:
            raise ValueError("takes one model for now; name one, like openai:gpt-4o-mini")
        if provider not in PROVIDERS or not name:
            known = ", ".join(f"{name}:…" for name in PROVIDERS)
            raise ValueError(f"is not one of {known}; for example openai:gpt-4o-mini")
        return value

    @field_validator("openai_base_url", "azure_openai_endpoint", "public_url")
    @classmethod
    def _is_url(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("has to begin with http:// or https://")
        return value

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: SecretStr | None) -> SecretStr | None:
        known = ("postgres://", "postgresql://", "sqlite:///")
        if value is None:
            return None
        if not value.get_secret_value().startswith(known):
            raise ValueError(f"has to begin with one of {', '.join(known)}")
        if value.get_secret_value() in ("sqlite:///", "sqlite:///:memory:"):
            raise ValueError("names no file; for example sqlite:///data/everytoken.db")
        try:
            make_url(value.get_secret_value())
        except (ArgumentError, ValueError):  # their messages may hold the password
            raise ValueError("is no address; for example postgresql://me@host:5432/bot") from None
        return value

    @model_validator(mode="after")
    def _has_credentials(self) -> Settings:
        for setting in _NEEDED.get(self.provider, ()):
            if getattr(self, setting) is None:
                raise ValueError(f"{setting.upper()} is missing: MODEL={self.model} needs it")
        return self

    @property
    def provider(self) -> str:
        """The part of MODEL before the colon."""
        return self.model.partition(":")[0]

    @property
    def model_name(self) -> str:
        """The part of MODEL after the colon."""
        return self.model.partition(":")[2]

    @property
    def database(self) -> str:
        """The database's URL, with its password: not for logs."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.data_dir / 'everytoken.db'}"

    @property
    def bind_host(self) -> str:
        """The address to listen on."""
        return self.host or ("0.0.0.0" if self.port is not None else "127.0.0.1")  # noqa: S104 - a host that gives PORT routes to it

    @property
    def bind_port(self) -> int:
        """The port to listen on."""
        return 8080 if self.port is None else self.port

    @property
    def public(self) -> bool:
        """Whether others than this machine's users can reach the page."""
        return self.bind_host not in {"127.0.0.1", "localhost", "::1"}


_NEEDED: dict[str, tuple[str, ...]] = {
    "openai": ("openai_api_key",),
    "azure": ("azure_openai_endpoint", "azure_openai_api_key"),
    "compatible": ("openai_base_url",),
}


def load_settings() -> Settings:
    """Reads the environment and `.env`; raises `SettingsError` with one line for each fault."""
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError("\n".join(_plain(fault) for fault in error.errors())) from None


def unknown_in_dotenv(path: Path = Path(".env")) -> list[str]:
    """The names in `.env` that are no setting: most often a slip of the pen."""
    known = set(Settings.model_fields)
    return sorted(name for name in dotenv_values(path) if name.lower() not in known)


def _plain(fault: Any) -> str:
    name = ".".join(str(part) for part in fault["loc"]).upper()
    text = str(fault["msg"]).removeprefix("Value error, ")
    return f"{name} {text}" if name else text
