"""Calls that run to their end, whatever becomes of those who wait for them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

_Result = TypeVar("_Result")

_PATIENCE_S = 5.0
"""So long calls that are under way are waited for at the end."""


class Flights:
    """One call at a time for each key. A cancelled caller leaves its call under way."""

    def __init__(self) -> None:
        self._under_way: dict[str, asyncio.Task[Any]] = {}
        self._errands: set[asyncio.Task[None]] = set()

    async def run(self, key: str, call: Callable[[], Awaitable[_Result]]) -> _Result:
        """Makes a call once no other with the same key is under way. Returns what it returns."""
        while before := self._under_way.get(key):
            await asyncio.wait({before})
        flight = asyncio.create_task(_awaited(call), name=f"discord {key}")
        self._under_way[key] = flight
        flight.add_done_callback(partial(self._landed, key))
        return await asyncio.shield(flight)

    def send(self, errand: Coroutine[Any, Any, None]) -> None:
        """Makes a call that nobody waits for."""
        task = asyncio.create_task(errand)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def aclose(self) -> None:
        """Waits for what is under way, but not for ever."""
        tasks = {*self._under_way.values(), *self._errands}
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=_PATIENCE_S)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def _landed(self, key: str, flight: asyncio.Task[Any]) -> None:
        if self._under_way.get(key) is flight:
            del self._under_way[key]
        if not flight.cancelled():
            flight.exception()  # whoever waited has it; if nobody does, it is no news


async def _awaited(call: Callable[[], Awaitable[_Result]]) -> _Result:
    return await call()
