"""Which process sees to what. A process that lives says so: it beats. What a dead one left behind
is claimed by exactly one other.

Beats are told in the clock of the process that beats. The clocks of machines on one database have
to agree far better than a lease is long.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Table,
    Update,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)

from bot.store.columns import columns_of, in_place
from bot.store.database import Database
from bot.store.inbox import Given, KeptQuestion, State, insert_question, question_of
from bot.store.runs import RunRow, run_of
from bot.store.schema import floors, inbox, insert_into, processes, runs, unindexed
from connectors.base import Asked, Place

T = TypeVar("T", KeptQuestion, RunRow)

_FORGET_US = 3_600_000_000
"""A process that was silent for so long is forgotten; what it left has no living owner then."""

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


@dataclass(frozen=True, slots=True)
class Orphan(Generic[T]):
    """Something unfinished whose owner is not among the living."""

    row: T
    owner: str | None


class Leases:
    """The leases of the process `me`, and what others left. Raises `StoreUnavailable`."""

    def __init__(self, database: Database, me: str) -> None:
        self._database = database
        self.me = me
        self.serves: tuple[str, ...] = ()
        """The names of the connectors that this process serves, for the others to know."""
        self._beaten = False

    async def beat(self, now_us: int, seat: Seat | None = None) -> None:
        """Says that this process lives."""
        where = {"machine": seat and seat.machine, "pid": seat and seat.pid}
        said = {"beat_us": now_us, "connectors": list(self.serves) or None}

        def work(connection: Connection) -> None:
            insert = insert_into(connection, processes).values(id=self.me, **where, **said)
            connection.execute(insert.on_conflict_do_update(index_elements=["id"], set_=said))
            silent = processes.c.beat_us < now_us - _FORGET_US
            connection.execute(delete(processes).where(silent))

        self._beaten = True  # also where it is not known whether the row is there
        await self._database.run(work)

    async def release(self) -> None:
        """This process is done: what it left unfinished can be claimed at once."""
        if self._beaten:
            mine = delete(processes).where(processes.c.id == self.me)
            await self._database.run(lambda connection: connection.execute(mine))

    async def processes(self) -> list[Process]:
        """Every process that has beaten and was not released."""

        def work(connection: Connection) -> list[Process]:
            return [_process(row) for row in connection.execute(select(processes)).mappings()]

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

    async def claim_run(self, run_id: UUID, owner: str | None) -> bool:
        """Takes a run over from a dead owner; false where another process was faster.

        It may be asked again where the answer was lost.
        """
        claim = update(runs).where(runs.c.run_id == str(run_id), runs.c.ended_us.is_(None))
        return await self._claimed(claim, runs, owner)

    async def claim_question(self, id: int, owner: str | None) -> bool:  # noqa: A002 - the question's id
        """Takes a question over from a dead owner; false where another process was faster.

        It may be asked again where the answer was lost.
        """
        waits = inbox.c.state.in_(_WAITING)
        return await self._claimed(update(inbox).where(inbox.c.id == id, waits), inbox, owner)

    async def _claimed(self, claim: Update, table: Table, owner: str | None) -> bool:
        # One statement: of two processes that claim, the second finds another owner than the old.
        old = or_(table.c.owner.is_not_distinct_from(owner), table.c.owner == self.me)
        change = claim.where(old).values(owner=self.me)
        return await self._database.run(lambda connection: connection.execute(change).rowcount) > 0

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


def _owned_by_none(table: Table, living: Collection[str]) -> ColumnElement[bool]:
    return or_(table.c.owner.is_(None), table.c.owner.not_in(living))


def _process(row: RowMapping) -> Process:
    machine, pid = row["machine"], row["pid"]
    seat = None if machine is None or pid is None else Seat(machine, pid)
    return Process(row["id"], row["beat_us"], seat, tuple(row["connectors"] or ()))


# Who has the floor: in a conversation one process answers at a time, and the others hand over.
#
# A question that comes to another process is kept, and made the floor holder's to see to. The row
# of a floor is the lock: who asks for it and who leaves it wait for each other, so no question can
# be handed over to a process that has just left.


class Floors:
    """The floors that the process `me` has, asks for and leaves. Raises `StoreUnavailable`."""

    def __init__(self, database: Database, me: str) -> None:
        self._database = database
        self._me = me

    async def keep(self, asked: Asked, received_us: int, run_id: UUID) -> Given | None:
        """Keeps a question, and takes the floor for it or hands it to who has the floor.

        None where its message was there before. The question is durable when this returns.
        """

        def work(connection: Connection) -> Given | None:
            inbox_id = insert_question(connection, asked, received_us, run_id, self._me)
            if inbox_id is None:
                return None
            return Given(inbox_id, self._given(connection, asked.message.place, inbox_id))

        return await self._database.run(work)

    async def take(self, place: Place, inbox_id: int, *, hand_over: bool) -> bool:
        """Takes the floor for a question of this process; false where another one has it.

        Then the question is that one's, if `hand_over`.
        """

        def work(connection: Connection) -> bool:
            if hand_over:
                return self._given(connection, place, inbox_id) == self._me
            return self._holder(connection, place) == self._me

        return await self._database.run(work)

    async def leave(self, place: Place, *, closing: bool = False) -> bool:
        """Leaves the floor unless questions wait there for this process; says whether it did.

        `closing`: this process answers nothing more, and what waits is for anybody to claim.
        """
        waiting = in_place(inbox, place) & inbox.c.state.in_(_WAITING)
        mine = waiting & (inbox.c.owner == self._me)
        held = in_place(floors, place) & (floors.c.owner == self._me)

        def work(connection: Connection) -> bool:
            # The floor's row first: who hands over to this process has done so, or waits for us.
            connection.execute(select(floors.c.owner).where(held).with_for_update())
            if closing:
                connection.execute(update(inbox).where(mine).values(owner=None))
            elif connection.scalar(select(exists().where(mine))):
                return False
            connection.execute(delete(floors).where(held))
            return True

        return await self._database.run(work)

    async def vacate(self, dead: Collection[str]) -> int:
        """Takes the floors of dead processes, and of those that were released; says how many."""
        known = select(processes.c.id)
        gone = or_(floors.c.owner.in_(dead), floors.c.owner.not_in(known))

        def held(connection: Connection) -> bool:
            return bool(connection.scalar(select(exists().where(gone))))

        # To read is cheap and disturbs nobody; there is seldom anything to take.
        if not await self._database.read(held):
            return 0
        taken = delete(floors).where(gone, floors.c.owner != self._me)
        return await self._database.run(lambda connection: connection.execute(taken).rowcount)

    async def retake(self, places: Collection[Place]) -> None:
        """After an outage: takes these floors again, where nobody has them now."""
        rows = [columns_of(place) | {"owner": self._me} for place in places]
        if rows:
            await self._database.run(
                lambda connection: connection.execute(
                    insert_into(connection, floors).on_conflict_do_nothing(), rows
                )
            )

    async def held(self, place: Place) -> bool:
        """Whether anybody answers there now."""
        query = select(func.count()).select_from(floors).where(in_place(floors, place))
        return bool(await self._database.read(lambda connection: connection.scalar(query)))

    def _given(self, connection: Connection, place: Place, inbox_id: int) -> str:
        """Who has the floor now, and with it the question."""
        holder = self._holder(connection, place)
        if holder != self._me:
            connection.execute(update(inbox).where(inbox.c.id == inbox_id).values(owner=holder))
        return holder

    def _holder(self, connection: Connection, place: Place) -> str:
        """Who has the floor, from now on: this process, unless another one that beats has it."""
        insert = insert_into(connection, floors).values(**columns_of(place), owner=self._me)
        # Changing nothing locks the row until the question is handed over.
        locked = insert.on_conflict_do_update(
            index_elements=list(columns_of(place)), set_={"owner": floors.c.owner}
        ).returning(floors.c.owner)
        holder: str = connection.execute(locked).scalar_one()
        if holder == self._me:
            return holder
        if connection.scalar(select(exists().where(processes.c.id == holder))):
            return holder
        change = update(floors).where(in_place(floors, place)).values(owner=self._me)
        connection.execute(change)
        return self._me
