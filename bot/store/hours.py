"""What each hour's runs were: counted once, when the hour is over, and kept for the overview.

A time is kept as the number of runs in its bucket: buckets grow by 5 %, so a percentile is right
to 5 %. Of people and models the hour's costliest are named, the others are counted together.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select

from bot.store.database import Database
from bot.store.tables import edits, insert_into, run_hours, runs, tokens

HOUR_US = 3_600_000_000
OTHERS = ""
"""The key of the people, or models, that an hour does not name."""
SETTLED_US = 2 * HOUR_US
"""So long after its end an hour is counted for good: its runs have ended by then."""

_GROWTH = math.log(1.05)
_NAMED = 20
_KEPT_DAYS = 31
_UNENDED = "running"
_UNSAID = "none"
_LIMITED = "RateLimited"


@dataclass(slots=True)
class Expense:
    """What a model or a person took. `unpriced` runs have no known cost."""

    runs: int = 0
    tokens: int = 0
    microusd: int = 0
    unpriced: int = 0
    estimated: int = 0
    name: str = ""

    def add(self, other: Expense) -> None:
        """Adds another's."""
        self.runs += other.runs
        self.tokens += other.tokens
        self.microusd += other.microusd
        self.unpriced += other.unpriced
        self.estimated += other.estimated
        self.name = other.name or self.name


