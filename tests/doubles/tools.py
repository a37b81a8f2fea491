"""Doubles for tools: a server that counts, and processes on one database that can be killed,
paused, or lose the answer of a commit, between any two steps.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, Connection, func

from bot.cluster.leases import Leases
from bot.identity import Account
from bot.store import (
    AskedCall,
    CallKey,
    CallStore,
    InlineDatabase,
    RunStart,
    Store,
    StoreUnavailable,
)
from bot.tools import (
    CallDeclined,
    Caller,
    CallLost,
    CallNotSent,
    ServerConfig,
    Servers,
    ToolAnswer,
    ToolInfo,
    binding_of,
)
from bot.tools.connection import OnLate
from bot.words import Sentence
from connectors.base import Person, Place

T = TypeVar("T")

ADA = Account("slack", "T1", "U1")
PLACE = Place("slack", "T1", "C1", "171.5")
CONFIG = ServerConfig("mail", command="mail", tools=("send",), approve="always", sha256="c" * 64)
SEND = ToolInfo("mail", "send", "Sends a mail.", {"type": "object"}, {"destructiveHint": True})
ARGUMENTS = '{"to": "bob"}'


def answered(text: str = "sent") -> ToolAnswer:
    """A server's answer."""
    return ToolAnswer([{"type": "text", "text": text}])


def asked(arguments: str = ARGUMENTS, tool: ToolInfo = SEND) -> AskedCall:
    """A call as a model asked for it."""
    return AskedCall("call_1", "mail", tool.name, arguments, binding_of(arguments, CONFIG, tool))


class Killed(BaseException):
    """The process is gone; nothing catches it."""


class Chaos:
    """What happens to one process between its steps: by chance, but the same for each seed."""

    def __init__(self, chance: random.Random, kills: float, losses: float, pauses: float) -> None:
        self._chance = chance
        self._kills, self._losses, self._pauses = kills, losses, pauses
        self.dead = False
        self.kills = 0

    async def step(self) -> None:
        """Between any two steps."""
        if not self.dead and self._chance.random() < self._pauses:
            await asyncio.sleep(self._chance.choice([0.01, 1.0, 40.0]))
        if self._chance.random() < self._kills:
            self.dead = True
        if self.dead:
            raise Killed

    def lose(self) -> bool:
        """Whether the database doesn't answer now."""
        return self._chance.random() < self._losses


class ProcessDatabase:
    """The database as one process reaches it."""

    def __init__(self, shared: InlineDatabase, chaos: Chaos) -> None:
        self._shared = shared
        self._chaos = chaos

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Runs work; the answer can be lost before or after the commit."""
        await self._chaos.step()
        if self._chaos.lose():
            raise StoreUnavailable("away")
        done = await self._shared.run(work)
        await self._chaos.step()
        if self._chaos.lose():
            raise StoreUnavailable("the answer is lost")
        return done

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Reads."""
        return await self.run(work)

    async def aclose(self) -> None:
        """Nothing: it is shared."""


class CountingServer:
    """A server that counts what it was asked to do, and with which arguments."""

    def __init__(self, chance: random.Random, faults: float = 0.0) -> None:
        self._chance = chance
        self._faults = faults
        self.counted: Counter[str] = Counter()
        self.arguments: dict[str, Mapping[str, Any]] = {}
        self.sends: list[str] = []

    async def call(self, chaos: Chaos, token: str, arguments: Mapping[str, Any]) -> ToolAnswer:
        """Does it, between two steps of the process that asks."""
        await chaos.step()
        fault = self._chance.random()
        if fault < self._faults / 4:
            raise CallNotSent
        if fault < self._faults / 2:
            raise CallDeclined("no")
        self.counted[token] += 1
        self.arguments[token] = arguments
        await chaos.step()
        if fault < self._faults:
            raise CallLost(Sentence("tool.broke_off", {"server": "mail"}))
        return answered()


class FakeConnection:
    """A connection of one process to a counting server."""

    changed = False
    ended = False

    def __init__(self, server: CountingServer, chaos: Chaos) -> None:
        self._server = server
        self._chaos = chaos

    async def tools(self) -> list[ToolInfo]:
        """Its one tool."""
        return [SEND]

    async def call(self, token: str, tool: str, arguments: Mapping[str, Any]) -> ToolAnswer:
        """Calls it."""
        assert tool == "send"
        return await self._server.call(self._chaos, token, arguments)

    async def aclose(self) -> None:
        """Nothing."""


class Host:
    """One process of a deployment: its own name, way to the database, and way to the server."""

    def __init__(
        self,
        shared: InlineDatabase,
        server: CountingServer,
        chaos: Chaos,
        calls: type[CallStore] = CallStore,
        caller: type[Caller] = Caller,
        connection: type[FakeConnection] = FakeConnection,
    ) -> None:
        self.chaos = chaos
        self.me = str(uuid4())
        database = ProcessDatabase(shared, chaos)
        self.leases = Leases(database, self.me)
        self.calls = calls(database, self.me, VIRTUAL_NOW)
        self.epoch: int | None = None

        async def connect(_config: ServerConfig, _late: OnLate) -> FakeConnection:
            return connection(server, chaos)

        self.caller = caller(self.calls, Servers({"mail": CONFIG}, connect=connect))

    async def go_on(self, key: CallKey) -> None:
        """Makes a call if it is approved and this process owns its run."""
        row = await self.calls.get(key)
        if row is not None and row.state == "approved" and self.epoch is not None:
            await self.caller.make(row, self.epoch)

    async def take_over(self, run_id: UUID, owner: str | None, key: CallKey) -> None:
        """Claims a run, and goes on with its call."""
        if await self.leases.claim_run(run_id, owner):
            self.epoch = await self.calls.epoch(run_id)
            await self.go_on(key)


VIRTUAL_NOW = func.virtual_now(type_=BigInteger())


async def virtual_database(now_us: Callable[[], int]) -> InlineDatabase:
    """A database in memory whose clock is the test's."""
    database = InlineDatabase()

    def work(connection: Connection) -> None:
        raw: Any = connection.connection.driver_connection
        raw.create_function("virtual_now", 0, now_us)

    await database.run(work)
    return database


async def a_run(database: InlineDatabase, owner: str, run_id: UUID | None = None) -> UUID:
    """A run that a process owns."""
    store = Store(database)
    store.runs._owner = owner
    run_id = run_id or uuid4()
    store.runs.begin(RunStart(run_id, PLACE, "1", Person("U1", "Ada", realm="T1"), "?", "m", 1))
    await store.settled(run_id, 5)
    await store.drain(5)
    return run_id
