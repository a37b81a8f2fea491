"""What those who watch hear of, and how they are told: none can harm what is watched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol
from uuid import UUID

import structlog

from bot.reply import Hearer, Taken
from bot.store import EditRow, RunEnd, RunStart

log = structlog.get_logger(__name__)


class Watch(Hearer, Protocol):
    """Hears what happens. No method waits or raises; none is called for single tokens."""

    def began(self, start: RunStart) -> None:
        """A run began."""
        ...

    def ended(self, start: RunStart, end: RunEnd, generated_us: int | None) -> None:
        """A run ended. `generated_us`: when its model had, in microseconds since its start."""
        ...


class Watchers:
    """Tells several; one that fails is reported, and the others and the run go on."""

    def __init__(self, watchers: Sequence[Watch] = ()) -> None:
        self._watchers = tuple(watchers)

    def began(self, start: RunStart) -> None:
        """Tells each."""
        self._tell(lambda watcher: watcher.began(start))

    def called(self, run_id: UUID, connector: str, call: EditRow, lag_us: int | None) -> None:
        """Tells each."""
        self._tell(lambda watcher: watcher.called(run_id, connector, call, lag_us))

    def refused(self, run_id: UUID, connector: str, taken: Taken) -> None:
        """Tells each."""
        self._tell(lambda watcher: watcher.refused(run_id, connector, taken))

    def ended(self, start: RunStart, end: RunEnd, generated_us: int | None) -> None:
        """Tells each."""
        self._tell(lambda watcher: watcher.ended(start, end, generated_us))

    def _tell(self, told: Callable[[Watch], None]) -> None:
        for watcher in self._watchers:
            try:
                told(watcher)
            except Exception:
                log.exception("watch.broke", watcher=type(watcher).__name__)


UNWATCHED = Watchers()
"""Nobody watches."""
