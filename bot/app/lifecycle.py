"""The store opened and brought up to date, and all of it closed within its deadlines."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from types import FrameType

import structlog

from bot.cluster import Cluster, this_seat
from bot.settings import Settings
from bot.store import Store, open_store, upgrade

# From the signal to the end of the process: within the grace and a few seconds, whatever hangs.


log = structlog.get_logger(__name__)

MARGIN_S = 4.0
"""Seconds after the grace at which the process exits, closed or not. Heroku kills after 30 s."""
OVERDUE = 70
"""The exit code then: sysexits' "internal software error"."""
CLOSE_DEADLINE_S = 5.0
"""Seconds that one thing may take to close when nothing else waits."""

_CLOSING_S = 2.0
"""What is left of the grace, or a fifth of it, to close connectors, providers and log."""
_SPARE_S = 0.5
_ALARM_S = 0.5
"""After so much longer the kernel ends what not even a thread could end."""
_LEAST_S = 0.2
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stopping:
    """Hears the first signal; from then on it knows what time there is left.

    A second signal ends the process at once. That is the kernel's work, and so is the last
    deadline, by SIGALRM: what hangs may be the event loop, native code that lets no thread run, or
    the interpreter's own end. Where a thread can still run, it says so in the log, just before.
    """

    def __init__(self, grace: float) -> None:
        """`grace` in seconds. Belongs to the running loop."""
        self._grace = grace
        self._loop = asyncio.get_running_loop()
        self._asked = asyncio.Event()
        self._began = threading.Event()
        self._at: float | None = None

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Until the end the first SIGTERM or SIGINT is heard. For the main thread."""
        threading.Thread(target=self._watch, name="overdue", daemon=True).start()
        before = {number: signal.signal(number, self._hear) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                if self._at is None:
                    signal.signal(number, handler)

    async def asked(self) -> None:
        """Returns once the process is asked to stop."""
        await self._asked.wait()

    def begin(self) -> None:
        """Stops, asked or not: the time begins to run."""
        if self._at is None:
            self._at = time.monotonic()
            signal.setitimer(signal.ITIMER_REAL, self._grace + MARGIN_S + _ALARM_S)
            self._began.set()

    def running_s(self) -> float:
        """Seconds that running answers may still go on."""
        return max(0.0, self._left() - min(_CLOSING_S, self._grace / 5))

    def patience_s(self) -> float:
        """Seconds that the next thing may take to close, so that the others get their turn."""
        return self._share(3)

    def last_s(self) -> float:
        """Seconds that the last thing may take to close; it gets half as long again to end."""
        return self._share(1.5)

    def _share(self, of: float) -> float:
        if self._at is None:
            return CLOSE_DEADLINE_S
        left = self._left() + MARGIN_S - _SPARE_S
        return min(CLOSE_DEADLINE_S, max(left / of, _LEAST_S))

    def _left(self) -> float:
        """Seconds of the grace that are left; less than none once it is over."""
        passed = 0.0 if self._at is None else time.monotonic() - self._at
        return self._grace - passed

    def _hear(self, _number: int, _frame: FrameType | None) -> None:
        # Anything may be interrupted here, with its locks held: to log would be to wait for them.
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        self.begin()
        with suppress(RuntimeError):  # the loop has ended already
            self._loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        log.info("app.stopping")
        self._asked.set()

    def _watch(self) -> None:
        self._began.wait()
        time.sleep(self._grace + MARGIN_S)
        log.error("app.overdue")
        os._exit(OVERDUE)


# Closing one thing at a time, each within its deadline.


def unhurried() -> float:
    """The seconds that one thing may take where no host waits for the process's end."""
    return CLOSE_DEADLINE_S


async def closed(
    close: Callable[[], Awaitable[object]], patience_s: Callable[[], float] = unhurried
) -> None:
    """Closes one thing, within the deadline, so that the others get their turn."""
    try:
        async with asyncio.timeout(patience_s()):
            await close()
    except Exception:
        log.exception("app.not_closed", what=getattr(close, "__qualname__", repr(close)))


_CANCEL_DEADLINE_S = 1.0


def now_us() -> int:
    """Microseconds since the epoch."""
    return time.time_ns() // 1000


@asynccontextmanager
async def opened_store(settings: Settings) -> AsyncIterator[Store]:
    """The store, brought up to date, and closed again. Raises `StoreUnavailable`."""
    async with opened_cluster(settings) as cluster:
        yield cluster.store


@asynccontextmanager
async def opened_cluster(settings: Settings) -> AsyncIterator[Cluster]:
    """This process among those that share its store; see `opened_store`."""
    await upgrade(settings.database)
    cluster = Cluster(open_store(settings.database), now_us=now_us, seat=this_seat())
    try:
        yield cluster
    finally:
        await close_cluster(cluster)


async def close_cluster(cluster: Cluster, patience_s: Callable[[], float] = unhurried) -> None:
    """Closes the store within so many seconds and half as many; reports the rows that are lost."""
    lost = await cluster.aclose(patience_s())
    if lost:
        log.error("store.lost", rows=lost)


@asynccontextmanager
async def living(cluster: Cluster) -> AsyncIterator[None]:
    """Tells other processes, as long as this lasts, that what this one took has an owner.

    They hear that it has none any more when the cluster is closed. Raises `StoreUnavailable`.
    """
    heartbeat = cluster.heartbeat
    await heartbeat.beat()
    task = asyncio.create_task(heartbeat.beat_for_ever(), name="heart")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task}, timeout=_CANCEL_DEADLINE_S)
