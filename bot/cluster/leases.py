"""Which process sees to what. A process that lives says so: it beats. What a dead one left behind
is claimed by exactly one other.

Beats are told in the clock of the process that beats. The clocks of machines on one database have
to agree far better than a lease is long.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Select,
    String,
    Table,
    Update,
    bindparam,
    case,
    cast,
    delete,
    literal_column,
    null,
    or_,
    select,
    union_all,
    update,
)

from bot.store.budgets import BudgetMode, budget_mode
from bot.store.call_rows import EndedCall
from bot.store.calls import lose_with_run
from bot.store.database import Database
from bot.store.inbox import KeptQuestion, State, question_of
from bot.store.runs import RunRow, run_of
from bot.store.schema import Insert, errands, floors, inbox, insert_into, processes, runs, unindexed

T = TypeVar("T", KeptQuestion, RunRow)

OnLost = Callable[[EndedCall], None]
"""Hears of a call that a takeover made uncertain."""


def _unheard(_call: EndedCall) -> None: ...


_FORGET_US = 3_600_000_000
"""Seconds of silence after which a process is forgotten; what it left has no living owner then."""

_WAITING: tuple[State, ...] = ("waiting", "running")


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a process runs: whoever sits at the same `machine` can see whether its `pid` lives."""

    machine: str
    pid: int


@dataclass(frozen=True, slots=True)
class Process:
    """A process that has beaten; `beat_us` in microseconds since the epoch, by its own clock."""

    id: str
    beat_us: int
    seat: Seat | None = None
    connectors: tuple[str, ...] = ()
    """The names of those that it serves."""
    budgets: dict[str, Any] | None = None
    """How it shares budgets: see `bot.cluster.budget_keeper`; None: its version knows no modes."""


@dataclass(frozen=True, slots=True)
class Orphan(Generic[T]):
    """Something unfinished whose owner is not among the living."""

    row: T
    owner: str | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Who beats, and who owns what, all of one moment. An owner that is None is nobody."""

    processes: tuple[Process, ...]
    runs: frozenset[tuple[str | None, str]]
    """Owner and connector of the runs that have not ended."""
    questions: frozenset[tuple[str | None, str, UUID | None]]
    """Owner and connector of the questions that wait; of this process's own also the run."""
    locks: frozenset[str]
    """Who answers in a conversation."""
    letters: frozenset[str]
    """The processes that have something in the mailbox."""
    modes: tuple[BudgetMode, ...] = ()
    """How budgets are shared; none where nobody has Redis."""


