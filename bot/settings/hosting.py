"""Where the bot runs: its database, its address and its log."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from bot.settings.values import Key, Lower, is_url

_SECRET_CHARACTERS = 32


class HostingSettings(BaseSettings):
    """Database, address, page and log."""

    data_dir: Path = Field(Path("data"), description="folder of the SQLite database")
    database_url: SecretStr | None = Field(
        None, description="`postgresql://…` or `sqlite:///…`; unset: SQLite in `DATA_DIR`"
    )
    database_direct_url: SecretStr | None = Field(
        None,
        description="PostgreSQL's own address, where `DATABASE_URL` is a pooler's such as "
        "PgBouncer: processes wake each other by it; unset: `DATABASE_URL`",
    )
    redis_url: SecretStr | None = Field(
        None,
        description="`redis://…` or `rediss://…`: several processes share each platform's budget "
        "by it; unset: by the database",
    )
    token_retention_days: int = Field(
        30, ge=0, description="texts and tokens older than this are deleted; 0: never"
    )
    host: str | None = Field(
        None, description="address to listen on; unset: 127.0.0.1, or 0.0.0.0 where `PORT` is given"
    )
    port: int | None = Field(None, ge=0, le=65535, description="port to listen on; unset: 8080")
    public_url: str | None = Field(None, description="the address at which people reach the page")
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="addresses or networks of the proxies in front, comma-separated: only their "
        "`X-Forwarded-For` says who a visitor is",
    )
    http_connections: int = Field(
        2000,
        ge=8,
        description="most HTTP connections at once; fewer where the system allows fewer open files",
    )
    http_connections_per_address: int = Field(
        200, ge=1, description="most of them from one address"
    )
    web_password: SecretStr | None = Field(
        None, description="password of the page; a public address shows no page without one"
    )
    inspector_password: SecretStr | None = Field(
        None, description="password of the inspector (`/runs`); unset: the page's"
    )
    oidc_issuer: str | None = Field(
        None, description="provider by which people sign in to the page and the inspector (OIDC)"
    )
    oidc_client_id: str | None = Field(None, description="this bot's client id there")
    oidc_client_secret: Key = Field(None, description="the client's secret; unset: it has none")
    sign_in_header: str | None = Field(
        None,
        description="header by which a proxy of `TRUSTED_PROXIES` says who somebody is, such as "
        "`X-Auth-Request-Email`",
    )
    sign_in_people: Lower = Field(
        frozenset(),
        description="who may use the page by signing in: addresses, ids or `@domain`, "
        "comma-separated; empty: all who can sign in",
    )
    inspector_all_runs: Lower = Field(
        frozenset(), description="who may see everybody's runs by signing in; `*`: all"
    )
    inspector_own_runs: Lower = Field(
        frozenset(),
        description="who may see the runs that they asked for on the page; `*`: all who sign in",
    )
    encryption_keys: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        repr=False,
        description="Fernet keys for tokens in the database, comma-separated; the first encrypts; "
        "unset: keys derived from `SECRET_KEY`'s, or from the database's",
    )
    secret_key: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        repr=False,
        description="signs what browsers keep; several, comma-separated, for a change of keys: the "
        "first signs, all verify; unset: a key in the database",
    )
    metrics_token: Key = Field(
        None,
        description="opens `/metrics` and the details of `/readyz` to who sends it as a Bearer "
        "token; without it they are open to this machine alone",
    )
    otel_exporter_otlp_endpoint: str | None = Field(
        None, description="where traces are sent (OTLP over HTTP); unset: none are made"
    )
    otel_exporter_otlp_headers: SecretStr | None = Field(
        None, description="headers that the receiver of traces wants: `name=value,name=value`"
    )
    trace_langchain: bool = Field(
        False,
        description="`true` lets LangChain trace models that are read through it, as its own "
        "variables (`LANGSMITH_…`) say: questions and answers are sent there",
    )
    start_check: Literal["off", "chain", "model"] = Field(
        "chain",
        description="what is checked at start, or the bot takes no messages: `chain`, whether "
        "tokens reach the log and each platform's kind of message, and the chosen reader reads its "
        "service's stream (played on this machine); `model`, one call to the model "
        "as well; or `off`",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="of the bot's own log"
    )
    log_format: Literal["console", "json"] = Field(
        "console", description="for people, or for machines"
    )
    log_tokens: bool = Field(
        False,
        description="`true` writes one line of the log for each token: its number, time, kind and "
        "length; its text only with `LOG_TEXT`",
    )
    log_text: bool = Field(
        False,
        description="`true` puts texts into the log, and questions into the list of runs",
    )

    @field_validator("encryption_keys", "secret_key", "trusted_proxies", mode="before")
    @classmethod
    def _split_keys(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            url = urlsplit(value.get_secret_value())
            if url.scheme not in ("redis", "rediss", "unix") or not (url.netloc or url.path):
                raise ValueError("has to be redis://…, rediss://… or unix://…")
        return value

    @field_validator("encryption_keys")
    @classmethod
    def _are_keys(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for key in value:
            if len(key) != 44 or len(urlsafe_b64decode(key)) != 32:
                raise ValueError(
                    "holds something that is no key. Make one: "
                    "openssl rand -base64 32 | tr '+/' '-_'"
                )
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            try:
                ip_network(one, strict=False)
            except ValueError:
                raise ValueError(f"has {one}: write an address or a network, 10.0.0.0/8") from None
        return value

    @field_validator("secret_key")
    @classmethod
    def _are_long(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(len(key) < _SECRET_CHARACTERS for key in value):
            raise ValueError(
                f"has to have {_SECRET_CHARACTERS} characters. Make one: openssl rand -base64 32"
            )
        return value

    @field_validator("public_url", "otel_exporter_otlp_endpoint", "oidc_issuer")
    @classmethod
    def _is_public_url(cls, value: str | None) -> str | None:
        return is_url(value)

    @field_validator("database_direct_url")
    @classmethod
    def _is_postgresql(cls, value: SecretStr | None) -> SecretStr | None:
        known = ("postgres://", "postgresql://")
        if value is not None and not value.get_secret_value().startswith(known):
            raise ValueError("has to begin with postgresql://")
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

    def missing_database_settings(self) -> list[str]:
        """What needs PostgreSQL, each as a line that names the setting."""
        if self.on_postgresql:
            return []
        needs = {"REDIS_URL": self.redis_url, "DATABASE_DIRECT_URL": self.database_direct_url}
        return [
            f"DATABASE_URL has to be postgresql://…: {name} is for several processes"
            for name, value in needs.items()
            if value is not None
        ]

    @property
    def on_postgresql(self) -> bool:
        """Whether the database is PostgreSQL, which several processes share."""
        return not self.database.startswith("sqlite")

    def missing_sign_in_settings(self) -> list[str]:
        """What signing in can't do without, each as a line that names the setting."""
        missing = []
        if self.oidc_issuer is not None and self.oidc_client_id is None:
            missing.append("OIDC_CLIENT_ID is missing: OIDC_ISSUER needs it")
        if self.oidc_issuer is not None and self.public_url is None:
            missing.append("PUBLIC_URL is missing: OIDC_ISSUER needs it")
        if self.sign_in_header is not None and not self.trusted_proxies:
            missing.append("TRUSTED_PROXIES is missing: SIGN_IN_HEADER is taken from them alone")
        return missing

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
    def address(self) -> str:
        """Where people reach the page; on this machine, where nothing else is known."""
        host = "127.0.0.1" if self.public else self.bind_host
        return self.public_url or f"http://{host}:{self.bind_port}"

    @property
    def public(self) -> bool:
        """Whether others than this machine's users can reach the page."""
        return self.bind_host not in {"127.0.0.1", "localhost", "::1"}
