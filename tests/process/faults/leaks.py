"""What the real bot keeps of thousands of runs: `python -m tests.process.faults.leaks`.

Prints memory (MB) and open files after the first runs and in the end; 1 where there is more. The
database's own files are counted apart: a pool opens a connection when it first needs one more, be
that after the first runs, so they are bounded by the pools and not by what was open before.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from tests.process.faults.waiting import Site, site

MOST_GROWTH = 1.05
_ROUND = 6
_SETTLE_S = 40
"""For so many seconds the open files are looked at: once all idle connections are closed."""
MOST_OF_DATABASE = 2 * (4 + 15) + 1
"""Each connection of SQLite's has the file and its log: those of the pool of threads, and those of
the event loop's pool, with what that may have beyond its size. They share one index.
"""


@dataclass(frozen=True)
class Kept:
    """What a process has."""

    megabytes: float
    files: int
    of_database: int


def open_files(pid: int) -> list[str]:
    """What its file descriptors lead to."""
    found = []
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):  # closed since
            found.append(os.readlink(each))
    return found


def resident_mb(pid: int) -> float:
    """Its resident memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def kept_by(pid: int) -> Kept:
    """Its resident memory, and the open files that it does not close when it is idle."""
    least, of_database = sys.maxsize, 0
    for _ in range(_SETTLE_S):
        await asyncio.sleep(1)
        files = open_files(pid)
        of_database = sum("everytoken.db" in name for name in files)
        least = min(least, len(files) - of_database)
    return Kept(resident_mb(pid), least, of_database)


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
        before = await kept_by(pid)
        await rounds(place, first, runs)
        return before, await kept_by(pid)


def main() -> int:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=200)
    parser.add_argument("--runs", type=int, default=2000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        before, after = asyncio.run(measured(Path(folder), given.first, given.runs))
    growth = after.megabytes / before.megabytes
    for runs, kept in ((given.first, before), (given.runs, after)):
        files = f"{kept.files} files and {kept.of_database} of the database"
        print(f"after {runs} runs: {kept.megabytes:.1f} MB, {files}")  # noqa: T201
    print(f"memory x{growth:.3f}, files {after.files - before.files:+d}")  # noqa: T201
    bounded = after.files <= before.files and after.of_database <= MOST_OF_DATABASE
    return 0 if growth <= MOST_GROWTH and bounded else 1


if __name__ == "__main__":
    raise SystemExit(main())
