"""Runs that ended while the token log was away are compared once it is back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from uuid import UUID

import structlog

from bot.receipts import Evidence, Receipt
from bot.store import Recorded, Store, StoreUnavailable

log = structlog.get_logger(__name__)

_LONG_S = 3600.0
_PAUSE_S = 1.0


class Late:
    """The comparisons that are owed. What is not made when the process ends stays `unproven`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tasks: set[asyncio.Task[None]] = set()

    def owe(
        self,
        run_id: UUID,
        found: Callable[[Recorded], Evidence],
        compare: Callable[[Evidence], Receipt],
        tell: Callable[[Receipt], Awaitable[None]],
    ) -> None:
        """Compares later, stores what was found, flagged as late, and tells the reader."""
        task = asyncio.create_task(self._prove(run_id, found, compare, tell), name="late")
        self._tasks.add(task)
        task.add_done_callback(self._done)

    async def settled(self, timeout: float) -> bool:
        """Waits until nothing is owed, for at most `timeout` seconds; says whether that is so."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout)
        return not self._tasks

    def cancel(self) -> None:
        """The process ends."""
        for task in self._tasks:
            task.cancel()

    async def _prove(
        self,
        run_id: UUID,
        found: Callable[[Recorded], Evidence],
        compare: Callable[[Evidence], Receipt],
        tell: Callable[[Receipt], Awaitable[None]],
    ) -> None:
        receipt = replace(compare(found(await self._recorded(run_id))), late=True)
        self._store.runs.prove(run_id, receipt.verdict, receipt.as_dict())
        log.info("run.compared_late", run_id=str(run_id), verdict=receipt.verdict.value)
        await tell(receipt)

    async def _recorded(self, run_id: UUID) -> Recorded:
        while True:
            try:
                await self._store.settled(run_id, _LONG_S)
                return await self._store.tokens.recorded(run_id)
            except StoreUnavailable as error:
                log.debug("run.still_unproven", run_id=str(run_id), error=str(error))
            await asyncio.sleep(_PAUSE_S)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("run.bug", exc_info=error)
