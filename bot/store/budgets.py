"""What processes keep of the budgets that they share: the mode, and who holds which slots.

For what a mode and a slot are see `bot.pacing.shared`. Times are microseconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal
from uuid import uuid4

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)

from bot.store.database import Database
from bot.store.schema import SafeText, insert_into, metadata, processes

# One row: how all processes share. deployment: what Redis' keys are named after. since_us: when
# Redis was left last.
budget_mode = Table(
    "budget_mode",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("mode", String(8), nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("deployment", String(32), nullable=False),
    Column("since_us", BigInteger, nullable=False),
)

# The slots of budgets that a process holds. gone_us: until when those of a dead one still count.
budget_slots = Table(
    "budget_slots",
    metadata,
    Column("budget", SafeText, primary_key=True),
    Column("owner", String(36), primary_key=True),
    Column("held", Integer, nullable=False),
    Column("growing", Integer, nullable=False),
    Column("gone_us", BigInteger),
)

_ALIVE_US = 10_000_000
"""Microseconds without a beat after which a process may be dead: a lease's length."""

_TERM_US = 4_000_000
"""Microseconds after a change of the mode in which processes may not know of it."""

_CUT_OFF_US = 60_000_000
"""How much longer the slots count of a process that is silent, but may only be cut off."""

_RESERVE = 10
"""A tenth of a budget is kept for a process that holds nothing yet."""

_FIRST = 2
"""Slots that such a process gets of it."""


@dataclass(frozen=True, slots=True)
class BudgetMode:
    """How all processes share budgets."""

    mode: str
    epoch: int
    deployment: str


@dataclass(frozen=True, slots=True)
class SlotDemand:
    """What one process wants of a budget of `calls` in `window_us` microseconds.

    `limit` is how many of the calls are dealt at all: fewer beside processes that know no slots.
    """

    budget: str
    calls: int
    window_us: int
    held: int
    spent: int
    growing: int
    limit: int
    alone: bool
    """Whether no other process lives, so that nothing has to be kept for it."""


@dataclass(frozen=True, slots=True)
class Dealt:
    """The slots that a process holds now, and how many of them it uses."""

    held: int
    usable: int


class BudgetRows:
    """The rows of the process `me`. Every method raises `StoreUnavailable`."""

    def __init__(self, database: Database, me: str) -> None:
        self._database = database
        self._me = me

    async def mode(self) -> BudgetMode:
        """The mode; the first that asks begins with `parts`."""
        first = {"id": 1, "mode": "parts", "epoch": 1, "deployment": uuid4().hex, "since_us": 0}

        def work(connection: Connection) -> BudgetMode:
            made = insert_into(connection, budget_mode).values(first)
            connection.execute(made.on_conflict_do_nothing())
            row = connection.execute(select(budget_mode)).mappings().one()
            return BudgetMode(row["mode"], row["epoch"], row["deployment"])

        return await self._database.run(work)

    async def change(self, mode: Literal["parts", "redis"], epoch: int, now_us: int) -> bool:
        """Changes the mode and begins an epoch; false where that of `epoch` is over."""
        change = update(budget_mode).where(budget_mode.c.epoch == epoch)
        change = change.values(mode=mode, epoch=epoch + 1, since_us=now_us)
        return await self._database.run(lambda connection: connection.execute(change).rowcount) > 0

    async def register(self, held: Mapping[str, int]) -> None:
        """What this process holds, by budget; it holds nothing else."""
        rows = [
            {"budget": budget, "owner": self._me, "held": slots, "growing": 0}
            for budget, slots in held.items()
            if slots
        ]

        def work(connection: Connection) -> None:
            connection.execute(delete(budget_slots).where(budget_slots.c.owner == self._me))
            if rows:
                connection.execute(insert(budget_slots), rows)

        await self._database.run(work)

    async def drop(self, budgets: Iterable[str]) -> None:
        """This process holds nothing of these budgets any more."""
        mine = budget_slots.c.owner == self._me
        done = delete(budget_slots).where(mine, budget_slots.c.budget.in_(list(budgets)))
        await self._database.run(lambda connection: connection.execute(done))

    async def deal(self, wants: SlotDemand, now_us: int) -> Dealt:
        """Takes free slots by demand, or gives some back that count no more."""
        return await self._database.run(lambda connection: self._deal(connection, wants, now_us))

    def _deal(self, connection: Connection, wants: SlotDemand, now_us: int) -> Dealt:
        if connection.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(wants.budget))))
        others = _others(connection, self._me, wants, now_us)
        since_us = connection.scalar(select(budget_mode.c.since_us))
        # Until then calls may count of processes that died, and of which only Redis knew.
        settled = since_us is None or now_us > since_us + _TERM_US + wants.window_us
        dealt = _dealt(wants, others, settled=settled)
        row = {"budget": wants.budget, "owner": self._me}
        values = {"held": dealt.held, "growing": wants.growing, "gone_us": None}
        told = insert_into(connection, budget_slots).values(**row, **values)
        connection.execute(told.on_conflict_do_update(index_elements=list(row), set_=values))
        return dealt


def _others(connection: Connection, me: str, wants: SlotDemand, now_us: int) -> list[list[int]]:
    """Slots held and replies growing, for each other process; the dead hold theirs for a while."""
    rows = connection.execute(
        select(budget_slots, processes.c.id, processes.c.beat_us)
        .join(processes, processes.c.id == budget_slots.c.owner, isouter=True)
        .where(budget_slots.c.budget == wants.budget, budget_slots.c.owner != me)
    ).mappings()
    found = []
    for row in rows.all():
        there = budget_slots.c.budget == wants.budget, budget_slots.c.owner == row["owner"]
        if row["id"] is not None and row["beat_us"] > now_us - _ALIVE_US:
            found.append([row["held"], row["growing"]])
        elif row["gone_us"] is None:
            silent = _CUT_OFF_US if row["id"] is not None else 0
            until = {"gone_us": now_us + wants.window_us + silent}
            connection.execute(update(budget_slots).where(*there).values(until))
            found.append([row["held"], 0])
        elif row["gone_us"] > now_us:
            found.append([row["held"], 0])
        else:
            connection.execute(delete(budget_slots).where(*there))
    return found


def _dealt(wants: SlotDemand, others: list[list[int]], *, settled: bool) -> Dealt:
    reserve = 0 if wants.alone else max(1, wants.calls // _RESERVE)
    free = wants.limit - wants.held - sum(held for held, _ in others)
    growing = wants.growing + sum(there for _, there in others)
    fair = 0
    if wants.growing:
        fair = max(1, round((wants.limit - reserve) * wants.growing / growing))
    if not settled:
        return Dealt(wants.held, wants.held)
    if wants.held >= fair:
        return Dealt(max(fair, min(wants.held, wants.spent)), fair)
    taken = min(fair - wants.held, max(free - reserve, 0))
    first = min(_FIRST, fair) - wants.held - taken
    taken += max(0, min(first, free - taken))
    return Dealt(wants.held + taken, wants.held + taken)
