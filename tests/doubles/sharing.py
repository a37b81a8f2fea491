"""Processes that share one budget, on virtual time: the database and Redis can go away for each.

The script is Redis' own, run by a real server; only its clock is the loop's, which can jump.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import redis
from sqlalchemy import Connection

from bot.cluster.budget_keeper import BudgetKeeper
from bot.cluster.heartbeat import BEAT_S, Heartbeat
from bot.cluster.leases import Leases
from bot.pacing import Pacing
from bot.pacing.redis_scripts import SCRIPT
from bot.pacing.shared import RedisAway, SharedBudgets
from bot.store import BudgetRows, InlineDatabase, StoreUnavailable
from connectors.base import Budget

T = TypeVar("T")

_REAL_CLOCK = """local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
"""
_LOOK_S = 1.0
_ROUNDED_S = 1e-6
_EPOCH_S = 1_700_000_000


def with_clock(script: str) -> str:
    """The script with the time that it is given instead of the server's."""
    if _REAL_CLOCK not in script:
        raise ValueError("the script reads its clock in another way")
    return script.replace(_REAL_CLOCK, "local now = tonumber(ARGV[2])\n")


def now() -> float:
    """The loop's time."""
    return asyncio.get_running_loop().time()


def clock_us() -> int:
    """Microseconds since the epoch."""
    return round((_EPOCH_S + now()) * 1e6)


class Line:
    """A process's way to the database."""

    def __init__(self, database: InlineDatabase) -> None:
        self._database = database
        self.cut = False

    async def run(self, work: Callable[[Connection], T]) -> T:
        if self.cut:
            raise StoreUnavailable("the line is cut")
        return await self._database.run(work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await self.run(work)

    async def aclose(self) -> None:
        """The database is the world's."""


@dataclass
class Server:
    """Redis, as far as all processes see it."""

    client: redis.Redis
    script: str = SCRIPT
    skew_s: float = 0.0
    away: bool = False
    run: int = 1

    def __post_init__(self) -> None:
        self.client.flushall()
        self._sha = str(self.client.script_load(with_clock(self.script)))

    def restart(self) -> None:
        """Everything is gone, and it is another run of the server."""
        self.client.flushall()
        self.skew_s = 0.0
        self.run += 1

    def evict(self, chance: random.Random) -> None:
        """Loses one key."""
        found: Any = self.client.keys("*")
        if keys := sorted(found):
            self.client.delete(chance.choice(keys))

    def evaluate(self, keys: list[str], told: dict[str, Any]) -> dict[str, Any]:
        """One step, at the server's time."""
        at_ms = round((_EPOCH_S + now() + self.skew_s) * 1000)
        said: Any = self.client.evalsha(self._sha, len(keys), *keys, json.dumps(told), at_ms)
        answer: dict[str, Any] = json.loads(said)
        return answer


class Wire:
    """One process's way to Redis; an answer can be late, and can be lost."""

    def __init__(self, server: Server, chance: random.Random, latency_s: float) -> None:
        self._server = server
        self._chance = chance
        self._latency_s = latency_s
        self._run: int | None = None
        self.cut = False

    async def ping(self, _deployment: str) -> None:
        await self._way()
        self._run = self._server.run

    async def ask(self, budget: str, epoch: int, told: dict[str, Any]) -> dict[str, Any]:
        await self._way()
        keys = [f"{epoch}:registry", f"{epoch}:known", f"{epoch}:{budget}"]
        for sure in (False, True):
            if sure or self._run is None:
                self._run = self._server.run
            more = {"name": budget, "channel": "wake:", "run": str(self._run), "sure": sure}
            said = self._server.evaluate(keys, told | more)
            if not said.get("stale"):
                break
        await self._way()
        return said

    async def _way(self) -> None:
        await asyncio.sleep(self._chance.uniform(0.0, self._latency_s))
        if self.cut or self._server.away:
            raise RedisAway("the line is cut")


@dataclass
class Spender:
    """A process that makes all the calls that it may, while it is `busy`."""

    name: str
    pacing: Pacing
    shared: SharedBudgets
    keeper: BudgetKeeper
    heartbeat: Heartbeat
    leases: Leases
    line: Line
    wire: Wire | None
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)
    busy: bool = True
    calls: list[list[float]] = field(default_factory=list)
    """When each of its replies made a call."""

    async def look(self) -> None:
        """Reads the mode and who the others are, again and again."""
        while True:
            at = now()
            try:
                seen = await self.leases.snapshot()
            except StoreUnavailable:
                pass
            else:
                alive = clock_us() - 10_000_000
                others = [p for p in seen.processes if p.id != self.name and p.beat_us > alive]
                self.keeper.seen(others, seen.modes, at)
                self.pacing.divide("shared", len(others) + 1)
            await asyncio.sleep(_LOOK_S)

    async def beat(self) -> None:
        """Says that it lives."""
        while True:
            await asyncio.sleep(BEAT_S)
            try:
                await self.heartbeat.beat()
            except StoreUnavailable:
                continue


