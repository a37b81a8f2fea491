"""Work that nobody waits for, but that is waited for at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

log = structlog.get_logger(__name__)


class Tasks:
    """Runs coroutines side by side; what one of them raises is a bug and is told."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._endless: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Starts a piece of work."""
        self._start(work, self._tasks)

    def spawn_endless(self, work: Coroutine[Any, Any, None]) -> None:
        """Starts what tries again until it works: nobody waits for it, and `cancel` ends it."""
        self._start(work, self._endless)

    def cancel(self) -> None:
        """Ends what tries again and again: the next process sees to it."""
        for task in tuple(self._endless):
            task.cancel()

    async def settled(self) -> None:
        """Waits until all of it is done, also what was started meanwhile."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _start(self, work: Coroutine[Any, Any, None], among: set[asyncio.Task[None]]) -> None:
        task = asyncio.create_task(work)
        among.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._endless.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("intake.bug", exc_info=error)
