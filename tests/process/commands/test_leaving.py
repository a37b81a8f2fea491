"""What leaves the process, whatever stands in its environment: only what the settings name.

Python itself reports each address that is looked up or connected to, and a server that everything
else is pointed at keeps what it hears.
"""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest

from tests.doubles.commands import ROOT, Shell, asks, whole
from tests.doubles.discord import discord_server
from tests.doubles.openai import OpenAIServer, recorded
from tests.doubles.slack import slack_server
from tests.process.commands.test_discord import on
from tests.process.commands.test_slack import by_socket

pytestmark = pytest.mark.real_time


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Starts its commands from nothing: what it imports may reach out, too."""
    return Shell(tmp_path, preloaded=False)


QUESTION = "Why is the sky so unmistakably blue?"
WATCHING = """
import os, sys
sys.modules["uvloop"] = None  # its sockets are not Python's: nothing would be reported of them
reached = open(os.environ["REACHED"], "a", buffering=1)
def watch(event, arguments):
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        reached.write(f"{arguments[1][0]}:{arguments[1][1]}\\n")
    elif event == "socket.getaddrinfo":
        reached.write(f"{arguments[0]}:{arguments[1]}\\n")
sys.addaudithook(watch)
"""


@dataclass
class Sink:
    """A server to which nothing should be sent."""

    port: int = 0
    heard: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        """What would make libraries send something there, or say more than they should."""
        secret = "not-for-anybody"
        return {
            "LANGSMITH_TRACING": "true",
            "LANGSMITH_TRACING_V2": "true",
            "LANGSMITH_ENDPOINT": self.url,
            "LANGSMITH_API_KEY": secret,
            "LANGSMITH_PROJECT": "theirs",
            "LANGSMITH_OTEL_ENABLED": "true",
            "LANGCHAIN_TRACING_V2": "true",
            "LANGCHAIN_TRACING": "true",
            "LANGCHAIN_HANDLER": "langchain",
            "LANGCHAIN_ENDPOINT": self.url,
            "LANGCHAIN_API_KEY": secret,
            "LANGCHAIN_CALLBACKS_BACKGROUND": "true",
            "LANGCHAIN_WANDB_TRACING": "true",
            "LANGCHAIN_COMET_TRACING": "true",
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{self.url}/v1/traces",
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"{self.url}/v1/metrics",
            "OTEL_EXPORTER_OTLP_TRACES_HEADERS": f"x-secret={secret}",
            "OPENAI_API_BASE": self.url,
            "OPENAI_ORG_ID": secret,
            "OPENAI_ORGANIZATION": secret,
            "OPENAI_PROJECT_ID": secret,
            "OPENAI_CUSTOM_HEADERS": f"X-Secret: {secret}",
            "OPENAI_PROXY": self.url,
            "OPENAI_LOG": "debug",
            "ANTHROPIC_LOG": "debug",
            "ANTHROPIC_CUSTOM_HEADERS": f"X-Secret: {secret}",
            "ANTHROPIC_AUTH_TOKEN": secret,
            "ANTHROPIC_PROXY": self.url,
            "HTTP_PROXY": self.url,
            "HTTPS_PROXY": self.url,
            "NO_PROXY": "127.0.0.1",
        }


@asynccontextmanager
async def sink() -> AsyncIterator[Sink]:
    """Listens, keeps what comes, and answers anything with nothing."""
    found = Sink()

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            found.heard.append(await asyncio.wait_for(reader.read(65536), 5))
            writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        except (TimeoutError, ConnectionError):
            return
        finally:
            writer.close()

    async with await asyncio.start_server(hear, "127.0.0.1", 0) as server:
        found.port = server.sockets[0].getsockname()[1]
        yield found


@pytest.fixture
def watched(shell: Shell) -> dict[str, str]:
    """The settings of a process that notes what it reaches in a file."""
    (shell.folder / "watching").mkdir()
    (shell.folder / "watching" / "sitecustomize.py").write_text(WATCHING)
    return {
        "PYTHONPATH": f"{shell.folder / 'watching'}:{ROOT}",
        "REACHED": str(shell.folder / "reached"),
        "START_CHECK": "off",  # at start the bot speaks to a model of its own, on loopback
    }


def reached(folder: Path) -> set[str]:
    """The addresses, as host and port."""
    return set((folder / "reached").read_text().split())


def of(*urls: str) -> set[str]:
    """The addresses of these."""
    return {re.sub(r"^\w+://|/.*$", "", url) for url in urls}


async def answered_on_page(shell: Shell, **settings: str) -> None:
    """Asks on the page, waits for the answer, and ends the bot as a host does."""
    async with shell.bot(**settings) as bot:
        async with bot.page() as page:
            await page.ask(QUESTION, uuid4().hex)
            await page.shown(lambda message: message["last"])
        bot.child.send(signal.SIGTERM)
        assert await bot.child.ended() == 0
        assert QUESTION not in bot.child.err
        assert "not-for-anybody" not in bot.child.err


async def test_only_model_and_platforms_are_reached(shell: Shell, watched: dict[str, str]) -> None:
    async with (
        sink() as elsewhere,
        OpenAIServer(whole("Because.")) as model,
        slack_server() as slack,
        discord_server() as discord,
    ):
        settings = asks(model) | by_socket(slack) | on(discord) | elsewhere.environment() | watched
        async with shell.bot(**settings) as bot:
            await discord.record.until(lambda: discord.gateway.connected)
            slack.ask(QUESTION)
            discord.people.say(f"{discord.people.mention} {QUESTION}")
            async with bot.page() as page:
                await page.ask(QUESTION)
                await page.shown(lambda message: message["last"])
            await shell.recorded(3)
        assert elsewhere.heard == []
        known = of(model.url, slack.url, discord.url, discord.gateway_url or "")
        assert reached(shell.folder) - {"127.0.0.1:0"} <= known | of(bot.address)
        assert all("not-for-anybody" not in str(each.headers) for each in model.exchanges)
        assert all("openai-organization" not in each.headers for each in model.exchanges)


@pytest.mark.parametrize("reader", ["lean", "langchain"])
async def test_the_responses_api_is_told_to_keep_nothing(
    shell: Shell, watched: dict[str, str], reader: str
) -> None:
    async with sink() as elsewhere, OpenAIServer(recorded("responses.sse")) as model:
        chosen = {"MODEL": "openai:gpt-4o", "OPENAI_API": "responses", "STREAM_READER": reader}
        settings = asks(model) | chosen | elsewhere.environment() | watched
        await answered_on_page(shell, **settings)
        assert [each.body["store"] for each in model.exchanges] == [False]
        assert elsewhere.heard == []
        assert reached(shell.folder) <= of(model.url)


async def test_langchain_traces_nothing_unless_it_may(
    shell: Shell, watched: dict[str, str]
) -> None:
    async with sink() as elsewhere, OpenAIServer(whole("Because.")) as model:
        settings = asks(model) | {"STREAM_READER": "langchain"} | elsewhere.environment() | watched
        await answered_on_page(shell, **settings)
        assert elsewhere.heard == []
        assert reached(shell.folder) <= of(model.url)
        await answered_on_page(shell, **settings, TRACE_LANGCHAIN="true")
        assert elsewhere.heard != [], "what this test looks for is found where it is"
        assert of(elsewhere.url) <= reached(shell.folder)


async def test_anthropic_is_reached_alone(shell: Shell, watched: dict[str, str]) -> None:
    async with sink() as elsewhere, OpenAIServer(recorded("anthropic.sse")) as model:
        chosen = {
            "MODEL": "anthropic:claude-sonnet-4-5",
            "ANTHROPIC_API_KEY": "sk-secret",
            "ANTHROPIC_BASE_URL": model.root,
        }
        await answered_on_page(shell, **chosen, **elsewhere.environment(), **watched)
        assert elsewhere.heard == []
        assert reached(shell.folder) <= of(model.root)
        assert "not-for-anybody" not in str([each.headers for each in model.exchanges])
