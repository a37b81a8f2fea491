"""`doctor` in many misconfigurations: each is named, and comes with its own cure."""

from __future__ import annotations

import asyncio
import errno
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy.exc

from bot.cli.doctor import examine
from bot.settings import Settings
from bot.store import StoreUnavailable
from bot.store.database import translated
from tests.doubles.commands import asks, dead_port, whole
from tests.doubles.openai import OpenAIServer
from tests.doubles.providers.tls import untrusted_server
from tests.wire.providers.situations import PAGE, SITUATIONS, Situation, openai
from tests.wire.providers.test_way import listening

pytestmark = pytest.mark.real_time

GOOD = {"MODEL": "compatible:m", "OPENAI_API_KEY": "sk-secret"}


@dataclass(frozen=True)
class Wrong:
    """What is wrong: settings, lines of `.env`, or what the service answers; what is said of it."""

    check: str
    detail: str
    cure: str
    given: Mapping[str, str] | None = None
    dotenv: str = ""
    answer: Situation | None = None


def told(cause: str, service: str) -> Situation:
    return next(one for one in SITUATIONS if (one.cause, one.service) == (cause, service))


HTTPS = {"OPENAI_BASE_URL": "https://api.example.com/v1"}
WRONGS: dict[str, Wrong] = {
    "a typo in .env": Wrong(".env", "MODLE in .env", "MODEL", dotenv="MODLE=openai:gpt-4o\n"),
    "a typo, and what it meant is missing": Wrong(
        ".env", "Did you mean OPENAI_API_KEY?", "OPENAI_API_KEY",
        {"MODEL": "openai:gpt-4o"}, dotenv="OPENAI_API_KYE=sk-x\n"),
    "no such provider": Wrong("settings", "MODEL is not one of", ".env", {"MODEL": "gpt-4o"}),
    "Slack's tokens swapped": Wrong(
        "settings", "SLACK", ".env",
        {"SLACK_BOT_TOKEN": "xapp-1-a", "SLACK_APP_TOKEN": "xoxb-1-a"}),
    "Slack that can't be reached": Wrong(
        "slack", "Slack could not be reached", "SLACK_API_URL",
        {"SLACK_BOT_TOKEN": "xoxb-1-a", "SLACK_APP_TOKEN": "xapp-1-a",
         "SLACK_API_URL": "http://127.0.0.1:PORT/api/"}),
    "Discord that can't be reached": Wrong(
        "discord", "Discord did not answer", "DISCORD_API_URL",
        {"DISCORD_TOKEN": "x", "DISCORD_API_URL": "http://127.0.0.1:PORT"}),
    "an option that can't work": Wrong(
        "model", "stream in MODEL_OPTIONS", "take stream out",
        {"MODEL_OPTIONS": '{"stream": false}'}),
    "a key with an ellipsis": Wrong(
        "settings", "OPENAI_API_KEY has a character that no key has: horizontal ellipsis", ".env",
        {"OPENAI_API_KEY": "sk-ab…yz"}),
    "no such host": Wrong(
        "model", "no host of the name nowhere.invalid", "OPENAI_BASE_URL",
        {"OPENAI_BASE_URL": "https://nowhere.invalid/v1"}),
    "nobody listens": Wrong(
        "model", "nothing answers at 127.0.0.1:", "host and port in OPENAI_BASE_URL",
        {"OPENAI_BASE_URL": "http://127.0.0.1:PORT/v1"}),
    "https to a plain server": Wrong(
        "model", "does not speak TLS", "http:// instead", {"OPENAI_BASE_URL": "TLS"}),
    "an untrusted certificate": Wrong(
        "model", "signed itself", "SSL_CERT_FILE", {"OPENAI_BASE_URL": "UNTRUSTED"}),
    "no CA file": Wrong(
        "model", "can't be read (/no/ca.pem)", "SSL_CERT_FILE",
        {**HTTPS, "SSL_CERT_FILE": "/no/ca.pem"}),
    "a dead proxy": Wrong(
        "model", "the proxy 127.0.0.1:", "HTTPS_PROXY",
        {**HTTPS, "HTTPS_PROXY": "http://127.0.0.1:PORT"}),
    "a proxy of a kind of its own": Wrong(
        "model", "unknown kind", "HTTPS_PROXY", {**HTTPS, "ALL_PROXY": "socks://127.0.0.1:1"}),
    "a wrong key": Wrong(
        "model", "refused the key", "check OPENAI_API_KEY", answer=told("key_refused", "OpenAI")),
    "the wrong region": Wrong(
        "model", "country or region", "where the service is offered",
        answer=told("region", "OpenAI")),
    "an address that may not": Wrong(
        "model", "IP address", "allowed ones", answer=told("ip_refused", "OpenAI")),
    "a firewall": Wrong(
        "model", "a web page came back", "a firewall", answer=Situation("", "", 403, PAGE)),
    "an unverified organization": Wrong(
        "model", "verified organizations only", "verify the organization",
        answer=told("organization_unverified", "OpenAI")),
    "a spent quota": Wrong(
        "model", "quota or spending limit", "raise the limit",
        answer=told("quota_spent", "OpenAI")),
    "an empty balance": Wrong(
        "model", "no credit left", "top up", answer=told("balance_empty", "DashScope")),
    "too much for a minute": Wrong(
        "model", "(30000)", "CONTEXT_TOKENS", answer=told("too_large_now", "OpenAI")),
    "no such model": Wrong(
        "model", "no model compatible:m", "check the name in MODEL",
        answer=told("model_unknown", "Ollama")),
    "an address without /v1": Wrong(
        "model", "there is nothing at http://127.0.0.1:", "ends in /v1",
        answer=told("path_unknown", "vLLM")),
    "a model that is too large": Wrong(
        "model", "too little memory", "a smaller model", answer=told("no_memory", "Ollama")),
    "an option that the service refuses": Wrong(
        "model", "does not take temperature", "MODEL_OPTIONS",
        answer=Situation("", "", 400, openai("No.", "unsupported_parameter", param="temperature"))),
}  # fmt: skip


