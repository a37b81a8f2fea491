"""The beats by which other processes know that this one lives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from bot.store import Leases, Seat, StoreUnavailable

log = structlog.get_logger(__name__)

LEASE_S = 10.0
"""After so long without a beat a process counts as dead."""
BEAT_S = 2.0


class Heart:
    """Beats. After an outage it is unsure, for a lease's length, who else could not beat."""

    def __init__(self, leases: Leases, now_us: Callable[[], int], seat: Seat | None = None) -> None:
        self.seat = seat
        self.returned: Callable[[], Coroutine[Any, Any, None]] | None = None
        """Called after an outage in which others may have taken this process for dead."""
        self._leases = leases
        self._now_us = now_us
        self._last: tuple[float, int] | None = None
        self._doubtful = False
        self._quiet_until = 0.0
        self._failing = False

    @property
    def calm(self) -> bool:
        """Whether silence of others means something: there was no outage for a lease's length."""
        return not self._gap() and _now() >= self._quiet_until

    async def beat_for_ever(self) -> None:
        """Beats until it is cancelled. The first beat is the caller's: `beat`."""
        while True:
            await asyncio.sleep(BEAT_S)
            try:
                await self.beat()
            except StoreUnavailable as error:
                self._fail(error)
            except Exception:  # whatever it is: without beats others would take our runs
                log.exception("lease.bug")

    async def begin(self) -> None:
        """The first beat of a process that is ready: how long its start took means nothing.

        Raises `StoreUnavailable`.
        """
        self._last = None
        await self.beat()

    async def beat(self) -> None:
        """One beat. Raises `StoreUnavailable`."""
        await self._tell()
        if self._doubtful and self.returned is not None:
            await self._beating(self.returned())
        self._doubtful = False
        self._failing = False

    async def _tell(self) -> None:
        await self._leases.beat(self._now_us(), self.seat)
        if self._last is not None and self._gap():
            log.warning("lease.gap")
            self._quiet_until = _now() + LEASE_S
            self._doubtful = True
        self._last = _now(), self._now_us()

    async def _beating(self, work: Coroutine[Any, Any, None]) -> None:
        """Does some work. Where the database is slow with it, others must not miss the beats."""
        task = asyncio.create_task(work)
        try:
            while not (await asyncio.wait({task}, timeout=BEAT_S))[0]:
                await self._tell()
            await task
        finally:
            task.cancel()
            await asyncio.wait({task})

    def _gap(self) -> bool:
        """Whether the last beat is long ago, by any of the two clocks."""
        if self._last is None:
            return True
        at, at_us = self._last
        return max(_now() - at, (self._now_us() - at_us) / 1_000_000) > LEASE_S / 2

    def _fail(self, error: StoreUnavailable) -> None:
        if not self._failing:
            log.error("lease.no_beat", error=str(error))
        self._failing = True


def _now() -> float:
    return asyncio.get_running_loop().time()
