"""The real bot as a process of its own, from its start to its end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
_START_SECONDS = 30
_END_SECONDS = 15


@dataclass
class Process:
    """A bot that runs: where its page is, and what it has logged so far."""

    address: str
    lines: list[str]

    @property
    def url(self) -> str:
        """The page."""
        return f"http://{self.address}/"


@asynccontextmanager
async def running_bot(folder: Path, **settings: str) -> AsyncIterator[Process]:
    """Runs the bot on a free port, with its data in `folder`; it has to end well on SIGTERM."""
    address = f"127.0.0.1:{_free_port()}"
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "run",
        cwd=folder,  # where no .env can be read
        env=_environment(folder, address, settings),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    process, ready = Process(address, []), asyncio.Event()
    assert child.stdout is not None
    listening = asyncio.create_task(_listen(child.stdout, process.lines, ready))
    try:
        await asyncio.wait_for(ready.wait(), _START_SECONDS)
        yield process
        child.send_signal(signal.SIGTERM)
        code = await asyncio.wait_for(child.wait(), _END_SECONDS)
        assert code == 0, "".join(process.lines)
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()
        await listening


async def _listen(stream: asyncio.StreamReader, lines: list[str], ready: asyncio.Event) -> None:
    async for line in stream:
        lines.append(line.decode())
        if "is ready" in lines[-1]:
            ready.set()


def _environment(folder: Path, address: str, settings: dict[str, str]) -> dict[str, str]:
    host, _, port = address.partition(":")
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "HOST": host,
        "PORT": port,
        "DATA_DIR": str(folder),
        **settings,
    }


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