@dataclass(slots=True)
class Hour:
    """The runs that began in an hour, or in several hours together."""

    runs: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    first_token: Counter[int] = field(default_factory=Counter)
    """Runs by bucket of the time to the first token; see `percentile`."""
    first_text: Counter[int] = field(default_factory=Counter)
    lag: Counter[int] = field(default_factory=Counter)
    """Of the time from the last token to the run's end: when the screen was whole."""
    limited: int = 0
    """Calls that a platform refused with a 429."""
    models: dict[str, Expense] = field(default_factory=dict)
    people: dict[str, Expense] = field(default_factory=dict)
    """By connector and person's id, with a line break between them."""

    def add(self, other: Hour) -> None:
        """Adds another's."""
        self.runs += other.runs
        self.limited += other.limited
        for name in ("outcomes", "verdicts", "first_token", "first_text", "lag"):
            getattr(self, name).update(getattr(other, name))
        for name in ("models", "people"):
            for key, spent in getattr(other, name).items():
                getattr(self, name).setdefault(key, Expense()).add(spent)

    def as_dict(self) -> dict[str, Any]:
        """As it is stored: the costliest named, the others together."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        named = {name: _named(getattr(self, name)) for name in ("models", "people")}
        return values | named

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Hour:
        """As it was stored."""
        hour = cls(runs=stored["runs"], limited=stored["limited"])
        for name in ("outcomes", "verdicts"):
            setattr(hour, name, Counter(stored[name]))
        for name in ("first_token", "first_text", "lag"):
            setattr(hour, name, Counter({int(key): n for key, n in stored[name].items()}))
        for name in ("models", "people"):
            setattr(hour, name, {key: Expense(**spent) for key, spent in stored[name].items()})
        return hour


def bucket(us: int) -> int:
    """The bucket of a time in microseconds: 0 up to a millisecond, then 5 % each."""
    return 0 if us <= 1000 else math.ceil(math.log(us / 1000) / _GROWTH)


def percentile(counts: Mapping[int, int], share: float) -> float | None:
    """The time, in seconds, within which this share of the counted stayed; None of nothing."""
    left = math.ceil(sum(counts.values()) * share)
    for number in sorted(counts):
        left -= counts[number]
        if left <= 0:
            return math.exp(number * _GROWTH) / 1000
    return None


class Hours:
    """Counts hours, and reads them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[int, Hour] = {}
        """Hours that were counted for good: reading them again would be most of the time."""

    async def read(self, since_us: int, now_us: int) -> tuple[dict[int, Hour], int]:
        """The hours from the one of `since_us` to now's, by their beginning, and how many lack.

        Those that may still change are counted now; those that lack are for `count` to see to.
        Raises `StoreUnavailable`.
        """
        wanted = range(since_us // HOUR_US * HOUR_US, now_us + 1, HOUR_US)

        known = {hour_us: self._known[hour_us] for hour_us in wanted if hour_us in self._known}

        def work(connection: Connection) -> dict[int, Hour]:
            return _read(connection, [hour_us for hour_us in wanted if hour_us not in known])

        found = await self._database.read(work)
        settled = {at: hour for at, hour in found.items() if _settled(at, now_us)}
        oldest = now_us - _KEPT_DAYS * 24 * HOUR_US
        self._known = {at: h for at, h in (self._known | settled).items() if at >= oldest}
        hours = known | found
        for hour_us in wanted:
            if hour_us not in hours and not _settled(hour_us, now_us):
                hours[hour_us] = await self._database.read(_counting(hour_us))
        return hours, len(wanted) - len(hours)

    async def count(self, now_us: int, days: int = _KEPT_DAYS) -> int:
        """Counts, newest first, the hours that are over and were not counted; says how many.

        Raises `StoreUnavailable`; what was counted by then stays.
        """
        missing = await self._database.read(lambda c: _missing(c, now_us, days))
        for hour_us in missing:
            hour = await self._database.read(_counting(hour_us))
            await self._database.run(_keeping(hour_us, hour))
            await asyncio.sleep(0)
        return len(missing)


def _read(connection: Connection, wanted: list[int]) -> dict[int, Hour]:
    """Those that are stored, and those from before the first run."""
    if not wanted:
        return {}
    first = connection.scalar(select(func.min(runs.c.started_us)))
    none = {at: Hour() for at in wanted if first is None or at + HOUR_US <= first}
    query = select(run_hours).where(run_hours.c.hour_us.between(wanted[0], wanted[-1]))
    lacking = set(wanted)
    return none | {at: Hour.of(value) for at, value in connection.execute(query) if at in lacking}


def _counting(hour_us: int) -> Callable[[Connection], Hour]:
    return lambda connection: _count(connection, hour_us)


def _keeping(hour_us: int, hour: Hour) -> Callable[[Connection], None]:
    def work(connection: Connection) -> None:
        row = {"hour_us": hour_us, "summary": hour.as_dict()}
        connection.execute(insert_into(connection, run_hours).on_conflict_do_nothing(), [row])

    return work


def _settled(hour_us: int, now_us: int) -> bool:
    return hour_us + HOUR_US + SETTLED_US <= now_us


def _missing(connection: Connection, now_us: int, days: int) -> list[int]:
    first = connection.scalar(select(func.min(runs.c.started_us)))
    if first is None:
        return []
    begin = max(first, now_us - days * 24 * HOUR_US) // HOUR_US * HOUR_US
    kept = select(run_hours.c.hour_us).where(run_hours.c.hour_us >= begin)
    known = set(connection.scalars(kept))
    hours = range(begin, now_us, HOUR_US)
    return [h for h in reversed(hours) if h not in known and _settled(h, now_us)]


def _count(connection: Connection, hour_us: int) -> Hour:
    begun = runs.c.started_us.between(hour_us, hour_us + HOUR_US - 1)
    last = (
        select(tokens.c.at_us)
        .where(tokens.c.run_id == runs.c.run_id)
        .order_by(tokens.c.seq.desc())
        .limit(1)
        .scalar_subquery()
    )
    names = (
        "started_us", "outcome", "verdict", "first_token_us", "first_text_us", "ended_us",
        "model", "connector", "person_id", "person_name", "tokens", "cost_microusd",
        "usage_estimated",
    )  # fmt: skip
    query = select(*(runs.c[name] for name in names), last.label("last_us")).where(begun)
    hour = Hour()
    for row in connection.execute(query).mappings():
        _take(hour, row)
    refused = (
        select(func.count())
        .select_from(runs.join(edits, edits.c.run_id == runs.c.run_id))
        .where(begun, edits.c.error.startswith(_LIMITED))
    )
    hour.limited = connection.scalar(refused) or 0
    return hour


def _take(hour: Hour, row: RowMapping) -> None:
    hour.runs += 1
    hour.outcomes[row["outcome"] or _UNENDED] += 1
    hour.verdicts[row["verdict"] or _UNSAID] += 1
    for name in ("first_token", "first_text"):
        if (us := row[f"{name}_us"]) is not None:
            getattr(hour, name)[bucket(us)] += 1
    if row["ended_us"] is not None and row["last_us"] is not None:
        hour.lag[bucket(row["ended_us"] - row["started_us"] - row["last_us"])] += 1
    cost = row["cost_microusd"]
    spent = Expense(
        1, row["tokens"] or 0, cost or 0, int(cost is None), int(bool(row["usage_estimated"]))
    )
    hour.models.setdefault(row["model"], Expense()).add(spent)
    spent.name = row["person_name"]
    who = f"{row['connector']}\n{row['person_id']}"
    hour.people.setdefault(who, Expense()).add(spent)


def costliest(spent: Mapping[str, Expense]) -> list[tuple[str, Expense]]:
    """By cost, then by tokens; those that are not named last."""
    return sorted(
        spent.items(),
        key=lambda item: (item[0] == OTHERS, -item[1].microusd, -item[1].tokens, item[0]),
    )


def _named(spent: Mapping[str, Expense]) -> dict[str, dict[str, Any]]:
    return together(costliest(spent), _NAMED)


def together(ordered: Iterable[tuple[str, Expense]], most: int) -> dict[str, dict[str, Any]]:
    """The first `most` by name, and what is left as `OTHERS`."""
    found: dict[str, Expense] = {}
    for number, (key, each) in enumerate(ordered):
        named = key if number < most else OTHERS
        found.setdefault(named, Expense()).add(each)
    if OTHERS in found:
        found[OTHERS].name = ""
    return {key: asdict(each) for key, each in found.items()}
