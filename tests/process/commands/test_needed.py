"""What a command has imported by the time that it is waited for; see docs/decisions/start.md."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from bot.cli import COMMANDS, cli
from bot.store import upgrade
from tests.doubles.commands import ROOT, asks, whole
from tests.doubles.discord import discord_server
from tests.doubles.openai import OpenAIServer
from tests.doubles.slack import APP_TOKEN, slack_server

pytestmark = pytest.mark.real_time

_TELL = """
import atexit, io, json, os, signal, sys
from bot.cli import main

def tell():
    print("imported", json.dumps(sorted(sys.modules)), file=sys.stderr, flush=True)
"""
HELP = f"{_TELL}\natexit.register(tell)\nsys.argv = ['everytoken', '--help']\nmain()"
ASK = f"""{_TELL}
class Screen(io.StringIO):
    def write(self, text):
        tell()
        os._exit(0)

sys.stdout = Screen()
sys.argv = ["everytoken", "ask", "Why?"]
main()
"""
"""It ends with the first token."""
RUN = f"""{_TELL}
from bot.cli import run as command

def ready(*_):
    tell()
    os._exit(0)

command._greet = ready
sys.argv = ["everytoken", "run"]
main()
"""
"""It ends when the bot is ready."""

NOBODY = (
    "openai", "langchain_openai", "langchain_core.messages", "langchain_core.outputs", "requests",
    "anthropic", "google.genai", "mcp", "cryptography", "joserfc", "jinja2", "markdown_it", "nh3",
    "math_core", "pypdf", "psycopg", "sqlalchemy.dialects.postgresql", "alembic", "opentelemetry",
    "charset_normalizer", "tiktoken", "xllamacpp",
)  # fmt: skip
"""What neither a start nor an answer needs, until a file, a page, a sign-in or a command does."""
SERVERS = (
    "discord", "slack_bolt", "slack_sdk", "uvicorn", "websockets", "bot.http",
    "bot.inspector", "connectors.web", "connectors.slack", "connectors.discord",
)  # fmt: skip
"""What only a bot that serves needs."""


def unneeded(imported: Iterable[str], names: Iterable[str]) -> set[str]:
    """Which of the packages are imported."""
    return set(names) & set(imported)


async def _imported(program: str, folder: Path, **settings: str) -> list[str]:
    """The modules of a process by the time that it tells."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program,
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "HOME": str(folder),
            "DATA_DIR": str(folder),
            **settings,
        },
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, said = await process.communicate()
    told = [line for line in said.decode().splitlines() if line.startswith("imported ")]
    assert len(told) == 1, said.decode()
    return list(json.loads(told[0].removeprefix("imported ")))


def _from_elsewhere(imported: Iterable[str]) -> set[str]:
    """The packages that are neither Python's nor what its installation puts there."""
    roots = {name.partition(".")[0] for name in imported}
    return {name for name in roots - sys.stdlib_module_names if not name.startswith("_")}


async def test_help_imports_click_alone(tmp_path: Path) -> None:
    imported = await _imported(HELP, tmp_path)
    assert _from_elsewhere(imported) == {"bot", "click"}
    ours = {name for name in imported if name.partition(".")[0] == "bot"}
    assert ours == {"bot", "bot.cli", "bot.imports"}
    assert unneeded(imported, ("asyncio", "ssl", "importlib.metadata")) == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_of_each_how_it_begins_itself(name: str) -> None:
    """The list is written by hand, so that no command need be imported for it."""
    command = cli.get_command(None, name)  # type: ignore[arg-type]  # it needs no context
    assert command is not None
    assert command.name == name
    assert command.help is not None
    assert command.help.startswith(COMMANDS[name][1].removesuffix("."))


async def test_ask_imports_no_server_before_the_first_token(tmp_path: Path) -> None:
    await upgrade(f"sqlite:///{tmp_path}/everytoken.db")
    async with OpenAIServer(whole("Because.")) as model:
        imported = await _imported(ASK, tmp_path, **asks(model) | {"MODEL": "openai:gpt-4o"})
    assert unneeded(imported, NOBODY + SERVERS) == set()
    assert unneeded(imported, ("bot.runs", "connectors.terminal")) != set()


async def test_a_start_imports_what_it_needs_to_be_ready(tmp_path: Path) -> None:
    """With Slack, Discord and a model of OpenAI's; the self-test reads that one's stream, too."""
    await upgrade(f"sqlite:///{tmp_path}/everytoken.db")
    async with slack_server() as slack, discord_server() as discord:
        imported = await _imported(
            RUN,
            tmp_path,
            MODEL="openai:gpt-4o",
            OPENAI_API_KEY="sk-secret",
            HOST="127.0.0.1",
            PORT="0",
            SLACK_BOT_TOKEN=slack.bot_token,
            SLACK_APP_TOKEN=APP_TOKEN,
            SLACK_API_URL=slack.url,
            DISCORD_TOKEN=discord.token,
            DISCORD_API_URL=discord.url,
            DISCORD_GATEWAY_URL=discord.gateway_url,
        )
    assert unneeded(imported, NOBODY) == set()
    assert unneeded(imported, SERVERS) == set(SERVERS)


async def test_a_planted_import_is_found(tmp_path: Path) -> None:
    imported = await _imported(f"import jinja2, openai\n{HELP}", tmp_path)
    assert unneeded(imported, NOBODY) == {"jinja2", "openai"}
    assert _from_elsewhere(imported) >= {"jinja2", "openai"}
