"""What one process heard and another one has to do: to stop, to start over, to see a deletion.

A letter is left for every other process that has something unfinished in the event's place.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    delete,
    insert,
    or_,
    select,
    update,
)

from bot.cluster.wakes import wake
from bot.identity import Account
from bot.store.columns import Letter, columns_of, event_column, event_of, is_account
from bot.store.database import Database
from bot.store.schema import errands, inbox, processes
from connectors.base import (
    Commanded,
    Control,
    Deleted,
    Edited,
    Pressed,
)

Told = Commanded | Deleted | Edited | Pressed
_WAITING = ("waiting", "running")


class Mailbox:
    """Leaves letters, and takes those that were left for `me`. Raises `StoreUnavailable`."""

    def __init__(self, database: Database, me: str) -> None:
        self._database = database
        self._me = me

    async def leave(self, event: Told, heard_us: int) -> int:
        """Tells the other processes that have something to do there; says how many letters.

        `heard_us` is when this process heard of it, in microseconds since the epoch. The command
        `stop` becomes a letter for each unfinished question that came before: what its asker asks
        after it is not stopped, however late the other process hears.
        """
        theirs = inbox.c.owner.is_not(None) & (inbox.c.owner != self._me)
        unfinished = _around(event) & inbox.c.state.in_(_WAITING) & theirs
        if isinstance(event, Commanded):
            account = Account.of(event.message.place, event.person)
            mine = unfinished & is_account(inbox, account)
            mine &= inbox.c.received_us <= heard_us
            found = await self._found(select(inbox.c.owner, inbox.c.run_id).where(mine))
            message, person = event.message, event.person
            left: list[tuple[str, Letter]] = [
                (owner, Pressed(message, person, Control.STOP, UUID(run_id)))
                for owner, run_id in found
            ]
        else:
            owners = await self._found(select(inbox.c.owner).distinct().where(unfinished))
            left = [(owner, event) for (owner,) in owners]
        if left:
            rows = [
                {"owner": owner, "at_us": heard_us, "event": event_column(e)} for owner, e in left
            ]

            def work(connection: Connection) -> None:
                connection.execute(insert(errands), rows)
                wake(connection, [owner for owner, _ in left])

            await self._database.run(work)
        return len(left)

    async def _found(self, query: Select[Any]) -> list[Any]:
        return await self._database.read(lambda connection: [*connection.execute(query)])

    async def take(self) -> list[Letter]:
        """What was left for this process since, in order; after an outage perhaps again."""
        mine = select(errands).where(errands.c.owner == self._me).order_by(errands.c.id)

        def find(connection: Connection) -> list[tuple[int, Any]]:
            return [(row["id"], row["event"]) for row in connection.execute(mine).mappings()]

        found = await self._database.read(find)
        if found:
            done = delete(errands).where(errands.c.id.in_([number for number, _ in found]))
            await self._database.run(lambda connection: connection.execute(done))
        return [event_of(event) for _, event in found]

    async def inherit(self, dead: Collection[str]) -> int:
        """What was left for the dead, and for those that were released, is for `me` now."""
        known = select(processes.c.id)
        gone = or_(errands.c.owner.in_(dead), errands.c.owner.not_in(known))
        taken = update(errands).where(gone).values(owner=self._me)
        return await self._database.run(lambda connection: connection.execute(taken).rowcount)


def _around(event: Told) -> ColumnElement[bool]:
    """The questions of the event's place; for a command in a channel, of its threads as well."""
    columns = columns_of(event.message.place)
    if isinstance(event, Commanded) and not columns["thread"]:
        del columns["thread"]
    return and_(*(inbox.c[name] == value for name, value in columns.items()))
