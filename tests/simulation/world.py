"""Processes of the bot on one platform and one database; each can be killed and closed."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.cluster import Cluster, Recovery
from bot.intake import Intake, IntakeOptions
from bot.pacing import Pacing
from bot.runs import RequestOptions, RunOptions, Runs
from bot.store import InlineDatabase, Store, StoreUnavailable
from connectors.base import Budget, Limits
from connectors.memory import Platform
from tests.doubles.way import START_US
from tests.simulation.bell import Bell
from tests.simulation.calling import Moment, Strike
from tests.simulation.database import Line, Weather
from tests.simulation.model import Model, Scripts
from tests.simulation.plan import Plan
from tests.simulation.refusals import Refusals
from tests.simulation.watch import Watch
from tests.simulation.wire import Connector, Skies

GRACE_S = 2.0
_KNOWN_S = 3.5
"""A beat, a look, and what the database takes for them."""


@dataclass
class Process:
    """One process of the bot."""

    number: int
    connector: Connector
    line: Line
    cluster: Cluster
    runs: Runs
    intake: Intake
    recovery: Recovery
    pacing: Pacing
    clock_jump_s: list[float]
    parts: list[asyncio.Task[None]] = field(default_factory=list)
    closing: bool = False
    began: float = 0.0
    known_at: float | None = None
    """When every other process shared the budgets with this one, too."""

    @property
    def store(self) -> Store:
        """What it keeps."""
        return self.cluster.store

    @property
    def sharers(self) -> int:
        """So many processes share the budgets, as far as this one knows."""
        return self.pacing._share(self.connector.name)._processes or 1

    async def serve(self) -> None:
        """Starts as the app does; a database that is away is waited for, as by a supervisor."""
        while True:
            try:
                await self.cluster.heartbeat.begin([self.connector.name], self.recovery)
                await self.recovery.look_around()
            except StoreUnavailable:
                await asyncio.sleep(1.0)
            else:
                break
        self.parts = [
            asyncio.create_task(self.recovery.serve()),
            asyncio.create_task(self.cluster.heartbeat.beat_for_ever()),
            asyncio.create_task(self.intake.serve(self.connector)),
        ]
        if self.runs.call_tools:
            self.parts.append(asyncio.create_task(self.intake.approvals.serve()))


class World:
    """The platform, the database, and the processes there."""

    def __init__(
        self, plan: Plan, chance: random.Random, watch: Watch, database: InlineDatabase
    ) -> None:
        self.plan = plan
        self.chance = chance
        self.watch = watch
        self.database = database
        self.platform = Platform()
        self.scripts = Scripts(plan, chance)
        self.weather = Weather(odds=plan.store_odds, slow_odds=plan.slow_store_odds)
        self.skies = Skies(
            odds=plan.call_odds,
            latency=plan.latency,
            limited_edits=plan.limited_edits,
            taken_posts=plan.taken_posts,
            refused_posts=plan.refused_posts,
            refused_whispers=plan.refused_whispers,
        )
        self.refusals = Refusals(plan.refusing, plan.length, self.platform)
        self.processes: list[Process] = []
        self.bell = None if plan.calling is None else Bell(plan.calling, watch, self.moment)
        self._strikes: list[Strike] = [] if plan.calling is None else [*plan.calling.strikes]
        self.restarts: Callable[[], None] = lambda: None
        """Called after a strike: somebody may have to start a process."""
        watch.leeway = self.leeway

    @property
    def living(self) -> list[Process]:
        """Those that take messages."""
        return [p for p in self.processes if not (p.closing or p.number in self.watch.dead)]

    def start(self) -> Process:
        """Starts a process."""
        number = len(self.processes) + 1
        with self.watch.within(number):
            process = self._made(number)
            asyncio.create_task(process.serve())  # noqa: RUF006 - the watch keeps it
        self.processes.append(process)
        self.watch.note(f"p{number} starts")
        return process

    def _made(self, number: int) -> Process:
        jump = [0.0]

        def clock_us() -> int:
            return START_US + round((asyncio.get_running_loop().time() + jump[0]) * 1e6)

        connector = Connector(
            number,
            self.platform,
            Limits(self.plan.length),
            self.plan.budgets,
            lambda: START_US / 1e6 + asyncio.get_running_loop().time(),
            self.skies,
            self.chance,
            self.watch,
            self.refusals,
        )
        line = Line(self.database, self.weather, self.chance)
        store = Store(line)
        cluster = Cluster(store, clock_us)
        pacing = Pacing()
        request = RequestOptions("Be brief.", 20, None)
        options = RunOptions(request, run_seconds=90.0, delivery_seconds=90.0)
        runs = Runs(
            provider=Model(self.scripts),
            store=store,
            pacing=pacing,
            options=options,
            now_us=clock_us,
            toolbox=None if self.bell is None else self.bell.toolbox(store, number),
        )
        door = Intake(cluster, runs, pacing, IntakeOptions(policy=self.plan.policy), clock_us)
        recovery = Recovery(cluster, runs, pacing, [connector], door, clock_us)
        began = asyncio.get_running_loop().time()
        return Process(
            number, connector, line, cluster, runs, door, recovery, pacing, jump, began=began
        )

    # What befalls a process at a moment of a call's way.

    def moment(self, moment: Moment, number: int) -> None:
        """A call has come to a moment in a process."""
        strike = next((each for each in self._strikes if each.moment == moment), None)
        if strike is not None and number not in (0, *self.watch.dead):
            self._strikes.remove(strike)
            self.watch.beyond(self._struck(strike, self.processes[number - 1]))

    async def _struck(self, strike: Strike, process: Process) -> None:
        await asyncio.sleep(strike.after)
        if process.number in self.watch.dead:
            return
        if strike.kills:
            self.kill(process)
            self.restarts()
        else:
            self.stall(process)

    def stall(self, process: Process) -> None:
        """What a process tells the database takes its time: others may take it for dead."""
        self.watch.note(f"p{process.number} stalls")
        process.line.stalled_until = _now() + self.chance.choice([1.0, 7.0, 12.0, 20.0])

    def leeway(self, budget: Budget, now: float) -> int:
        """So many calls more than a budget the platform may see, as `bot/pacing/limiter.py` has it.

        These are the parts of those who are new: until one window after all others, also those
        that close, divide by a number that counts them, for what was called before nobody takes
        back. And of more processes than a budget has calls each may make one in the same window.
        """
        beating = [
            p
            for p in self.processes
            if p.number not in self.watch.dead and p.cluster.heartbeat.serves
        ]
        known = all(p.sharers >= len(beating) for p in beating)
        told_by = self._told_by(now)
        parts = max(0, self.watch.callers(budget) - budget.calls)
        for process in self.processes:
            if (known or told_by > process.began) and process.known_at is None:
                process.known_at = now
            if process.known_at is None or now - process.known_at < budget.seconds:
                parts += math.ceil(budget.calls / max(process.sharers, len(beating)))
        return parts

    def _told_by(self, now: float) -> float:
        """Who began before has been heard of by now, whatever the bot believes.

        Nothing can be said while the database fails now and then.
        """
        if self.plan.store_odds or self.plan.slow_store_odds or self.plan.calling is not None:
            return -math.inf
        calm_since = max(self.weather.away_until, self.weather.full_until)
        return now - _KNOWN_S if now - _KNOWN_S >= calm_since else -math.inf

    def kill(self, process: Process) -> None:
        """The process is gone at once: nothing that it meant to do is done."""
        self.watch.note(f"p{process.number} is killed")
        process.line.cut = True
        process.connector._closed = True
        self.watch.end(process.number)

    def close(self, process: Process) -> None:
        """A clean end, as at a SIGTERM."""
        self.watch.note(f"p{process.number} is asked to stop")
        process.closing = True
        with self.watch.within(process.number):
            asyncio.create_task(self._closed(process))  # noqa: RUF006 - the watch keeps it

    async def _closed(self, process: Process) -> None:
        recovering = process.parts[:1]
        for part in recovering:
            part.cancel()
        standing_by = asyncio.create_task(process.recovery.stand_by())
        process.intake.close()
        await process.runs.drain(GRACE_S)
        settling = asyncio.create_task(process.intake.settled())
        if not await process.runs.late.settled(5.0):
            process.runs.late.cancel()
        await asyncio.wait({settling, *recovering}, timeout=5.0)
        await process.connector.aclose()
        for part in [standing_by, *process.parts[1:]]:
            part.cancel()
        await process.cluster.aclose(5.0)
        self.watch.beyond(self._gone(process))

    async def _gone(self, process: Process) -> None:
        self.kill(process)


def _now() -> float:
    return asyncio.get_running_loop().time()
