"""The list of runs as the inspector shows it: filtered, a page at a time, quick at any size."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import starmap
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, and_, func, literal, or_, select

from bot.identity import Account, Named
from bot.store.database import Database
from bot.store.schema import FILTERED, runs, storable

RUNNING = "running"
"""Stands for the outcome of runs that have not ended."""
UNFINISHED = "none"
"""Stands for the verdict of runs that have none."""

_SHORT = 160
"""The most characters of a question that the list reads."""

# Of the filters given, the one that usually leaves fewest runs walks its index in order. The others
# are tried on what that index has, or the planner could choose the one that leaves most.
_COLUMNS = {name: runs.c[column] for name, column in FILTERED.items()}
_USUAL = {"verdict": "verified", "outcome": "complete"}
_ABSENT = {"verdict": UNFINISHED, "outcome": RUNNING}


class Cursor(NamedTuple):
    """A run's place in the list."""

    started_us: int
    run_id: str


@dataclass(frozen=True, slots=True)
class Filters:
    """Which runs; what is empty filters nothing. Times are microseconds since the epoch."""

    outcome: str = ""
    verdict: str = ""
    connector: str = ""
    person: str = ""
    """Who asked, as `connector:realm/id` or a part of it that ends with the id."""
    model: str = ""
    since_us: int | None = None
    until_us: int | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A run as the list shows it. Times are microseconds; the run's own are since its start."""

    run_id: str
    started_us: int
    connector: str
    person_id: str
    person_name: str
    person_realm: str | None
    question: str
    """Its beginning; empty where the retention has taken it."""
    model: str
    kind: str
    outcome: str | None
    verdict: str | None
    tokens: int | None
    first_token_us: int | None
    first_text_us: int | None
    ended_us: int | None
    """Since the epoch; None while it runs."""
    cost_microusd: int | None
    usage_estimated: bool | None
    text_deleted_us: int | None
    channel: str
    """Where it was asked, as the platform names it."""

    @property
    def account(self) -> Account:
        """Who asked."""
        return Account(self.connector, self.person_realm or "", self.person_id)

    @property
    def cursor(self) -> Cursor:
        """Its place in the list."""
        return Cursor(self.started_us, self.run_id)


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the list, newest first."""

    runs: list[Listed]
    newer: bool
    """Whether there are newer ones."""
    older: bool


class Listing:
    """Reads the list of runs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self,
        filters: Filters,
        limit: int,
        *,
        older_than: Cursor | None = None,
        newer_than: Cursor | None = None,
    ) -> Page:
        """The runs next to a place of the list, or the newest. Raises `StoreUnavailable`."""
        query = select(runs.c.run_id).where(*_conditions(filters)).limit(limit + 1)
        if newer_than is not None:
            beside = _beside(newer_than, newer=True)
            query = query.where(beside).order_by(runs.c.started_us, runs.c.run_id)
        else:
            query = query.order_by(runs.c.started_us.desc(), runs.c.run_id.desc())
            if older_than is not None:
                query = query.where(_beside(older_than, newer=False))

        def work(connection: Connection) -> tuple[bool, list[Listed]]:
            # The ids come from an index alone. In one statement PostgreSQL would look up each row
            # that the filters pass over.
            ids = connection.scalars(query).all()
            rows = connection.execute(_LISTED.where(runs.c.run_id.in_(ids[:limit])))
            return len(ids) > limit, sorted(starmap(Listed, rows), key=_place, reverse=True)

        more, found = await self._database.read(work)
        if newer_than is not None:
            return Page(found, newer=more, older=True)
        return Page(found, newer=older_than is not None, older=more)


def _place(run: Listed) -> Cursor:
    return run.cursor


def _beside(at: Cursor, *, newer: bool) -> ColumnElement[bool]:
    time, name = runs.c.started_us, runs.c.run_id
    if newer:
        beside = or_(time > at.started_us, name > at.run_id)
        return and_(time >= at.started_us, beside)
    return and_(time <= at.started_us, or_(time < at.started_us, name < at.run_id))


def _listed() -> Select[Any]:
    names = [name for name in Listed.__dataclass_fields__ if name != "question"]
    columns = [runs.c[name] for name in names]
    columns.insert(6, func.substr(runs.c.question, 1, _SHORT).label("question"))  # type: ignore[arg-type]
    return select(*columns)


_LISTED = _listed()


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    given = {name: value for name in FILTERED if (value := getattr(filters, name))}
    few = [name for name, value in given.items() if _USUAL.get(name) != value]
    lead = next(iter(few or given), None)
    found = [
        condition
        for name, value in given.items()
        for condition in _matches(name, value, leads=name == lead)
    ]
    if filters.since_us is not None:
        found.append(runs.c.started_us >= filters.since_us)
    if filters.until_us is not None:
        found.append(runs.c.started_us < filters.until_us)
    return found


def _matches(name: str, value: str, *, leads: bool) -> list[ColumnElement[bool]]:
    if name != "person":
        return [_is(name, value, leads=leads)]
    named = Named.of(value)
    found = [_is(name, named.id, leads=leads)]
    if named.connector is not None:
        found.append(_is("connector", named.connector, leads=False))
    if named.realm is not None:
        found.append(func.coalesce(runs.c.person_realm, "") == storable(named.realm))
    return found


def _is(name: str, value: str, *, leads: bool) -> ColumnElement[bool]:
    column: ColumnElement[Any] = _COLUMNS[name]
    absent = _ABSENT.get(name) == value
    if leads:
        return column.is_(None) if absent else column == storable(value)
    # An expression has no index.
    plain = func.coalesce(column, literal(""))
    return plain == ("" if absent else storable(value))
