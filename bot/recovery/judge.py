"""Which processes are alive, as far as one of them can tell."""

from __future__ import annotations

from collections.abc import Iterable

from bot.recovery.heart import LEASE_S
from bot.recovery.machine import surely_dead
from bot.store import Process, Seat

_WATCH_S = LEASE_S / 2


class Judge:
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
