"""A server's process: started with only the environment that was named, read line by line within
bounds, ended with all that it has started.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress

from bot.tools.config import ServerConfig

MOST_LINE_BYTES = 4_000_000
"""Of one message. A server that sends more is ended: what follows could not be told apart."""
_CHUNK = 65_536
_TOLD_BYTES = 2_000
"""What is kept of its standard error: the last bytes."""
_EXIT_S = 2.0
"""Seconds that it may take to exit once its standard input is closed, and after SIGTERM."""
_KEPT = ("PATH",) if sys.platform != "win32" else ("PATH", "PATHEXT", "SYSTEMROOT", "TEMP")
"""What it finds in its environment beside what its configuration names: how to find programs."""


class Flooded(Exception):
    """The server sent a line that is longer than anything that can be read."""


class CantStart(Exception):
    """The process can't be started; the message is the system's reason."""


class ServerProcess:
    """One process that speaks a message a line, on its standard input and output."""

    def __init__(self, process: Process) -> None:
        """Belongs to the running loop; made by `start`."""
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise ValueError("the process has to be started with pipes")
        self._process = process
        self._stdin, self._stdout, self._stderr = process.stdin, process.stdout, process.stderr
        self._said = bytearray()
        self._listener = asyncio.create_task(self._listen())

    @classmethod
    async def start(cls, config: ServerConfig) -> ServerProcess:
        """Starts it in a process group of its own. Raises `CantStart`."""
        environment = environment_of(config)
        command = shutil.which(config.command or "", path=environment.get("PATH"))
        if command is None:
            raise CantStart(f"there is no program {config.command}")
        try:
            process = await asyncio.create_subprocess_exec(
                command,
                *config.args,
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                env=environment,
                cwd=config.cwd,
                limit=_CHUNK,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise CantStart(str(error)) from error
        return cls(process)

    @property
    def pid(self) -> int:
        """Its process id, which is also its group's."""
        return self._process.pid

    @property
    def said(self) -> str:
        """The last line of its standard error, which often says what is wrong; for operators."""
        lines = self._said.decode("utf-8", "replace").strip().splitlines()
        return lines[-1][:300] if lines else ""

    async def lines(self) -> AsyncIterator[bytes]:
        """What it writes, line by line, until it ends. Raises `Flooded`."""
        held = bytearray()
        while chunk := await self._stdout.read(_CHUNK):
            held += chunk
            *whole, rest = held.split(b"\n")
            for line in whole:
                yield bytes(line)
            if len(rest) > MOST_LINE_BYTES:
                raise Flooded
            held = bytearray(rest)

    async def write(self, line: bytes) -> None:
        """Writes one line; raises `OSError` where nobody reads any more."""
        self._stdin.write(line + b"\n")
        await self._stdin.drain()

    async def aclose(self) -> None:
        """Ends it: closes its input, waits, and then ends the whole group, first politely."""
        self._stdin.close()
        try:
            if not await self._exited():
                self._signal(signal.SIGTERM)
                await self._exited()
        finally:
            # Also where it exited by itself, or this is cancelled: it may have left children.
            self._signal(signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
            self._listener.cancel()
            with suppress(asyncio.CancelledError):
                await self._listener
        await self._exited()
        self._close_pipes()

    def _close_pipes(self) -> None:
        # A child that left the group may hold the pipes: they are closed at this end.
        transport = getattr(self._process, "_transport", None)
        if transport is not None:
            transport.close()

    async def _exited(self) -> bool:
        """Whether the process is gone, within the time for it. Its output is read meanwhile:
        a process that waits for its pipe to be emptied would never exit.
        """
        draining = asyncio.create_task(self._drain())
        try:
            until = asyncio.get_running_loop().time() + _EXIT_S
            # Not wait(): it also waits for pipes, which a child may hold.
            while self._process.returncode is None:
                if asyncio.get_running_loop().time() >= until:
                    return False
                await asyncio.sleep(0.01)
            return True
        finally:
            draining.cancel()
            with suppress(asyncio.CancelledError, RuntimeError):
                await draining

    async def _drain(self) -> None:
        while await self._stdout.read(_CHUNK):
            pass

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            if sys.platform == "win32":
                self._process.send_signal(number)
            else:
                os.killpg(self._process.pid, number)

    async def _listen(self) -> None:
        """Keeps the end of what it says on its standard error, and reads the rest away."""
        while chunk := await self._stderr.read(_CHUNK):
            self._said = (self._said + chunk)[-_TOLD_BYTES:]


def environment_of(config: ServerConfig) -> dict[str, str]:
    """What a server's process finds in its environment: nothing of the bot's but how to find
    programs, and what its configuration names.
    """
    return _kept(os.environ) | dict(config.env)


def _kept(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: environ[name] for name in _KEPT if name in environ}