def _plain(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    writer.close()


@asynccontextmanager
async def environment(
    wrong: Wrong, server: OpenAIServer, folder: Path
) -> AsyncIterator[dict[str, str]]:
    """The settings of one misconfiguration, with the addresses that belong there."""
    given = {**asks(server), **GOOD, **(wrong.given or {})}
    async with (
        untrusted_server(folder) as untrusted,
        listening(_plain) as plain,
        dead_port() as dead,
    ):
        places = {
            "PORT": str(dead),
            "UNTRUSTED": f"{untrusted}/v1",
            "TLS": f"https://127.0.0.1:{plain}/v1",
        }
        for name, value in given.items():
            for place, there in places.items():
                value = there if value == place else value.replace(f":{place}", f":{there}")
            given[name] = value
        yield given


@pytest.mark.parametrize("name", WRONGS)
async def test_each_misconfiguration_is_named_with_its_cure(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = WRONGS[name]
    for field in (*Settings.model_fields, "https_proxy", "http_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(field.upper(), raising=False)
        monkeypatch.delenv(field, raising=False)
    monkeypatch.setattr("providers.failover.ROUNDS", 1)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text(wrong.dotenv)
    answer = wrong.answer.answer() if wrong.answer else whole("OK", ".")
    async with (
        OpenAIServer(answer) as server,
        environment(wrong, server, tmp_path) as given,
    ):
        for key, value in given.items():
            monkeypatch.setenv(key, value)
        checks = await examine()
    failed = [check for check in checks if not check.ok]
    found = next((check for check in failed if check.name == wrong.check), None)
    assert found is not None, failed
    assert wrong.detail in found.detail
    assert wrong.cure in found.cure
    assert all(check.cure for check in failed)
    assert "sk-secret" not in f"{failed}"


def _driver(error: BaseException, **told: Any) -> sqlalchemy.exc.DBAPIError:
    for name, value in told.items():
        setattr(error, name, value)
    return sqlalchemy.exc.OperationalError("INSERT", {}, error)


@pytest.mark.parametrize(
    "error",
    [
        _driver(sqlite3.OperationalError("full"), sqlite_errorcode=sqlite3.SQLITE_FULL),
        _driver(sqlite3.OperationalError("io"), sqlite_errorcode=sqlite3.SQLITE_IOERR_WRITE),
        _driver(Exception("could not extend file"), sqlstate="53100"),
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
    ],
)
def test_a_full_disk_is_told_as_such(error: Exception) -> None:
    """Nobody is sent to look at an address and a password."""
    with pytest.raises(StoreUnavailable, match="is full") as told, translated():
        raise error
    assert told.value.cure.id == "cure.store.full"
