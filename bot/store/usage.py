"""What was used: who, with which model, and when. Times are microseconds since the epoch.

A run counts from its start. Of one that has not ended yet it is known what the model was given,
about, and how many tokens the log has.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    func,
    literal,
    literal_column,
    select,
    true,
)

from bot.identity import Account
from bot.store.columns import is_account
from bot.store.database import Database
from bot.store.schema import insert_into, processes, runs, tokens, unindexed, usage_resets

By = Literal["person", "workspace", "model"]

_ALIVE_US = 60_000_000
"""Seconds without a heartbeat after which a process writes no more answers."""
_LONGEST_US = 86_400_000_000
"""Seconds; no run goes on this long."""


@dataclass(frozen=True, slots=True)
class UsageScope:
    """Whose usage is counted: a person's, a workspace's, a channel's, or everybody's."""

    connector: str | None = None
    person: Account | None = None
    workspace: str | None = None
    channel: str | None = None

    def where(self, column: Callable[[Any], Any] = lambda column: column) -> ColumnElement[bool]:
        """The runs that count; `column` says how their columns are put."""
        if self.connector is None:
            return true()
        mine = [column(runs.c.connector) == self.connector]
        if self.person is not None:
            mine.append(column(runs.c.person_id) == self.person.id)
            realm = func.coalesce(runs.c.person_realm, self.person.realm)
            mine.append(realm == self.person.realm)
        if self.workspace is not None:
            mine.append(column(runs.c.workspace) == self.workspace)
        if self.channel is not None:
            mine.append(column(runs.c.channel) == self.channel)
        return and_(*mine)


@dataclass(frozen=True, slots=True)
class Running:
    """A run that has not ended: what it used so far, about."""

    model: str
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Spent:
    """What was used in a scope since the beginning of the day, and of the month."""

    runs_today: int = 0
    tokens_today: int = 0
    microusd_this_month: int = 0
    """Of the runs whose price is known."""
    running: tuple[Running, ...] = ()
    """Those of today that living processes answer; their tokens and money are not in the above."""


@dataclass(frozen=True, slots=True)
class Total:
    """What a person, a workspace or a model has used. `name` is the newest that was seen."""

    key: str
    name: str
    bucket_us: int
    """The beginning of the time that is summed up; 0 where it is all of it."""
    runs: int
    unfinished: int
    input_tokens: int
    output_tokens: int
    cached_input_tokens: int
    microusd: int
    """Of the runs whose price is known."""
    unpriced: int
    """Runs that used tokens whose price is not known."""
    estimated: int
    """Runs whose tokens are an estimate."""


class UsageLog:
    """Counts what the runs' rows say. Raises `StoreUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def spent(
        self,
        scope: UsageScope,
        *,
        day_us: int,
        month_us: int,
        now_us: int,
        apart: Collection[UUID] = (),
    ) -> Spent:
        """What was used since `day_us` and `month_us`; the runs `apart` don't count.

        Of a person, nothing counts from before their limits were reset.
        """
        others = runs.c.run_id.not_in([str(run_id) for run_id in apart])

        def work(connection: Connection) -> Spent:
            reset_us = connection.scalar(_reset(scope.person)) or 0 if scope.person else 0
            since = max(day_us, reset_us), max(month_us, reset_us)
            row = connection.execute(_ended(and_(scope.where(), others), *since)).one()
            rows = connection.execute(_running(and_(scope.where(unindexed), others), now_us))
            today, used, microusd = (int(value or 0) for value in row)
            return Spent(today, used, microusd, tuple(Running(*run) for run in rows))

        return await self._database.read(work)

    async def reset(self, account: Account, at_us: int) -> None:
        """What a person used before `at_us` counts no more against their limits."""
        key = {
            "connector": account.connector,
            "person_realm": account.realm,
            "person_id": account.id,
        }

        def work(connection: Connection) -> None:
            insert = insert_into(connection, usage_resets).values(**key, at_us=at_us)
            connection.execute(
                insert.on_conflict_do_update(index_elements=list(key), set_={"at_us": at_us})
            )

        await self._database.run(work)

    async def totals(
        self, by: By, since_us: int, *, until_us: int | None = None, bucket_us: int | None = None
    ) -> list[Total]:
        """What was used by each, the most first; over time, in buckets of so many µs, if given."""
        query = _totals(by, bucket_us).where(runs.c.started_us >= since_us)
        if until_us is not None:
            query = query.where(runs.c.started_us < until_us)

        def work(connection: Connection) -> list[Total]:
            return [_total(*row) for row in connection.execute(query)]

        return sorted(await self._database.read(work), key=lambda total: (
            total.bucket_us, -total.microusd, -total.input_tokens - total.output_tokens, total.key
        ))  # fmt: skip


