"""The heartbeats of this process, and the failure detector that judges the others by theirs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any, Protocol

import structlog

from bot.cluster.leases import Leases, Process, Seat, Snapshot
from bot.store import StoreUnavailable

# The beats by which other processes know that this one lives.


log = structlog.get_logger(__name__)

LEASE_S = 10.0
"""Seconds without a heartbeat after which a process counts as dead."""
BEAT_S = 2.0
_SLACK_S = 0.05


class Returning(Protocol):
    """What has to be done after an outage in which others may have taken this process for dead."""

    async def give_up_what_was_taken(self) -> None:
        """Stops what another process has claimed. Raises `StoreUnavailable`."""
        ...


class Heartbeat:
    """Beats. After an outage it is unsure, for a lease's length, who else could not beat."""

    def __init__(
        self,
        leases: Leases,
        now_us: Callable[[], int],
        seat: Seat | None = None,
        *,
        together: bool = False,
    ) -> None:
        """`together`: a beat that is nearly due comes with a look, in one statement."""
        self._together = together
        self.seat = seat
        self.serves: tuple[str, ...] = ()
        """The names of the connectors that this process serves, for the others to know."""
        self.budgets: Callable[[], dict[str, Any]] = dict
        """How this process shares budgets, for the others to know."""
        self._returning: Returning | None = None
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
            await asyncio.sleep(self._until_due())
            try:
                if not self._together or self._until_due() <= _SLACK_S:
                    await self.beat()
            except StoreUnavailable as error:
                self._fail(error)
            except Exception:  # whatever it is: without beats others would take our runs
                log.exception("lease.bug")

    async def begin(self, serves: Iterable[str], returning: Returning) -> None:
        """The first beat of a process that is ready: how long its start took means nothing.

        `serves` are the names of its connectors; `returning` is told after an outage. Raises
        `StoreUnavailable`.
        """
        self.serves = tuple(serves)
        self._returning = returning
        self._last = None
        await self.beat()

    async def beat(self) -> None:
        """One beat. Raises `StoreUnavailable`."""
        await self._tell()
        if self._doubtful and self._returning is not None:
            await self._beating(self._returning.give_up_what_was_taken())
        self._doubtful = False
        self._failing = False

    async def look(self) -> Snapshot:
        """What all processes are at. Raises `StoreUnavailable`."""
        nearly_due = self._until_due() < BEAT_S / 2
        if not (self._together and nearly_due) or self._doubtful or self._gap():
            return await self._leases.snapshot()
        seen = await self._leases.beat_and_look(
            self._now_us(), self.seat, self.serves, self.budgets()
        )
        self._last = _now(), self._now_us()
        return seen

    def _until_due(self) -> float:
        """Seconds until the next beat of its own: looks come earlier, where they beat as well."""
        if not self._together or self._last is None or self._gap():
            return BEAT_S
        return max(self._last[0] + BEAT_S + BEAT_S / 4 - _now(), _SLACK_S)

    async def _tell(self) -> None:
        await self._leases.beat(self._now_us(), self.seat, self.serves, self.budgets())
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


# This machine's processes: whether another one of them lives is known at once, and surely.
#
# Elsewhere than on Linux, and across containers, silence for a lease's length has to do.


_BOOT = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACE = Path("/proc/self/ns/pid")


def this_seat() -> Seat | None:
    """Where this process runs; None where a process can't be told from another machine's.

    The boot's id and the namespace of the process ids: who has the same sees the same processes.
    """
    try:
        machine = f"{_BOOT.read_text().strip()}/{os.readlink(_NAMESPACE)}"
    except OSError:
        return None
    return Seat(machine, os.getpid())


def surely_dead(seat: Seat | None, here: Seat | None) -> bool:
    """Whether who sat there is dead, as far as can be seen from here."""
    if seat is None or here is None or seat.machine != here.machine:
        return False
    return seat.pid == here.pid or not _lives(seat.pid)


def _lives(pid: int) -> bool:
    """Whether there is such a process; one that is dead and not buried yet does not count."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    except (OSError, IndexError):
        return True
    return state not in ("Z", "X")


_WATCH_S = LEASE_S / 2


class FailureDetector:
    """Takes a process for dead if its lease ran out while we saw it silent, or it surely is.

    Its clock alone is no reason: one that is behind ours would look dead for ever, and after an
    outage of the database nobody has beaten. So its silence has to be seen for a while, too.
    """

    def __init__(self, me: str, here: Seat | None) -> None:
        self._me = me
        self._here = here
        self._silent: dict[str, tuple[int, float]] = {}

    def living(self, processes: Iterable[Process], now_us: int, now: float) -> set[str]:
        """The ids of those who live. `now_us` since the epoch; `now` in the loop's time."""
        seen = {process.id: self._seen(process, now) for process in processes}
        self._silent = seen
        return {
            process.id
            for process in processes
            if process.id == self._me or self._lives(process, now_us, now - seen[process.id][1])
        }

    def _seen(self, process: Process, now: float) -> tuple[int, float]:
        """Its last beat, and since when we have seen no other."""
        before = self._silent.get(process.id)
        return before if before and before[0] == process.beat_us else (process.beat_us, now)

    def _lives(self, process: Process, now_us: int, silent_s: float) -> bool:
        if surely_dead(process.seat, self._here):
            return False
        expired = now_us - process.beat_us > LEASE_S * 1_000_000
        return not expired or silent_s < _WATCH_S
