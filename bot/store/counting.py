"""Counts the runs of each hour once, when the hour is over, and keeps the figures.

An hour is kept when it has been over for two hours and all its runs have ended; after a day also
with runs that have not, which may belong to a connector that is gone. Until then it is counted when
somebody looks. Erasing a person takes their name out of what is kept; the figures stay.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, delete, func, select, text, update

from bot.identity import Account
from bot.store.database import Database
from bot.store.hours import Hour, person_key
from bot.store.messages import LIMITED
from bot.store.schema import edits, insert_into, run_hours, runs, tokens

HOUR_US = 3_600_000_000
SETTLED_US = 2 * HOUR_US
"""Seconds after an hour's end when it is counted for the last time, if its runs have ended."""
HELD_US = 24 * HOUR_US
"""Seconds after an hour's end when it is counted for the last time, ended runs or not."""
FINAL_US = 180_000_000
"""After this many seconds a finished run no longer changes: a verdict may come after the end."""

_KEPT_DAYS = 31
_PAUSE_S = 0.05
"""Between two hours that are counted: others can write."""


class _Mark(NamedTuple):
    """By which is seen that the runs of a time are still the same: a number, and a sum."""

    runs: int
    times: int


@dataclass(frozen=True, slots=True)
class _SoFar:
    """An hour's runs that began before `until_us`: all had ended, and some time ago."""

    until_us: int
    hour: Hour
    mark: _Mark


class Hours:
    """Counts hours, and reads them. Raises `StoreUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[int, Hour] = {}
        """Hours that are kept: reading them again would be most of the time."""
        self._anonymized = 0
        """How often a name had been taken out of the hours that are known here."""
        self._so_far: dict[int, _SoFar] = {}
        """Of the hours that may still change."""

    async def read(self, since_us: int, now_us: int) -> tuple[dict[int, Hour], int]:
        """The hours from the one of `since_us` to now's, by their beginning, and how many lack.

        Those that may still change are counted now; those that lack are for `count` to see to.
        """
        wanted = range(since_us // HOUR_US * HOUR_US, now_us + 1, HOUR_US)
        anonymized, kept = await self._database.read(lambda c: self._kept(c, wanted))
        if anonymized != self._anonymized:
            self._known.clear()
        oldest = now_us - _KEPT_DAYS * 24 * HOUR_US
        self._known = {at: h for at, h in (self._known | kept).items() if at >= oldest}
        self._anonymized = anonymized
        open_us = await self._database.read(lambda c: _open(c, now_us))
        found = kept | self._known
        hours = {at: found[at] for at in wanted if at in found}
        changing = [at for at in wanted if at not in hours and not _settled(at, now_us, open_us)]
        so_far = {}
        for at in changing:
            hours[at], so_far[at] = await self._counted(at, now_us, open_us)
        self._so_far = so_far
        return hours, len(wanted) - len(hours)

    async def count(self, now_us: int, days: int = _KEPT_DAYS) -> int:
        """Counts, newest first, the hours that are over and were not counted; says how many.

        What was counted by a failure stays.
        """
        missing = await self._database.read(lambda c: _missing(c, now_us, days))
        for hour_us in missing:
            await self._database.run(_keeping(hour_us))
            await asyncio.sleep(_PAUSE_S)
        oldest = run_hours.c.hour_us < now_us - _KEPT_DAYS * 24 * HOUR_US - HOUR_US
        await self._database.run(lambda c: c.execute(delete(run_hours).where(oldest)))
        return len(missing)

    def _kept(self, connection: Connection, wanted: range) -> tuple[int, dict[int, Hour]]:
        """How often names were taken out, and the hours that are not known here, or not any more.

        An hour before the first run is an empty one.
        """
        anonymized = int(connection.scalar(select(func.sum(run_hours.c.anonymized))) or 0)
        known = self._known if anonymized == self._anonymized else {}
        lacking = {at for at in wanted if at not in known}
        if not lacking:
            return anonymized, {}
        first = connection.scalar(select(func.min(runs.c.started_us)))
        none = {at: Hour() for at in lacking if first is None or at + HOUR_US <= first}
        query = select(run_hours.c.hour_us, run_hours.c.summary).where(
            run_hours.c.hour_us.between(min(lacking), max(lacking))
        )
        found = {at: Hour.of(value) for at, value in connection.execute(query) if at in lacking}
        return anonymized, none | found

    async def _counted(self, hour_us: int, now_us: int, open_us: list[int]) -> tuple[Hour, _SoFar]:
        """An hour as it is now, and what of it need not be counted again."""
        before = self._so_far.get(hour_us)
        final_us = min([now_us - FINAL_US, *(us for us in open_us if us >= hour_us)])

        def work(connection: Connection) -> tuple[Hour, _SoFar]:
            return _go_on(connection, hour_us, before, final_us)

        return await self._database.read(work)


def named_hours(connection: Connection, account: Account) -> list[dict[str, Any]]:
    """The hours that name a person, and what they took in each."""
    keys = {person_key(account), _without_realm(account)}
    found = []
    for hour_us, summary in connection.execute(select(run_hours.c.hour_us, run_hours.c.summary)):
        theirs = {key: each for key, each in summary.get("people", {}).items() if key in keys}
        if theirs:
            found.append({"hour_us": hour_us, "people": theirs})
    return found


def _without_realm(account: Account) -> str:
    """A person's key as an older version keeps it."""
    return f"{account.connector}\n{account.id}"