def _reset(person: Account) -> Select[Any]:
    return select(usage_resets.c.at_us).where(is_account(usage_resets, person))


def _ended(mine: ColumnElement[bool], day_us: int, month_us: int) -> Select[Any]:
    """Runs and tokens of the day, and the money of the month."""
    used = func.coalesce(runs.c.input_tokens, 0) + func.coalesce(runs.c.output_tokens, 0)
    today = runs.c.started_us >= day_us
    ended = runs.c.ended_us.is_not(None)
    month = runs.c.started_us >= month_us
    return select(
        func.sum(case((today, 1), else_=0)),
        func.sum(case((and_(today, ended), used), else_=0)),
        func.sum(case((and_(month, ended), runs.c.cost_microusd), else_=0)),
    ).where(mine, runs.c.started_us >= min(day_us, month_us))


def _running(mine: ColumnElement[bool], now_us: int) -> Select[Any]:
    living = select(processes.c.id).where(processes.c.beat_us > now_us - _ALIVE_US)
    logged = select(func.count()).where(tokens.c.run_id == runs.c.run_id).scalar_subquery()
    return (
        select(runs.c.model, func.coalesce(runs.c.input_tokens, 0), logged)
        .where(mine, runs.c.ended_us.is_(None), runs.c.owner.in_(living))
        .where(unindexed(runs.c.started_us) > now_us - _LONGEST_US)
    )


def _totals(by: By, bucket_us: int | None) -> Select[Any]:
    column = {
        "person": runs.c.person_id, "workspace": runs.c.workspace, "model": runs.c.model,
    }[by]  # fmt: skip
    realm = func.coalesce(runs.c.person_realm, "")
    named = case((realm == "", column), else_=realm + "/" + column) if by == "person" else column
    key = column if by == "model" else runs.c.connector + ":" + named
    name = func.max(runs.c.person_name) if by == "person" else literal("")
    # A literal: PostgreSQL takes two parameters for two different expressions.
    step = literal_column(str(bucket_us or 1), BigInteger)
    number = runs.c.started_us // step
    used = func.coalesce(runs.c.input_tokens, 0) + func.coalesce(runs.c.output_tokens, 0)
    unpriced = and_(used > 0, runs.c.cost_microusd.is_(None), runs.c.ended_us.is_not(None))
    query = select(
        key,
        name,
        number * step if bucket_us else literal(0),
        func.count(),
        func.sum(case((runs.c.ended_us.is_(None), 1), else_=0)),
        func.sum(func.coalesce(runs.c.input_tokens, 0)),
        func.sum(func.coalesce(runs.c.output_tokens, 0)),
        func.sum(func.coalesce(runs.c.cached_input_tokens, 0)),
        func.sum(func.coalesce(runs.c.cost_microusd, 0)),
        func.sum(case((unpriced, 1), else_=0)),
        func.sum(case((runs.c.usage_estimated, 1), else_=0)),
    )
    parts: list[ColumnElement[Any]] = [column] if by == "model" else [runs.c.connector, column]
    parts += [realm] if by == "person" else []
    return query.group_by(*parts, *([number] if bucket_us else []))


def _total(key: str, name: str, *numbers: int) -> Total:
    return Total(key, name, *(int(number) for number in numbers))
