"""Background tasks: work that goes on after a platform's request was answered."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

from connectors.base import ConnectorError

log = logging.getLogger(__name__)

_Result = TypeVar("_Result")


class BackgroundTasks:
    """Keeps a reference to each task until it ends, and logs the errors of tasks.

    Without a reference, asyncio's tasks may be garbage-collected before they end. `name` is the
    platform's name, for the log.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._tasks: set[asyncio.Task[Any]] = set()

    def run(self, work: Coroutine[Any, Any, _Result]) -> asyncio.Task[_Result]:
        """Starts a task."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    async def aclose(self) -> None:
        """Ends what is still running."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, ConnectorError):
            log.warning("%s did not do it: %s", self._name, error)
        elif error is not None:
            log.error("an errand failed", exc_info=error)
