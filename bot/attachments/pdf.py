"""Reads a PDF's text in another process, which is killed if it takes too long."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from pathlib import Path
from typing import Any

import structlog

from bot.attachments.files import FileLimits

log = structlog.get_logger(__name__)

_SCRIPT = Path(__file__).with_name("pdf_process.py")
_CHUNK_BYTES = 65_536


class Problem(StrEnum):
    """Why reading stopped before the end."""

    ENCRYPTED = "encrypted"
    BROKEN = "broken"
    TOO_MUCH = "too_much"
    TOO_SLOW = "too_slow"


@dataclass(frozen=True, slots=True)
class PdfText:
    """The text of a PDF's first pages (None: the page can't be read) out of `count` pages."""

    count: int
    pages: tuple[str | None, ...]
    problem: Problem | None

    @property
    def text(self) -> str:
        """The pages' texts with a blank line between them."""
        return "\n\n".join(page for page in self.pages if page)


async def read_pdf(data: bytes, limits: FileLimits) -> PdfText:
    """Reads a PDF within the limits' pages and seconds.

    It reads one character more than the limit if there is one, which tells that text is missing.
    """
    process = await _start(limits)
    said = bytearray()
    late = False
    try:
        async with asyncio.timeout(limits.pdf_seconds):
            await _converse(process, data, said)
    except TimeoutError:
        late = True
    finally:
        await _end(process)
    return understood(bytes(said), late)


async def _start(limits: FileLimits) -> Process:
    """Starts the process, in a session of its own, so that Ctrl-C only reaches the bot.

    `-P` keeps the script's folder off its path, where modules of ours could shadow others.
    """
    # The CPU time is limited above the deadline, so that the deadline is what usually ends it.
    bounds = (limits.pdf_pages, limits.characters, ceil(limits.pdf_seconds) + 1)
    command = [sys.executable, "-P", str(_SCRIPT), *map(str, bounds)]
    return await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, start_new_session=True
    )


async def _converse(process: Process, data: bytes, said: bytearray) -> None:
    """Sends the PDF; adds the output to `said` as it comes, since it counts after a time-out."""
    assert process.stdin is not None  # noqa: S101 - asked for above
    assert process.stdout is not None  # noqa: S101
    with suppress(BrokenPipeError, ConnectionResetError):  # it ended early; its output says why
        process.stdin.write(data)
        await process.stdin.drain()
    process.stdin.close()
    while chunk := await process.stdout.read(_CHUNK_BYTES):
        said += chunk
    if status := await process.wait():
        log.warning("attachments.pdf_process_died", status=status)


async def _end(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    await process.communicate()  # drains and closes the pipes, and reaps the process


def understood(said: bytes, late: bool) -> PdfText:
    """Parses the output. A last line without its end is dropped: the process was killed in it."""
    lines = [json.loads(line) for line in said.split(b"\n")[:-1]]
    count = next((line["count"] for line in lines if "count" in line), 0)
    pages = tuple(line["page"] for line in lines if "page" in line)
    return PdfText(count, pages, _problem(lines[-1] if lines else {}, late))


def _problem(last: dict[str, Any], late: bool) -> Problem | None:
    if "done" in last:
        return None
    if "problem" in last:
        return Problem(last["problem"])
    return Problem.TOO_SLOW if late else Problem.TOO_MUCH