class Leases:
    """The leases of the process `me`, and what others left. Raises `StoreUnavailable`."""

    def __init__(self, database: Database, me: str) -> None:
        self._database = database
        self.me = me
        self._beaten = False
        self._beat: Insert | None = None
        """Built once, for a database of its kind."""
        self._beating_look: CompoundSelect[Any] | None = None

    async def beat(
        self,
        now_us: int,
        seat: Seat | None = None,
        serves: Collection[str] = (),
        budgets: Mapping[str, Any] | None = None,
    ) -> None:
        """Says that this process lives, which connectors it serves, and how it shares budgets."""
        told = self._told(now_us, seat, serves, budgets)

        def work(connection: Connection) -> None:
            if self._beat is None:
                self._beat = _beat_into(connection)
            connection.execute(self._beat, told)
            connection.execute(_FORGET, {"until_us": now_us - _FORGET_US})

        self._beaten = True  # also where it is not known whether the row is there
        await self._database.run(work)

    async def beat_and_look(
        self,
        now_us: int,
        seat: Seat | None,
        serves: Collection[str],
        budgets: Mapping[str, Any] | None,
    ) -> Snapshot:
        """Both in one statement, on PostgreSQL; this process's own row is as it was before."""
        told = self._told(now_us, seat, serves, budgets) | {"me": self.me}

        def work(connection: Connection) -> Snapshot:
            if self._beating_look is None:
                beaten = _beat_into(connection).values({c: bindparam(c) for c in _BEATEN})
                beat = beaten.returning(literal_column("1")).cte("beat")
                self._beating_look = _look().add_cte(beat)
            return _snapshot(connection.execute(self._beating_look, told).all())

        return await self._database.run(work)

    def _told(
        self,
        now_us: int,
        seat: Seat | None,
        serves: Collection[str],
        budgets: Mapping[str, Any] | None,
    ) -> dict[str, Any]:
        return {
            "id": self.me,
            "beat_us": now_us,
            "machine": seat and seat.machine,
            "pid": seat and seat.pid,
            "connectors": list(serves) or None,
            "budgets": None if budgets is None else dict(budgets),
        }

    async def release(self) -> None:
        """This process is done: what it left unfinished can be claimed at once."""
        if self._beaten:
            mine = delete(processes).where(processes.c.id == self.me)
            await self._database.run(lambda connection: connection.execute(mine))

    async def processes(self) -> list[Process]:
        """Every process that has beaten and was not released."""

        def work(connection: Connection) -> list[Process]:
            return [_process(*row) for row in connection.execute(_PROCESSES)]

        return await self._database.read(work)

    async def snapshot(self) -> Snapshot:
        """What a look sees: mostly that everything has an owner that beats."""

        def work(connection: Connection) -> Snapshot:
            return _snapshot(connection.execute(_SNAPSHOT, {"me": self.me}).all())

        return await self._database.read(work)

    async def orphaned_runs(
        self, living: Collection[str], connectors: Collection[str]
    ) -> list[Orphan[RunRow]]:
        """The runs of these connectors that have not ended and whose owner is none of `living`."""
        query = (
            select(runs)
            .where(runs.c.ended_us.is_(None), unindexed(runs.c.connector).in_(connectors))
            .where(_owned_by_none(runs, living))
            .order_by(unindexed(runs.c.started_us))
        )

        def work(connection: Connection) -> list[Orphan[RunRow]]:
            found = connection.execute(query).mappings()
            return [Orphan(run_of(row), row["owner"]) for row in found]

        return await self._database.read(work)

    async def orphaned_questions(
        self, living: Collection[str], connectors: Collection[str]
    ) -> list[Orphan[KeptQuestion]]:
        """The questions of these connectors that wait and whose owner is none of `living`."""
        query = (
            select(inbox)
            .where(inbox.c.state.in_(_WAITING), unindexed(inbox.c.connector).in_(connectors))
            .where(_owned_by_none(inbox, living))
            .order_by(unindexed(inbox.c.id))
        )

        def work(connection: Connection) -> list[Orphan[KeptQuestion]]:
            found = connection.execute(query).mappings()
            return [Orphan(question_of(row), row["owner"]) for row in found]

        return await self._database.read(work)

    async def question_of(self, run_id: UUID) -> Orphan[KeptQuestion] | None:
        """The question that a run is to answer, if it still waits, and whoever sees to it."""
        waits = inbox.c.state.in_(_WAITING)
        query = select(inbox).where(inbox.c.run_id == str(run_id), waits).limit(1)

        def work(connection: Connection) -> Orphan[KeptQuestion] | None:
            row = connection.execute(query).mappings().first()
            return None if row is None else Orphan(question_of(row), row["owner"])

        return await self._database.read(work)

    async def claim_run(self, run_id: UUID, owner: str | None, on_lost: OnLost = _unheard) -> bool:
        """Takes a run over from a dead owner; false where another process was faster.

        It may be asked again where the answer was lost. The run's epoch is raised with it: who
        owned it under the old one can send no tool call any more, and what was being sent is
        uncertain, of which `on_lost` hears.
        """
        claim = update(runs).where(runs.c.run_id == str(run_id), runs.c.ended_us.is_(None))
        raised = case((runs.c.owner == self.me, runs.c.epoch), else_=runs.c.epoch + 1)
        change = self._claim(claim.values(epoch=raised), runs, owner)

        def work(connection: Connection) -> tuple[bool, list[EndedCall]]:
            claimed = connection.execute(change).rowcount > 0
            return claimed, lose_with_run(connection, run_id) if claimed else []

        claimed, lost = await self._database.run(work)
        for call in lost:
            on_lost(call)
        return claimed

    async def claim_question(self, id: int, owner: str | None) -> bool:  # noqa: A002 - the question's id
        """Takes a question over from a dead owner; false where another process was faster.

        It may be asked again where the answer was lost.
        """
        waits = inbox.c.state.in_(_WAITING)
        change = self._claim(update(inbox).where(inbox.c.id == id, waits), inbox, owner)
        return await self._database.run(lambda connection: connection.execute(change).rowcount) > 0

    def _claim(self, claim: Update, table: Table, owner: str | None) -> Update:
        # One statement: of two processes that claim, the second finds another owner than the old.
        old = or_(table.c.owner.is_not_distinct_from(owner), table.c.owner == self.me)
        return claim.where(old).values(owner=self.me)

    async def taken_runs(self, run_ids: Iterable[UUID]) -> set[UUID]:
        """Those of these runs that another process has claimed from this one.

        A run whose own row is not written yet is known by the question that it answers: whoever
        claimed that has ended the run.
        """
        ids = [str(run_id) for run_id in run_ids]
        found = await self._taken(runs, runs.c.run_id, ids)
        found |= await self._taken(inbox, inbox.c.run_id, ids)
        return {UUID(run_id) for run_id in found}

    async def reopen(self, run_ids: Iterable[UUID]) -> None:
        """Gives up these runs, which other processes have claimed: they are ended once more.

        Those that were ended elsewhere may have been overwritten on the screen from here. Those
        whose row is still this process's were claimed before that row was written.
        """
        ids = [str(run_id) for run_id in run_ids]
        open_here = runs.c.ended_us.is_(None) & (runs.c.owner == self.me)
        given_up = runs.c.run_id.in_(ids) & (runs.c.ended_us.is_not(None) | open_here)
        change = update(runs).where(given_up).values(ended_us=None, owner=None)
        await self._database.run(lambda connection: connection.execute(change))

    async def taken_questions(self, ids: Iterable[int]) -> set[int]:
        """Those of these questions that another process has claimed from this one."""
        return await self._taken(inbox, inbox.c.id, list(ids))

    async def _taken(self, table: Table, key: ColumnElement[Any], keys: list[Any]) -> set[Any]:
        query = select(key).where(key.in_(keys), table.c.owner.is_distinct_from(self.me))
        return set(await self._database.read(lambda connection: connection.scalars(query).all()))


