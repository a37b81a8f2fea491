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
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def spawn_endless(self, work: Coroutine[Any, Any, None]) -> None:
        """Starts what tries again until it works: nobody waits for it, and `cancel` ends it."""
        task = asyncio.create_task(work)
        self._endless.add(task)
        task.add_done_callback(self._endless.discard)

    def cancel(self) -> None:
        """Ends what tries again and again: the next process sees to it."""
        for task in self._endless:
            task.cancel()

    async def settled(self) -> None:
        """Waits until all of it is done, also what was started meanwhile."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("intake.bug", exc_info=error)
