"""The Procfile, line by line, as a host runs it."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.doubles.commands import Shell, asks, dead_port, free_port, whole
from tests.doubles.discord import discord_server
from tests.doubles.openai import OpenAIServer
from tests.doubles.slack import slack_server
from tests.process.commands.test_discord import on
from tests.process.commands.test_slack import ANSWER, by_socket
from tests.unit.deploy import files

pytestmark = [pytest.mark.real_time, pytest.mark.timeout(180)]

_SECONDS = 60
TOKEN = {"Authorization": "Bearer s3cret"}


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """A host's: `python` is ours, the home can't be written."""
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(files.ROOT),
        "PYTHONUNBUFFERED": "1",
        "HOME": "/nonexistent",
        "DATA_DIR": str(folder),
        "LOG_FORMAT": "json",
        "METRICS_TOKEN": "s3cret",
        **settings,
    }


class Output:
    """What processes say, line by line."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._more = asyncio.Event()

    async def read(self, stream: asyncio.StreamReader) -> None:
        """Reads to the end."""
        async for line in stream:
            self.lines.append(line.decode())
            self._more.set()

    async def says(self, pattern: str, times: int = 1) -> None:
        """Waits until so many lines match."""
        async with asyncio.timeout(_SECONDS):
            while sum(bool(re.search(pattern, line)) for line in self.lines) < times:
                self._more.clear()
                await self._more.wait()


@asynccontextmanager
async def honcho(
    folder: Path, *processes: str, port: int, **settings: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, Output]]:
    """Starts processes of the Procfile by name."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "honcho",
        "-f", str(files.PROCFILE), "-d", str(folder), "-e", os.devnull,
        "start", "-p", str(port), *processes,
        cwd=folder,
        env=environment(folder, **settings),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    output = Output()
    reading = asyncio.create_task(output.read(process.stdout))
    try:
        yield process, output
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        await reading


async def release(folder: Path, **settings: str) -> tuple[int, str]:
    """Runs the release line in a shell, as a host does."""
    process = await asyncio.create_subprocess_shell(
        files.procfile()["release"],
        cwd=folder,
        env=environment(folder, **settings),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await asyncio.wait_for(process.communicate(), _SECONDS)
    return process.returncode or 0, out.decode()


async def asked(port: int, path: str, **headers: str) -> tuple[int, Any]:
    """What the web process answers."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}{path}", headers=headers) as answer,
    ):
        is_json = answer.content_type == "application/json"
        return answer.status, await (answer.json() if is_json else answer.text())


async def ready(port: int) -> dict[str, Any]:
    """Waits until the web process is ready; what it says of itself."""
    told: Any = None
    async with asyncio.timeout(_SECONDS):
        while True:
            status, told = await asked(port, "/readyz", **TOKEN)
            if status == 200:
                return dict(told)
            await asyncio.sleep(0.2)


async def test_web_and_worker_are_up_after_the_release_line(tmp_path: Path, database: str) -> None:
    """Both hear the platforms, and each question is answered once."""
    port = free_port()
    async with (
        slack_server() as slack,
        discord_server() as discord,
        OpenAIServer(whole(*ANSWER)) as model,
    ):
        settings = asks(model) | by_socket(slack) | on(discord) | {"DATABASE_URL": database}
        assert await release(tmp_path, **settings) == (0, "The database is up to date.\n")
        async with honcho(tmp_path, "web", "worker", port=port, **settings) as (process, output):
            await output.says("Everytoken is ready", times=2)
            told = await ready(port)
            assert told["checks"] == dict.fromkeys(
                ("database", "delivery", "stopping", "web", "slack", "discord"), "ok"
            )
            await output.says(r"worker.*app\.state")
            question = slack.ask("Why?")
            assert await question.acknowledged()
            await output.says(r'"event": "run.ended"|run\.ended')
            status, metrics = await asked(port, "/metrics", **TOKEN)
            assert status == 200
            assert 'everytoken_connected{connector="slack"} 1.0' in metrics
            os.killpg(process.pid, signal.SIGTERM)
            await asyncio.wait_for(process.wait(), _SECONDS)
        assert len(model.exchanges) == 1
        assert slack.writing() == []
        said = "".join(output.lines)
        assert "Traceback" not in said
        assert "sk-secret" not in said


async def test_strangers_read_nothing_of_what_the_bot_does(shell: Shell) -> None:
    port = free_port()
    async with (
        OpenAIServer(whole(*ANSWER)) as model,
        shell.started("run", PORT=str(port), **asks(model)) as bot,
    ):
        await bot.said("is ready")
        assert await asked(port, "/healthz") == (200, {"status": "ok"})
        assert await asked(port, "/readyz") == (200, {"ready": True})
        assert (await asked(port, "/metrics"))[0] == 403


async def test_a_receiver_of_traces_that_is_away_does_not_hold_up_the_end(shell: Shell) -> None:
    async with OpenAIServer(whole(*ANSWER)) as model, dead_port() as port:
        dead = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}"}
        async with shell.bot(**asks(model), **dead) as bot:
            async with bot.page() as page:
                await page.ask("Why?")
                await page.shown(lambda message: "verified" in message["footer"])
            bot.child.send(signal.SIGTERM)
            assert await bot.child.ended() == 0
