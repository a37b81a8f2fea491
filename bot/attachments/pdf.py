"""A PDF's text, read by another process that is ended when it takes too long."""

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
    """Why nothing more was read."""

    ENCRYPTED = "encrypted"
    BROKEN = "broken"
    TOO_MUCH = "too_much"
    TOO_SLOW = "too_slow"


@dataclass(frozen=True, slots=True)
class PdfText:
    """What was read: the first pages' texts (None: a page that can't be read) out of `count`."""

    count: int
    pages: tuple[str | None, ...]
    problem: Problem | None

    @property
    def text(self) -> str:
        """The pages' texts with a blank line between them."""
        return "\n\n".join(page for page in self.pages if page)


async def read_pdf(data: bytes, limits: FileLimits) -> PdfText:
    """Reads up to the limits' pages and seconds, and up to just beyond their characters."""
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
    """By its path and without the folder beside it, so that it finds no module of ours.

    In a session of its own: a Ctrl-C is the bot's to handle.
    """
    bounds = (limits.pdf_pages, limits.characters, ceil(limits.pdf_seconds) + 1)
    command = [sys.executable, "-P", str(_SCRIPT), *map(str, bounds)]
    return await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, start_new_session=True
    )


async def _converse(process: Process, data: bytes, said: bytearray) -> None:
    """Keeps what was said in `said` as it comes: it counts even if the end never comes."""
    assert process.stdin is not None  # noqa: S101 - asked for above
    assert process.stdout is not None  # noqa: S101
    with suppress(BrokenPipeError, ConnectionResetError):  # it ended early; what it said tells
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
    await process.communicate()  # reads to the end and reaps it: no pipe stays open


def understood(said: bytes, late: bool) -> PdfText:
    """What the lines say; the last is torn where the process was ended while writing it."""
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