@dataclass
class Deployment:
    """All of them, and what the platform counted."""

    budget: Budget
    chance: random.Random
    server: Server | None = None
    latency_s: float = 0.02
    counted: list[float] = field(default_factory=list)
    processes: list[Spender] = field(default_factory=list)
    started: int = 0
    database: InlineDatabase = field(default_factory=InlineDatabase)

    async def start(self, busy: bool = True, replies: int = 1) -> Spender:
        """A process more, whose replies spend what they may."""
        self.started += 1
        name = f"process-{self.started}"
        line = Line(self.database)
        wire = None
        if self.server is not None:
            wire = Wire(self.server, self.chance, self.latency_s)
        shared = SharedBudgets(name, {"shared"}, wire)
        leases = Leases(line, name)
        heartbeat = Heartbeat(leases, clock_us)
        heartbeat.serves = ("shared",)
        keeper = BudgetKeeper(BudgetRows(line, name), shared, heartbeat, clock_us, wire)
        pacing = Pacing(shared=shared)
        made = Spender(name, pacing, shared, keeper, heartbeat, leases, line, wire, busy=busy)
        await keeper.begin()
        await heartbeat.beat()
        works = [made.look(), made.beat(), keeper.serve()]
        works += [self._spend(made) for _ in range(replies)]
        made.tasks = [asyncio.create_task(work) for work in works]
        self.processes.append(made)
        return made

    async def stop(self, process: Spender) -> None:
        """Kills it."""
        for task in process.tasks:
            task.cancel()
        await asyncio.gather(*process.tasks, return_exceptions=True)
        process.line.cut = True
        if process.wire is not None:
            process.wire.cut = True
        self.processes.remove(process)

    async def aclose(self) -> None:
        """Ends all."""
        for process in list(self.processes):
            await self.stop(process)

    async def _spend(self, process: Spender) -> None:
        reply, calls = Growing(), list[float]()
        process.calls.append(calls)
        while True:
            if not process.busy:
                await asyncio.sleep(0.1)
                continue
            call = await process.pacing.turn(self.budget, reply)
            await asyncio.sleep(self.chance.uniform(0.0, 2 * self.latency_s))
            self.counted.append(now())
            calls.append(now())
            await asyncio.sleep(self.chance.uniform(0.0, 2 * self.latency_s))
            process.pacing.answered(self.budget, call)
            reply.since = now()

    def most(self) -> int:
        """The most calls that any window holds."""
        times, first, most = sorted(self.counted), 0, 0
        for last, at in enumerate(times):
            while times[first] <= at - self.budget.seconds + _ROUNDED_S:
                first += 1
            most = max(most, last - first + 1)
        return most


class Growing:
    """A reply whose reader waits; its text is never whole."""

    def __init__(self) -> None:
        self.ended = False
        self.blank = False
        self.unseen = 50
        self.since = now()
