"""The write-behind journal: rows are taken at once and written in groups, in order.

Nobody who adds a row waits. One task writes what has gathered, over all runs, every `interval`
seconds; while the database is unavailable everything is kept, up to `limit` rows, and tried again.
A `kill -9` costs what had not been written: one group, about `interval` seconds of rows.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Connection

from bot.store.database import Database, StoreUnavailable

log = structlog.get_logger(__name__)

GROUP_ROWS = 5_000
"""The most rows of one transaction; as many are written before the interval is over."""
FIRST_RETRY = 0.1
LAST_RETRY = 2.0
"""Seconds between tries while the database is unavailable: doubled from the first to the last."""

Row = tuple[Any, ...]
"""(kind, run_id, values…): what `RowKind.write` of its kind understands."""


OnWritten = Callable[[int, float], None]
"""Hears of each group once it is durable: its rows, and its first row's age (seconds)."""


def unheard(_rows: int, _age_s: float) -> None:
    """Nobody hears."""


@dataclass(frozen=True, eq=False)
class RowKind:
    """One kind of row. Within a group, kinds are written in the order of `order`.

    `write` must be repeatable: after a failure it is not known whether its rows were written.
    """

    name: str
    order: int
    write: Callable[[Connection, list[Row]], None]


class Journal:
    """Takes rows without waiting, and writes them in order."""

    def __init__(
        self,
        database: Database,
        *,
        interval: float = 0.05,
        limit: int = 500_000,
        on_written: OnWritten = unheard,
    ) -> None:
        """`interval` in seconds; `limit` in rows.

        Over the limit `add_many` refuses (one of many rows of a run); `add` has a tenth more, so
        that a run's few rows still find room. `add_last` always has room: an end that is lost
        would leave the run open, and while the database is away no question can be kept, so no
        more runs end than had begun.
        """
        self._database = database
        self._interval = interval
        self._limit = limit
        self._reserve = limit + limit // 10
        self._rows: list[Row] = []
        """What has gathered since the last group."""
        self._groups: deque[list[Row]] = deque()
        """What is being written, in order."""
        self._backlog = 0
        """Rows in `_groups`."""
        self._done = 0
        """Rows that are durable, or refused by the database for good."""
        self._lost: Counter[UUID] = Counter()
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._some = asyncio.Event()
        self._hurry = asyncio.Event()
        self._trouble: StoreUnavailable | None = None
        self._retry = FIRST_RETRY
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self._gathering_since = 0.0
        self._cuts: deque[tuple[int, float]] = deque()
        """For what was cut at a time: how much is done with it, and when its first row came."""
        self.on_written = on_written

    def add(self, row: Row) -> None:
        """Takes one of a run's few rows; never waits."""
        if len(self._rows) + self._backlog >= self._reserve or self._closed:
            self._refuse(row)
        else:
            self._take(row)

    def add_last(self, row: Row) -> None:
        """Takes a run's end, whatever waits already; never waits."""
        if self._closed:
            self._refuse(row)
        else:
            self._take(row)

    def add_many(self, row: Row) -> None:
        """Takes one of a run's many rows (tokens, edits); never waits."""
        if len(self._rows) + self._backlog >= self._limit or self._closed:
            self._refuse(row)
        else:
            self._take(row)

    @property
    def pending(self) -> int:
        """Rows that are not durable yet."""
        return len(self._rows) + self._backlog

    @property
    def waits_s(self) -> float:
        """For so many seconds the oldest row waits that is not durable yet."""
        if not self.pending:
            return 0.0
        since = self._cuts[0][1] if self._cuts else self._gathering_since
        return asyncio.get_running_loop().time() - since

    def lost(self, run_id: UUID) -> int:
        """Rows of a run that were refused: no room, or the database would never take them."""
        return self._lost[run_id]

    def forget(self, run_id: UUID) -> None:
        """The run is over: its losses need not be remembered."""
        self._lost.pop(run_id, None)

    async def settled(self, run_id: UUID, timeout: float) -> None:
        """Returns once all that was added for a run so far is durable (or refused: see `lost`).

        Raises `StoreUnavailable` after `timeout` seconds.
        """
        await self._reached(self._last_of(run_id), timeout)

    async def _reached(self, target: int, timeout: float) -> None:
        if target <= self._done:
            return
        settled = asyncio.get_running_loop().create_future()
        self._waiting.append((target, settled))
        try:
            await asyncio.wait_for(settled, timeout)
        except TimeoutError:
            raise StoreUnavailable(
                f"the journal was not written within {timeout:g} s: {self.pending} rows wait"
            ) from self._trouble
        finally:
            self._waiting.remove((target, settled))

    async def aclose(self, timeout: float) -> int:
        """Writes what is left, for at most `timeout` seconds; returns the rows that are lost.

        Nothing more is written once it was closed: then it only says what is lost.
        """
        if self._closed:
            return self.pending
        self._closed = True
        self._hurry.set()
        with suppress(StoreUnavailable):
            await self._reached(self._done + self.pending, timeout)
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        if self.pending:
            log.error("journal.lost", rows=self.pending)
        return self.pending

    def _last_of(self, run_id: UUID) -> int:
        """How many rows are done once a run's newest row is. That one is near the end, mostly."""
        after = 0
        for rows in (self._rows, *reversed(self._groups)):
            for row in reversed(rows):
                if row[1] == run_id:
                    return self._done + self.pending - after
                after += 1
        return self._done

    def _take(self, row: Row) -> None:
        rows = self._rows
        rows.append(row)
        if len(rows) == 1:
            self._some.set()
            self._gathering_since = asyncio.get_running_loop().time()
            if self._task is None:
                self._task = asyncio.create_task(self._write_for_ever(), name="journal")
        elif len(rows) == GROUP_ROWS:
            self._hurry.set()

    def _refuse(self, row: Row) -> None:
        run_id = row[1]
        if run_id not in self._lost:
            log.error("journal.refused", run_id=str(run_id), pending=self.pending)
        self._lost[run_id] += 1

    async def _write_for_ever(self) -> None:
        while True:
            await self._some.wait()
            await self._gather()
            self._cut()
            while self._groups:
                await self._write_next()

    async def _gather(self) -> None:
        """Lets rows gather for the interval, less where there are many or the end is near."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._hurry.wait(), self._interval)
        if not self._closed:
            self._hurry.clear()

    def _cut(self) -> None:
        """Makes groups of what has gathered."""
        self._some.clear()
        rows, self._rows = self._rows, []
        self._backlog += len(rows)
        self._cuts.append((self._done + self._backlog, self._gathering_since))
        self._groups.extend(rows[i : i + GROUP_ROWS] for i in range(0, len(rows), GROUP_ROWS))

    async def _write_next(self) -> None:
        group = self._groups[0]
        try:
            await self._database.run(lambda connection: _write(connection, group))
        except StoreUnavailable as error:
            await self._wait_for_database(error)
        except Exception as error:  # noqa: BLE001 - the database may refuse a row in any way
            self._split(error)
        else:
            self._written()
            self._database_is_back()

    def _written(self) -> None:
        rows = len(self._groups.popleft())
        self._backlog -= rows
        self._done += rows
        self.on_written(rows, asyncio.get_running_loop().time() - self._cuts[0][1])
        while self._cuts and self._cuts[0][0] <= self._done:
            self._cuts.popleft()
        for target, settled in self._waiting:
            if target <= self._done and not settled.done():
                settled.set_result(None)

    def _split(self, error: Exception) -> None:
        """Halves a group that was refused, until the row is alone that nobody can write."""
        group = self._groups[0]
        if len(group) > 1:
            middle = len(group) // 2
            self._groups[0] = group[:middle]
            self._groups.insert(1, group[middle:])
            return
        kind, run_id = group[0][:2]
        self._lost[run_id] += 1
        log.error("journal.bad_row", run_id=str(run_id), kind=kind.name, error=type(error).__name__)
        self._written()

    async def _wait_for_database(self, error: StoreUnavailable) -> None:
        if self._trouble is None:
            log.warning("store.unavailable", error=str(error), pending=self.pending)
        self._trouble = error
        await asyncio.sleep(self._retry)
        self._retry = min(2 * self._retry, LAST_RETRY)

    def _database_is_back(self) -> None:
        if self._trouble is not None:
            log.info("store.available", pending=self.pending)
        self._trouble = None
        self._retry = FIRST_RETRY


def _write(connection: Connection, rows: list[Row]) -> None:
    by_kind: dict[RowKind, list[Row]] = {}
    for row in rows:
        by_kind.setdefault(row[0], []).append(row)
    for kind in sorted(by_kind, key=lambda kind: kind.order):
        kind.write(connection, by_kind[kind])
