"""The lock of a conversation: one process answers there at a time, and the others hand over.

A question that comes to another process is kept, and handed to the one that has the lock. The lock
is a row of `floors`: who asks for it and who gives it up wait for each other, so no question can be
handed to a process that has just given it up.
"""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Connection, delete, exists, func, or_, select, update

from bot.cluster.wakes import wake
from bot.store.columns import columns_of, in_place
from bot.store.database import Database
from bot.store.inbox import Condition, Given, State, insert_question
from bot.store.schema import floors, inbox, insert_into, processes
from connectors.base import Asked, Place

_WAITING: tuple[State, ...] = ("waiting", "running")


class ConversationLocks:
    """The locks that the process `me` has, asks for and gives up. Raises `StoreUnavailable`."""

    def __init__(self, database: Database, me: str) -> None:
        self._database = database
        self._me = me

    async def keep(
        self, asked: Asked, received_us: int, run_id: UUID, given: Condition | None = None
    ) -> Given | None:
        """Keeps a question, and takes the lock for it or hands it to who has the lock.

        None where its message was there before, or where `given` returns false, which is done in
        the same transaction. The question is durable when this returns.
        """

        def work(connection: Connection) -> Given | None:
            if given is not None and not given(connection):
                return None
            inbox_id = insert_question(connection, asked, received_us, run_id, self._me)
            if inbox_id is None:
                return None
            place = asked.message.place
            holder = self._given(connection, place, inbox_id)
            waiting = in_place(inbox, place) & inbox.c.state.in_(_WAITING)
            came_first = (inbox.c.id < inbox_id) & inbox.c.run_id.is_not(None)
            older = connection.scalars(select(inbox.c.run_id).where(waiting, came_first))
            return Given(inbox_id, holder, frozenset(map(UUID, older)))

        return await self._database.run(work)

    async def take(self, place: Place, inbox_id: int, *, hand_over: bool) -> bool:
        """Takes the lock for a question of this process; false where another one has it.

        Then the question is that one's, if `hand_over`.
        """

        def work(connection: Connection) -> bool:
            if hand_over:
                return self._given(connection, place, inbox_id) == self._me
            return self._holder(connection, place) == self._me

        return await self._database.run(work)

    async def leave(self, place: Place, *, closing: bool = False) -> bool:
        """Gives the lock up unless questions wait there for this process; says whether it did.

        `closing`: this process answers nothing more, and what waits is for anybody to claim.
        """
        waiting = in_place(inbox, place) & inbox.c.state.in_(_WAITING)
        mine = waiting & (inbox.c.owner == self._me)
        held = in_place(floors, place) & (floors.c.owner == self._me)

        def work(connection: Connection) -> bool:
            # The lock's row first: who hands over to this process has done so, or waits for us.
            connection.execute(select(floors.c.owner).where(held).with_for_update())
            if closing:
                connection.execute(update(inbox).where(mine).values(owner=None))
            elif connection.scalar(select(exists().where(mine))):
                return False
            connection.execute(delete(floors).where(held))
            return True

        return await self._database.run(work)

    async def vacate(self, dead: Collection[str]) -> int:
        """Takes the locks of dead processes, and of those that were released; says how many."""
        known = select(processes.c.id)
        gone = or_(floors.c.owner.in_(dead), floors.c.owner.not_in(known))
        taken = delete(floors).where(gone, floors.c.owner != self._me)
        return await self._database.run(lambda connection: connection.execute(taken).rowcount)

    async def retake(self, places: Collection[Place]) -> None:
        """After an outage: takes these locks again, where nobody has them now."""
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
        """Who has the lock now, and with it the question."""
        holder = self._holder(connection, place)
        if holder != self._me:
            connection.execute(update(inbox).where(inbox.c.id == inbox_id).values(owner=holder))
            wake(connection, [holder])
        return holder

    def _holder(self, connection: Connection, place: Place) -> str:
        """Who has the lock, from now on: this process, unless another one that beats has it."""
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
