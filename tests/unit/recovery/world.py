"""Several processes on one platform and one database, on virtual time; each can be killed."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from sqlalchemy import Connection

from bot.cluster import Cluster, Recovery
from bot.intake import Intake, IntakeOptions
from bot.pacing import Pacing
from bot.runs import RequestOptions, RunOptions, Runs
from bot.store import InlineDatabase, RunRow, Store, StoreUnavailable
from bot.tools import Toolbox
from connectors.base import Limits, MessageRef, Part, Place, Shown
from connectors.memory import BOT, Fault, MemoryConnector, Platform, PostedMessage
from providers.scripted import ScriptedProvider
from tests.doubles.way import clock_us

T = TypeVar("T")

_PROCESS: ContextVar[int] = ContextVar("process", default=0)


class Line:
    """A process's way to the database; it can be cut, and is when the process dies."""

    def __init__(self, database: InlineDatabase) -> None:
        self._database = database
        self.cut = False

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Runs work, unless the line is cut."""
        if self.cut:
            raise StoreUnavailable("the line is cut")
        return await self._database.run(work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Reads, unless the line is cut."""
        return await self.run(work)

    async def aclose(self) -> None:
        """The database is the world's."""


class Connector(MemoryConnector):
    """As on Slack, only the process that posted knows its key again; others have to look."""

    async def post(self, place: Place, part: Part, key: str) -> Shown:
        return await super().post(place, part, f"{id(self)}/{key}")

    async def find(self, place: Place, part: Part, key: str, since_us: int) -> Shown | None:
        known = [k for k in self.platform.keys if k.endswith(f"/{key}")]
        return await super().find(place, part, known[0] if known else key, since_us)


@dataclass
class Process:
    """One process of the bot."""

    number: int
    connector: Connector
    provider: ScriptedProvider
    line: Line
    cluster: Cluster
    runs: Runs
    intake: Intake
    recovery: Recovery
    parts: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def store(self) -> Store:
        """What it keeps."""
        return self.cluster.store

    async def ask(self, text: str = "Why?", thread: str = "") -> MessageRef:
        """A person asks in a conversation; returns once the question is kept."""
        place = replace(self.connector.place, thread=thread)
        incoming = self.connector.ask(text, place=place)
        assert await incoming.accepted()
        return incoming.event.message


@dataclass
class World:
    """The platform, the database, and the processes there."""

    limits: Limits
    platform: Platform = field(default_factory=Platform)
    database: InlineDatabase = field(default_factory=InlineDatabase)
    processes: list[Process] = field(default_factory=list)
    tasks: defaultdict[int, set[asyncio.Task[Any]]] = field(
        default_factory=lambda: defaultdict(set)
    )

    async def start(
        self,
        *scripts: Any,
        latency: float = 0.0,
        fault: Fault | None = None,
        intake: IntakeOptions | None = None,
        toolbox: Callable[[Store], Toolbox] | None = None,
    ) -> Process:
        """Starts a process."""
        number = len(self.processes) + 1
        token = _PROCESS.set(number)
        try:
            process = self._made(number, scripts, latency, fault, intake, toolbox)
            cluster = process.cluster
            await cluster.heartbeat.begin([process.connector.name], process.recovery)
            await process.recovery.look_around()
            parts = [
                cluster.heartbeat.beat_for_ever(),
                process.intake.serve(process.connector),
            ]
            process.parts = [
                asyncio.create_task(part) for part in [*parts, process.recovery.serve()]
            ]
        finally:
            _PROCESS.reset(token)
        self.processes.append(process)
        return process

    def _made(
        self,
        number: int,
        scripts: Sequence[Any],
        latency: float,
        fault: Fault | None,
        options: IntakeOptions | None,
        toolbox: Callable[[Store], Toolbox] | None,
    ) -> Process:
        connector = Connector(
            platform=self.platform,
            limits=self.limits,
            latency=latency,
            fault=fault,
            clock=lambda: clock_us() / 1e6,
        )
        line = Line(self.database)
        store = Store(line)
        cluster = Cluster(store, clock_us)
        model = ScriptedProvider(*scripts, stall_seconds=1e6)
        pacing = Pacing()
        request = RequestOptions("Be brief.", 20, None)
        runs = Runs(
            provider=model,
            store=store,
            pacing=pacing,
            options=RunOptions(request, run_seconds=1e6),
            now_us=clock_us,
            toolbox=toolbox and toolbox(store),
        )
        door = Intake(cluster, runs, pacing, options or IntakeOptions(), clock_us)
        recovery = Recovery(
            cluster, runs, pacing, [connector], door, clock_us, unattended=["terminal"]
        )
        return Process(number, connector, model, line, cluster, runs, door, recovery)

    def kill(self, process: Process) -> None:
        """The process is gone at once: nothing that it meant to do is done."""
        process.line.cut = True
        process.connector._closed = True
        for task in self.tasks[process.number]:
            task.cancel()

    async def close(self, process: Process, grace: float = 1.0) -> None:
        """A clean end, as at a SIGTERM: what has not ended within the grace is left."""
        process.parts[-1].cancel()
        standing_by = asyncio.create_task(process.recovery.stand_by())
        process.intake.close()
        await process.runs.drain(grace)
        await process.runs.idle(grace)
        standing_by.cancel()
        await process.cluster.aclose(grace)
        self.kill(process)

    async def until(self, seen: Callable[[], Any], seconds: float = 3600) -> None:
        """Lets virtual time pass until something is so."""
        async with asyncio.timeout(seconds):
            while not seen():  # noqa: ASYNC110 - it waits for anything at all
                await asyncio.sleep(0.01)

    async def row(self) -> RunRow:
        """The only run."""
        (row,) = await self.rows()
        return row

    async def rows(self) -> list[RunRow]:
        """The runs, oldest first."""
        return (await Store(self.database).runs.recent(100))[::-1]

    async def outcomes(self) -> list[str]:
        """How the runs ended, oldest first."""
        return [row.end.outcome if row.end else "" for row in await self.rows()]

    async def recovered(self) -> None:
        """Waits until every run has ended, and nothing waits in the inbox."""
        store = Store(self.database)
        async with asyncio.timeout(3600):
            while await store.runs.open() or await store.inbox.unanswered():  # noqa: ASYNC110
                await asyncio.sleep(0.5)
        await asyncio.sleep(5)

    @property
    def messages(self) -> list[PostedMessage]:
        """The bot's messages that stand, in order."""
        found = self.platform.messages.values()
        return [message for message in found if message.author == BOT and not message.deleted]

    @property
    def shown(self) -> list[str]:
        """Their texts."""
        return [message.text for message in self.messages]

    @property
    def writing(self) -> list[str]:
        """The texts of those that look unfinished."""
        return [message.text for message in self.messages if message.writing]


@asynccontextmanager
async def a_world(limits: Limits | None = None) -> AsyncIterator[World]:
    """Opens a world, and ends all of its processes."""
    world = World(limits or Limits(4000))
    loop = asyncio.get_running_loop()

    def made(
        loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **options: Any
    ) -> asyncio.Task[Any]:
        task = asyncio.Task(work, loop=loop, **options)
        tasks = world.tasks[_PROCESS.get()]
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        return task

    loop.set_task_factory(made)  # type: ignore[arg-type]
    try:
        yield world
    finally:
        for process in world.processes:
            world.kill(process)
        left = [task for n, tasks in world.tasks.items() if n for task in tasks]
        await asyncio.gather(*left, return_exceptions=True)
        loop.set_task_factory(None)
        await world.database.aclose()
