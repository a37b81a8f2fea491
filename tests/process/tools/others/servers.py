"""The servers: how each is started, what is called of it, and a word of its answer."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.doubles.commands import ROOT, free_port

_BIN = Path(sys.executable).parent
KIT = ROOT / ".venv" / "mcp"
"""What `make mcp` installs beside what the tests need."""
NODE = KIT / "node"
_START_S = 60.0


@dataclass(frozen=True)
class Other:
    """A server that others wrote, and one call of it."""

    name: str
    config: dict[str, Any]
    """As `mcp.json` has it."""
    tool: str
    arguments: dict[str, Any]
    word: str
    """A word of the result that is not in the question."""

    @property
    def entry(self) -> dict[str, Any]:
        """The server in `mcp.json`: its one tool, and nobody is asked."""
        return {**self.config, "tools": [self.tool], "approve": "never", "timeout": 60}


@asynccontextmanager
async def installed_with_the_tests(folder: Path) -> AsyncIterator[list[Other]]:
    """The servers that `make test` has: for the time, and for Git on a repository made for it."""
    repository = str(await _repository(folder))
    zones = {"source_timezone": "UTC", "time": "12:00", "target_timezone": "Asia/Tokyo"}
    git = {"command": str(_BIN / "mcp-server-git"), "args": ["--repository", repository]}
    yield [
        Other("time", {"command": str(_BIN / "mcp-server-time")}, "convert_time", zones, "21:00"),
        Other("git", git, "git_log", {"repo_path": repository, "max_count": 1}, "nightingale"),
    ]


@asynccontextmanager
async def installed_by_make_mcp() -> AsyncIterator[list[Other]]:
    """Those that `make mcp` installs: for pages, of this machine alone, and the one that has all of
    the protocol, over both of its ways.
    """
    fetch = {
        "command": str(KIT / "bin" / "mcp-server-fetch"),
        "args": ["--allow-private-ips"],
        "env": {"NO_PROXY": "*"},
    }
    stdio = {"command": str(node()), "args": [*everything("stdio")]}
    async with _page() as page, _everything_over_http() as url:
        yield [
            Other("fetch", fetch, "fetch", {"url": page}, "kingfisher"),
            Other("everything-stdio", stdio, "get-sum", {"a": 17, "b": 25}, "42"),
            Other("everything-http", {"url": url}, "get-sum", {"a": 58, "b": 5}, "63"),
        ]


def node() -> Path:
    """The Node.js that `make mcp` installed; not on Linux the machine's own, 22 or newer."""
    return next(NODE.glob("node_modules/node-*/bin/node"), Path(shutil.which("node") or "node"))


def everything(way: str) -> Sequence[str]:
    """The arguments of Node.js for the server that has all of the protocol."""
    package = NODE / "node_modules" / "@modelcontextprotocol" / "server-everything"
    return [str(package / "dist" / "index.js"), way]


async def _repository(folder: Path) -> Path:
    repository = folder / "repository"
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
    for arguments in (
        ["init", "-q", str(repository)],
        ["-C", str(repository), *who, "commit", "-q", "--allow-empty", "-m", "A nightingale"],
    ):
        git = await asyncio.create_subprocess_exec("git", *arguments)
        assert await git.wait() == 0
    return repository


@asynccontextmanager
async def _page() -> AsyncIterator[str]:
    async def answered(_: web.Request) -> web.Response:
        body = "<html><body><article><h1>Birds</h1><p>A kingfisher by the river.</p></article>"
        return web.Response(text=body, content_type="text/html")

    app = web.Application()
    app.router.add_get("/birds", answered)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    try:
        yield f"http://{host}:{port}/birds"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def _everything_over_http() -> AsyncIterator[str]:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        node(),
        *everything("streamableHttp"),
        env={"PATH": os.environ["PATH"], "PORT": str(port)},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await _listens(port)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.kill()
        await process.wait()


async def _listens(port: int) -> None:
    async with asyncio.timeout(_START_S):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            writer.close()
            await writer.wait_closed()
            return
