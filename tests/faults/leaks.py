"""The real bot through thousands of runs: what it keeps of them. `python -m tests.faults.leaks`.

Prints memory (MB) and open files after the first runs and in the end; 1 where there is more.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from tests.faults.waiting import Site, site

MOST_GROWTH = 1.05
_ROUND = 6
_SETTLE_S = 12.0
"""Idle connections are closed by then."""


@dataclass(frozen=True)
class Kept:
    """What a process has."""

    megabytes: float
    files: int


def kept_by(pid: int) -> Kept:
    """Its resident memory and its open files."""
    with open(f"/proc/{pid}/statm") as pages:
        resident = int(pages.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return Kept(resident / 1e6, len(os.listdir(f"/proc/{pid}/fd")))


async def rounds(place: Site, first: int, last: int) -> None:
    """Runs on Slack, Discord and the page, some at once, each until it has ended.

    On Discord one each time: a channel takes five calls in five seconds.
    """
    people, record = place.discord.people, place.discord.record
    for number in range(first, last, 2 * _ROUND + 1):
        people.say(f"{people.mention} Question {number}?")
        for each in range(_ROUND):
            place.slack.ask(f"Question {number + each}?")
            text = {"text": f"Question {number + each}?"}
            await place.page.connection.send(json.dumps({"type": "ask", "id": uuid4().hex} | text))
        ended = 0
        while ended < _ROUND:
            shown = await place.page.shown(lambda message: message["last"])
            ended += shown["footer"] != ""
        async with asyncio.timeout(240):
            while place.slack.writing() or record.writing():  # noqa: ASYNC110 - the bot changes it
                await asyncio.sleep(0.05)


async def measured(folder: Path, first: int, runs: int) -> tuple[Kept, Kept]:
    """What the bot has after its first runs, and after all."""
    async with site(folder, 1024) as place:
        pid = place.bot.child.process.pid
        await rounds(place, 0, first)
        await asyncio.sleep(_SETTLE_S)
        before = kept_by(pid)
        await rounds(place, first, runs)
        await asyncio.sleep(_SETTLE_S)
        return before, kept_by(pid)


def main() -> int:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=200)
    parser.add_argument("--runs", type=int, default=2000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        before, after = asyncio.run(measured(Path(folder), given.first, given.runs))
    growth = after.megabytes / before.megabytes
    print(f"after {given.first} runs: {before.megabytes:.1f} MB, {before.files} files")  # noqa: T201
    print(f"after {given.runs} runs: {after.megabytes:.1f} MB, {after.files} files")  # noqa: T201
    print(f"memory x{growth:.3f}, files {after.files - before.files:+d}")  # noqa: T201
    return 0 if growth <= MOST_GROWTH and after.files <= before.files else 1


if __name__ == "__main__":
    raise SystemExit(main())
