"""A server of two tools for all processes of a simulation: it counts what it does, and a call goes
on to it though the process that made it dies.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from bot.store import Store
from bot.tools import (
    CallDeclined,
    Caller,
    CallLost,
    CallNotSent,
    ServerConfig,
    Servers,
    ToolAnswer,
    Toolbox,
    ToolInfo,
    ToolOptions,
)
from bot.tools.connection import OnLate
from bot.words import Sentence
from tests.simulation.calling import Calling, Moment
from tests.simulation.watch import Watch

LOOK, RING = "look", "ring"
_READS = {"readOnlyHint": True}
_HEARD_S = 3.0
"""So long after its call was given up a late answer comes."""

OnMoment = Callable[[Moment, int], None]
"""Hears that a moment has come in a process."""


class Bell:
    """The server; `looks` is free, `rings` has to be allowed."""

    def __init__(self, calling: Calling, watch: Watch, on_moment: OnMoment) -> None:
        self.calling = calling
        self.counted: Counter[str] = Counter()
        """How often each call was done, by its token."""
        self.arguments: dict[str, Mapping[str, Any]] = {}
        self.unknown: set[str] = set()
        """The calls of which their caller can't know: lost on the way, or given up."""
        self.returned: dict[str, int] = {}
        """The process that was told how a call ended."""
        self.description = "Rings."
        self._watch = watch
        self._on_moment = on_moment
        self._chance = random.Random(f"{calling.seed}/bell")  # noqa: S311 - it has to be repeatable

    def toolbox(self, store: Store, number: int) -> Toolbox:
        """The tools of a process."""
        remember = (RING,) if self.calling.remember else ()
        config = ServerConfig(
            "bell", command="bell", tools=(LOOK, RING), trust=True, remember=remember
        )

        async def connect(_config: ServerConfig, on_late: OnLate) -> BellConnection:
            return BellConnection(self, number, on_late)

        servers = Servers({"bell": config}, connect=connect)
        options = ToolOptions(self.calling.rounds, approval_seconds=self.calling.seconds)
        caller = Caller(store.calls, servers)
        return Toolbox(caller, servers, store.calls, store.rules, options)

    def tools(self) -> list[ToolInfo]:
        """What it has now."""
        schema = {"type": "object"}
        return [
            ToolInfo("bell", LOOK, "Looks.", schema, _READS),
            ToolInfo("bell", RING, self.description, schema, {}),
        ]

    async def listed(self, number: int) -> list[ToolInfo]:
        """The same, as a process is told."""
        await self._time()
        self._on_moment("listed", number)
        await self._time()
        return self.tools()

    async def sent(
        self, number: int, token: str, arguments: Mapping[str, Any], on_late: OnLate
    ) -> ToolAnswer:
        """A call on its way, which no process's death ends."""
        fault = self._chance.random() / (self.calling.fault_odds or 1e-9)
        if fault < 0.2:
            raise CallNotSent
        await self._time()
        if number in self._watch.dead and self._chance.random() < 0.5:
            raise self._lost(token)
        if fault < 0.4:
            raise CallDeclined("no")
        if fault < 0.6:
            raise self._lost(token)
        answer = self._done(token, arguments)
        self._on_moment("counted", number)
        await self._time()
        if fault < 0.8:
            raise self._lost(token)
        if fault < 1.0:
            self._watch.beyond(self._late(number, token, answer, on_late))
            raise self._lost(token)
        return answer

    def told(self, token: str, number: int) -> None:
        """A process has heard how its call ended."""
        self.returned[token] = number
        self._on_moment("returned", number)

    def _done(self, token: str, arguments: Mapping[str, Any]) -> ToolAnswer:
        self.counted[token] += 1
        self.arguments[token] = arguments
        return ToolAnswer([{"type": "text", "text": f"rang {token}."}])

    async def _late(self, number: int, token: str, answer: ToolAnswer, on_late: OnLate) -> None:
        await asyncio.sleep(_HEARD_S)
        if number not in self._watch.dead:
            with self._watch.within(number):
                on_late(token, answer)

    def _lost(self, token: str) -> CallLost:
        self.unknown.add(token)
        return CallLost(Sentence("tool.broke_off", {"server": "bell"}))

    async def _time(self) -> None:
        await asyncio.sleep(self.calling.latency * self._chance.uniform(0.1, 0.5))


class BellConnection:
    """One process's connection to it."""

    changed = False
    ended = False

    def __init__(self, bell: Bell, number: int, on_late: OnLate) -> None:
        self._bell = bell
        self._number = number
        self._on_late = on_late

    async def tools(self) -> list[ToolInfo]:
        """What it has now."""
        return await self._bell.listed(self._number)

    async def call(self, token: str, _tool: str, arguments: Mapping[str, Any]) -> ToolAnswer:
        """See `ServerConnection.call`."""
        bell = self._bell
        bell._watch.note(f"p{self._number} calls {token}")
        wire = bell._watch.beyond(bell.sent(self._number, token, arguments, self._on_late))
        try:
            answer = await asyncio.shield(wire)
        except asyncio.CancelledError:
            bell.unknown.add(token)
            raise
        except (CallNotSent, CallDeclined):
            bell.told(token, self._number)
            raise
        bell.told(token, self._number)
        return answer

    async def aclose(self) -> None:
        """Nothing: it is everybody's."""
