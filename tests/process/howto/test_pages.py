"""Who follows a page on how something is added has it, and the bot answers with it."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.doubles.commands import asks, whole
from tests.doubles.openai import OpenAIServer
from tests.process.howto.pages import PAGES, ROOT, copied, follow, page, written

pytestmark = [pytest.mark.real_time, pytest.mark.timeout(400)]

_SECONDS = 60


@asynccontextmanager
async def bot(
    folder: Path, *arguments: str, **settings: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A command of the bot that was made by following a page."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", *arguments,
        cwd=folder,
        env={**inherited, "NO_PROXY": "127.0.0.1", "HOST": "127.0.0.1", "PORT": "0", **settings},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def until(there: Callable[[], bool]) -> None:
    """Waits until something is there."""
    async with asyncio.timeout(_SECONDS):
        while not there():  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("name", PAGES)
def test_the_code_of_a_page_is_the_toy_that_is_tested(name: str) -> None:
    assert written(name) == page(name).read_text(), "run: python -m tests.process.howto.pages"


@pytest.mark.parametrize("name", PAGES)
def test_what_a_page_names_is_there(name: str) -> None:
    """Files and addresses of pages, apart from those that it adds."""
    text = page(name).read_text()
    added = set(re.findall(r"<!-- file: (\S+)", text))
    named = set(re.findall(r"`((?:bot|connectors|providers|tests)/[\w/.]+)`", text))
    missing = [path for path in named - added if not (ROOT / path).exists()]
    links = re.findall(r"\]\(([\w./-]+)\)", text)
    assert missing == []
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []


def test_a_setting(tmp_path: Path) -> None:
    follow("howto-setting.md", copied(tmp_path / "clone"))


async def test_a_connector(tmp_path: Path) -> None:
    """And a question that was put into the folder is answered there, with its receipt."""
    clone = copied(tmp_path / "clone")
    await asyncio.to_thread(follow, "howto-connector.md", clone)
    garden = tmp_path / "notes" / "garden"
    garden.mkdir(parents=True)
    (garden / "0001-ann.md").write_text("What grows in the shade?\n")
    answer = garden / "0002-bot.md"
    async with (
        OpenAIServer(whole("Ferns ", "and moss.")) as server,
        bot(
            clone, "run", FOLDER=str(garden.parent), ADMINS="folder:ann", **asks(server)
        ) as process,
    ):
        await until(lambda: answer.exists() and "moss." in answer.read_text())
        process.terminate()
        out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    assert "Connected: web, folder" in out.decode()


async def test_a_provider(tmp_path: Path) -> None:
    """And `ask` prints what its service says."""
    clone = copied(tmp_path / "clone")
    await asyncio.to_thread(follow, "howto-provider.md", clone)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b'{"text": "Ferns "}\n{"text": "and moss."}\n{"finish": "stop"}\n')
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = {"MODEL": "lines:x", "LINES_ADDRESS": f"127.0.0.1:{port}"}
    async with bot(clone, "ask", "What grows?", **settings) as process:
        out, _ = await process.communicate()
    server.close()
    assert process.returncode == 0, out.decode()
    assert "Ferns and moss." in out.decode()