def anonymize(connection: Connection, account: Account) -> None:
    """Takes a person's name out of every hour; their runs have to be gone by then."""
    _lock(connection)
    keys = (person_key(account), _without_realm(account))
    for hour_us, summary, times in connection.execute(select(run_hours)).all():
        hour = Hour.of(summary)
        forgotten = [hour.forget(key) for key in keys]
        if any(forgotten):
            values = {"summary": hour.as_dict(), "anonymized": times + 1}
            connection.execute(
                update(run_hours).where(run_hours.c.hour_us == hour_us).values(values)
            )


def _lock(connection: Connection) -> None:
    """Nobody else keeps or changes an hour until this transaction ends.

    Otherwise one who has counted a person's runs could keep their name after it was taken out.
    SQLite has one writer at a time.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE run_hours IN SHARE ROW EXCLUSIVE MODE"))


def _keeping(hour_us: int) -> Callable[[Connection], None]:
    def work(connection: Connection) -> None:
        _lock(connection)
        hour = _count(connection, hour_us, hour_us + HOUR_US)
        row = {"hour_us": hour_us, "summary": hour.as_dict()}
        connection.execute(insert_into(connection, run_hours).on_conflict_do_nothing(), [row])

    return work


def _open(connection: Connection, now_us: int) -> list[int]:
    """When the runs began that have not ended, if it was lately."""
    # Whole rows: where an index of all runs has all that is asked for, SQLite walks that one.
    query = select(runs).where(runs.c.ended_us.is_(None))
    since_us = now_us - HELD_US - HOUR_US
    times = [row.started_us for row in connection.execute(query)]
    return [at for at in times if at >= since_us]


def _settled(hour_us: int, now_us: int, open_us: list[int]) -> bool:
    held = any(hour_us <= at < hour_us + HOUR_US for at in open_us)
    wait_us = HELD_US if held else SETTLED_US
    return hour_us + HOUR_US + wait_us <= now_us


def _missing(connection: Connection, now_us: int, days: int) -> list[int]:
    first = connection.scalar(select(func.min(runs.c.started_us)))
    if first is None:
        return []
    begin = max(first, now_us - days * 24 * HOUR_US) // HOUR_US * HOUR_US
    kept = select(run_hours.c.hour_us).where(run_hours.c.hour_us >= begin)
    known = set(connection.scalars(kept))
    open_us = _open(connection, now_us)
    hours = range(begin, now_us, HOUR_US)
    return [h for h in reversed(hours) if h not in known and _settled(h, now_us, open_us)]


def _go_on(
    connection: Connection, hour_us: int, before: _SoFar | None, final_us: int
) -> tuple[Hour, _SoFar]:
    """Counts an hour from where it was counted before, if those runs are still the same.

    Those that began before `final_us` have ended, some time ago.
    """
    if before is not None and _mark(connection, hour_us, before.until_us) != before.mark:
        before = None  # somebody was erased, or a run was recorded late
    begin_us = hour_us if before is None else before.until_us
    end_us = hour_us + HOUR_US
    newest = connection.scalar(select(func.max(runs.c.started_us)).where(_began(begin_us, end_us)))
    if newest is None and before is not None:
        return before.hour, before
    until_us = max(begin_us, min(end_us, final_us))
    ended = _count(connection, begin_us, until_us)
    if before is not None:
        ended.add(before.hour)
    so_far = _SoFar(until_us, ended, _mark(connection, hour_us, until_us))
    if newest is None or newest < until_us:
        return ended, so_far
    whole = _count(connection, until_us, end_us)
    whole.add(ended)
    return whole, so_far


def _mark(connection: Connection, since_us: int, until_us: int) -> _Mark:
    query = select(func.count(), func.coalesce(func.sum(runs.c.started_us - since_us), 0))
    count, times = connection.execute(query.where(_began(since_us, until_us))).one()
    return _Mark(int(count), int(times))


def _began(since_us: int, until_us: int) -> ColumnElement[bool]:
    return runs.c.started_us.between(since_us, until_us - 1)


def _count(connection: Connection, since_us: int, until_us: int) -> Hour:
    """The runs that began from one time until before another."""
    hour = Hour()
    if since_us < until_us:
        found = connection.execute(_told().where(_began(since_us, until_us)))
        for row in found.mappings():
            hour.take(row)
        refused = (
            select(func.count())
            .select_from(runs.join(edits, edits.c.run_id == runs.c.run_id))
            .where(_began(since_us, until_us), edits.c.error.startswith(LIMITED))
        )
        hour.limited = connection.scalar(refused) or 0
    return hour


def _told() -> Select[Any]:
    last = (
        select(tokens.c.at_us)
        .where(tokens.c.run_id == runs.c.run_id)
        .order_by(tokens.c.seq.desc())
        .limit(1)
        .scalar_subquery()
    )
    names = (
        "started_us", "outcome", "verdict", "first_token_us", "first_text_us", "ended_us",
        "model", "connector", "person_id", "person_name", "person_realm", "tokens",
        "cost_microusd", "usage_estimated",
    )  # fmt: skip
    return select(*(runs.c[name] for name in names), last.label("last_us"))