def _beat_into(connection: Connection) -> Insert:
    insert = insert_into(connection, processes)
    said = {name: insert.excluded[name] for name in ("beat_us", "connectors", "budgets")}
    return insert.on_conflict_do_update(index_elements=["id"], set_=said)


_BEATEN = ("id", "beat_us", "machine", "pid", "connectors", "budgets")
_FORGET = delete(processes).where(processes.c.beat_us < bindparam("until_us"))


def _owned_by_none(table: Table, living: Collection[str]) -> ColumnElement[bool]:
    return or_(table.c.owner.is_(None), table.c.owner.not_in(living))


_TOLD = (
    processes.c.id, processes.c.beat_us, processes.c.machine, processes.c.pid,
    processes.c.connectors, processes.c.budgets,
)  # fmt: skip
_PROCESSES = select(*_TOLD)


def _process(
    process_id: str,
    beat_us: int,
    machine: str | None,
    pid: int | None,
    serves: list[str] | None,
    budgets: dict[str, Any] | None,
) -> Process:
    seat = None if machine is None or pid is None else Seat(machine, pid)
    return Process(process_id, beat_us, seat, tuple(serves or ()), budgets)


# What one look sees. It is one statement, for that is what sees one moment: on PostgreSQL each
# statement of a transaction sees its own. It is built once; every process looks every second.


def _owned(kind: str, owner: ColumnElement[Any], *more: ColumnElement[Any]) -> Select[Any]:
    """One row for each owner (and connector, and run); all kinds have the same columns."""
    nothing = [cast(null(), column.type) for column in _TOLD[1:]]
    rest = [*more, *(cast(null(), String) for _ in range(2 - len(more)))]
    return select(literal_column(f"'{kind}'"), owner, *nothing, *rest).group_by(owner, *more)


def _mode_row() -> Select[Any]:
    nothing = [cast(null(), column.type) for column in _TOLD[3:]]
    mode = budget_mode.c
    told = select(literal_column("'mode'"), mode.mode, mode.epoch, mode.deployment)
    return told.add_columns(*nothing, cast(null(), String), cast(null(), String))


def _look() -> CompoundSelect[Any]:
    nothing = [cast(null(), String), cast(null(), String)]
    own_run = case((inbox.c.owner == bindparam("me"), inbox.c.run_id)).label("own_run")
    waiting = inbox.c.state.in_([literal_column(f"'{state}'") for state in _WAITING])
    return union_all(
        select(literal_column("'process'").label("kind"), *_TOLD, *nothing),
        _owned("run", runs.c.owner, unindexed(runs.c.connector)).where(runs.c.ended_us.is_(None)),
        _owned("question", inbox.c.owner, unindexed(inbox.c.connector), own_run).where(waiting),
        _owned("lock", floors.c.owner),
        _owned("letter", errands.c.owner),
        _mode_row(),
    )


_SNAPSHOT = _look()


def _snapshot(rows: Iterable[Sequence[Any]]) -> Snapshot:
    found: dict[str, list[Any]] = {kind: [] for kind in _KINDS}
    for kind, owner, beat_us, machine, pid, serves, budgets, connector, run_id in rows:
        if kind == "process":
            found[kind].append(_process(owner, beat_us, machine, pid, serves, budgets))
        elif kind == "mode":
            found[kind].append(BudgetMode(owner, beat_us, machine))
        elif kind == "run":
            found[kind].append((owner, connector))
        elif kind == "question":
            found[kind].append((owner, connector, UUID(run_id) if run_id else None))
        else:
            found[kind].append(owner)
    processes_, runs_, questions, locks, letters, modes = found.values()
    return Snapshot(
        tuple(processes_),
        frozenset(runs_),
        frozenset(questions),
        frozenset(locks),
        frozenset(letters),
        tuple(modes),
    )


_KINDS = ("process", "run", "question", "lock", "letter", "mode")
"""In the order of a snapshot's fields."""
