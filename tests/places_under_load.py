"""Settings that change all the time while answers stream: `python -m tests.places_under_load`.

Twenty answers stream at once, over and over, in channels of which each has settings of its own,
while an admin changes fifty settings a second in five hundred scopes. It shows from the rows that
each run was made with what held as it began, and what all the changing costs the answers in time:
the same answers are timed without changes before and after.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Literal

import click
import structlog

from bot.intake import IntakeOptions
from bot.runs import Maker, Question
from bot.scopes import Offered, Scopes
from bot.store import RunRow, ScopeChange, Store, open_store
from bot.store.migrate import upgrade
from connectors.base import Asked, Budget, Place, Scope
from connectors.memory import ALICE, MemoryConnector, Version
from providers.base import Provider
from providers.scripted import Pause, ScriptedProvider
from tests.doubles.way import Way, a_way, clock_us

MODELS = ("fast", "deep", "long", "odd")
AT_ONCE = 20
_TOKENS = 40
_PAUSE_S = 0.025
_STEP_US = 5_000
"""The clock of the log and that of the runs are one; a change may be durable so much later."""


def by_channel(place: Place, call: Literal["post", "edit"]) -> Budget:
    """A rate that no answer waits for, apart from the time between two edits."""
    return Budget(f"{call} {place.channel}", 120, 60)


class Shelf:
    """Models that stream for a second."""

    def __init__(self) -> None:
        script = [each for n in range(_TOKENS) for each in (f"word{n} ", Pause(_PAUSE_S))]
        self._models = {name: ScriptedProvider(script, name=f"scripted:{name}") for name in MODELS}

    def chain(self, names: Sequence[str]) -> Provider:
        """The first of them: no model fails here."""
        return self._models[names[0]]


@dataclass
class Load:
    """What is asked, and what is changed meanwhile."""

    way: Way
    scopes: Scopes
    channels: Sequence[Scope]
    rng: random.Random
    changes: list[ScopeChange] = field(default_factory=list)

    async def answer_until(self, end: float) -> None:
        """Twenty channels are asked again and again."""
        await asyncio.gather(*(self._ask(n, end) for n in range(AT_ONCE)))

    async def _ask(self, first: int, end: float) -> None:
        number = first
        while time.monotonic() < end:
            scope = self.channels[number % len(self.channels)]
            place = Place(scope.connector, scope.workspace, scope.channel)
            platform = self.way.connector.platform
            ref = platform.new_ref(place)
            said = Version(asyncio.get_running_loop().time(), "Why?")
            platform.add(ref, ALICE, said, clock_us())
            await self.way.runs.answer(Question(Asked(ref, ALICE, "Why?")), self.way.connector)
            number += AT_ONCE

    async def change_until(self, end: float, rate: float) -> None:
        """Settings change at a rate."""
        began, made = time.monotonic(), 0
        while time.monotonic() < end:
            scope = self.rng.choice(self.channels)
            written = {
                "model": self.rng.choice(MODELS),
                "run_seconds": str(self.rng.randint(60, 600)),
            }
            self.changes += await self.scopes.change(scope, written, "operator")
            made += 1
            await asyncio.sleep(max(0.0, began + made / rate - time.monotonic()))
        click.echo(
            f"{made} commands in {time.monotonic() - began:.1f} s, {len(self.changes)} changes"
        )


def unlike(rows: Sequence[RunRow], changes: Sequence[ScopeChange], offset_us: int) -> list[str]:
    """The runs that were made with something that did not hold as they began.

    `offset_us` is by how much the database's clock is ahead of that of the runs.
    """
    wrong = []
    for row in rows:
        made = (row.start.made_with or {}).get("model", {})
        scope = Scope(row.start.place.connector, row.start.place.workspace, row.start.place.channel)
        of_it = [each for each in changes if each.scope == scope and each.name == "model"]
        number = made.get("change", 0)
        newer = [each for each in of_it if each.id > number]
        this = next((each for each in of_it if each.id == number), None)
        begun = row.start.started_us + offset_us
        if this is not None and made["value"] != this.after:
            wrong.append(f"{row.run_id}: {made} is not what change {number} set")
        if newer and newer[0].at_us < begun - _STEP_US:
            wrong.append(f"{row.run_id}: change {newer[0].id} held before it began")
        if this is None and number:
            wrong.append(f"{row.run_id}: there is no change {number}")
    return wrong


def seconds(rows: Sequence[RunRow]) -> float:
    """How long an answer takes."""
    return mean((row.end.ended_us - row.start.started_us) / 1e6 for row in rows if row.end)


async def measure(folder: Path, count: int, period: float, rate: float) -> int:
    """Prints what was found; 1 where a run was made with something else."""
    url = f"sqlite+aiosqlite:///{folder / 'places.db'}"
    await upgrade(url)
    store = open_store(url)
    offset_us = time.time_ns() // 1_000 - clock_us()
    scopes = Scopes(store.scopes, Offered(MODELS))
    channels = [Scope("memory", "home", f"c{n}") for n in range(count)]
    first: list[ScopeChange] = []
    for n, scope in enumerate(channels):
        first += await scopes.change(scope, {"model": MODELS[n % len(MODELS)]}, "operator")

    def maker(_: Store) -> Maker:
        return Maker(scopes, Shelf(), clock_us)

    timed: dict[bool, list[float]] = {True: [], False: []}
    intake = IntakeOptions(scopes=scopes)
    wrong: list[str] = []
    async with a_way(
        [],
        provider=ScriptedProvider(["Usual."]),
        store=store,
        intake=intake,
        maker=maker,
        connector=MemoryConnector(budgets=by_channel),
    ) as way:
        load = Load(way, scopes, channels, random.Random(7), first)  # noqa: S311 - no secret
        for changing in (False, True, False):
            since_us, end = clock_us(), time.monotonic() + (period if changing else period / 2)
            work = [load.answer_until(end)]
            if changing:
                work.append(load.change_until(end, rate))
            await asyncio.gather(*work)
            rows = [
                row for row in await store.runs.recent(100_000) if row.start.started_us >= since_us
            ]
            timed[changing].append(seconds(rows))
            wrong += unlike(rows, load.changes, offset_us) if changing else []
            click.echo(f"{len(rows)} answers, {seconds(rows):.3f} s each, changing: {changing}")
    still = mean(timed[False])
    ratio = timed[True][0] / still
    click.echo(f"{len(wrong)} runs made with what did not hold; time {ratio:.3f} of that without")
    click.echo("\n".join(wrong[:10]))
    return int(bool(wrong))


def main() -> int:
    """Reads the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scopes", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=float, default=50)
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    memory = Path("/dev/shm")  # noqa: S108 - a folder of our own in it: no disk is measured
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        return asyncio.run(measure(Path(folder), given.scopes, given.seconds, given.rate))


if __name__ == "__main__":
    sys.exit(main())
