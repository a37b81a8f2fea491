"""A server of one tool that writes: it takes a second, and counts what it did."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from bot.store import Store
from bot.tools import (
    Caller,
    ServerConfig,
    Servers,
    ToolAnswer,
    Toolbox,
    ToolInfo,
    ToolOptions,
)

CONFIG = ServerConfig("clock", command="clock", tools=("set",))
REMEMBERED = ServerConfig("clock", command="clock", tools=("set",), remember=("set",))
"""The same, of which rules may be made."""
SET = ToolInfo("clock", "set", "Sets the clock.", {"type": "object"}, {})


class SlowClock:
    """A server that is the same for all processes; it takes a second, and counts."""

    changed = False
    ended = False

    def __init__(self) -> None:
        self.made = 0

    async def tools(self) -> list[Any]:
        """What it has."""
        return [SET]

    async def call(self, _token: str, _tool: str, _arguments: Mapping[str, Any]) -> ToolAnswer:
        """Counts, and takes its time on both sides of that."""
        await asyncio.sleep(0.5)
        self.made += 1
        await asyncio.sleep(0.5)
        return ToolAnswer([{"type": "text", "text": "done"}])

    async def aclose(self) -> None:
        """Nothing."""


def a_toolbox(clock: SlowClock, config: ServerConfig = CONFIG) -> Callable[[Store], Toolbox]:
    """What makes a process's tools of this server."""

    async def connect(_config: ServerConfig, _late: Any) -> SlowClock:
        return clock

    def made(store: Store) -> Toolbox:
        servers = Servers({"clock": config}, connect=connect)
        caller = Caller(store.calls, servers)
        return Toolbox(caller, servers, store.calls, store.rules, ToolOptions())

    return made
