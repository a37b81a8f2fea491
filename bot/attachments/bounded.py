"""Runs a script on a file in a process of its own, which is killed if it takes too long."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import structlog

log = structlog.get_logger(__name__)

_CHUNK_BYTES = 65_536
_MOST_SAID = 40_000_000
"""Most bytes that a process may write: what takes it over could write without end."""


class Problem(StrEnum):
    """Why a process stopped before the end."""

    ENCRYPTED = "encrypted"
    BROKEN = "broken"
    TOO_MUCH = "too_much"
    TOO_SLOW = "too_slow"
    TOO_LONG = "too_long"


@dataclass(frozen=True, slots=True)
class ProcessOutput:
    """What a process wrote: an object a line. `late`: it was killed at its deadline."""

    lines: tuple[dict[str, Any], ...]
    late: bool = False

    def all(self, name: str) -> tuple[Any, ...]:
        """The values of a name, in order."""
        return tuple(line[name] for line in self.lines if name in line)

    def last(self, name: str, default: Any = None) -> Any:
        """The last value of a name."""
        return next(reversed(self.all(name)), default)

    @property
    def problem(self) -> Problem | None:
        """Why it stopped before the end; None where it is done."""
        last = self.lines[-1] if self.lines else {}
        if "done" in last:
            return None
        if "problem" in last:
            return Problem(last["problem"])
        return Problem.TOO_SLOW if self.late else Problem.TOO_MUCH


async def run_bounded(
    script: Path, arguments: tuple[object, ...], data: bytes, seconds: float
) -> ProcessOutput:
    """Runs a script of ours with `data` on its standard input, for so many seconds at most.

    The script limits its own memory and CPU time: it stays bounded even if the bot is gone.
    """
    process = await _start(script, arguments)
    said = bytearray()
    late = False
    try:
        async with asyncio.timeout(seconds):
            await _converse(process, data, said)
    except TimeoutError:
        late = True
    finally:
        await _end(process)
    return understood(bytes(said), late)


async def _start(script: Path, arguments: tuple[object, ...]) -> Process:
    """Starts the process, in a session of its own, so that Ctrl-C only reaches the bot.

    `-P` keeps the script's folder off its path, where modules of ours could shadow others.
    """
    command = [sys.executable, "-P", str(script), *map(str, arguments)]
    return await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, start_new_session=True
    )


async def _converse(process: Process, data: bytes, said: bytearray) -> None:
    """Sends the file; adds the output to `said` as it comes, since it counts after a time-out."""
    assert process.stdin is not None  # noqa: S101 - asked for above
    assert process.stdout is not None  # noqa: S101
    with suppress(BrokenPipeError, ConnectionResetError):  # it ended early; its output says why
        process.stdin.write(data)
        await process.stdin.drain()
    process.stdin.close()
    while len(said) < _MOST_SAID and (chunk := await process.stdout.read(_CHUNK_BYTES)):
        said += chunk
    if len(said) >= _MOST_SAID:
        return
    if status := await process.wait():
        log.warning("attachments.process_died", status=status)


async def _end(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    await process.communicate()  # drains and closes the pipes, and reaps the process


def understood(said: bytes, late: bool) -> ProcessOutput:
    """Parses the output. A last line without its end is dropped: the process was killed in it."""
    return ProcessOutput(tuple(json.loads(line) for line in said.split(b"\n")[:-1]), late)
