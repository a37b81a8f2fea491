"""This process among those that share its database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from bot.cluster.budget_keeper import BudgetKeeper
from bot.cluster.conversation_lock import ConversationLocks
from bot.cluster.heartbeat import Heartbeat
from bot.cluster.leases import Leases, Seat
from bot.cluster.mailbox import Mailbox
from bot.cluster.wakes import Wakes
from bot.store import SqlDatabase, Store, StoreUnavailable

log = structlog.get_logger(__name__)


class Cluster:
    """What the processes on one database tell each other. Each member is built on the store.

    `heartbeat` says that this process lives, `leases` what it owns and what the dead left,
    `locks` which process answers in a conversation, `mailbox` what others have to do.
    """

    def __init__(self, store: Store, now_us: Callable[[], int], seat: Seat | None = None) -> None:
        """`now_us` gives microseconds since the epoch; `seat` is where this process runs."""
        self.store = store
        self.me = store.me
        """The id by which the other processes know this one."""
        self.leases = Leases(store.database, self.me)
        self.locks = ConversationLocks(store.database, self.me)
        self.mailbox = Mailbox(store.database, self.me)
        database = store.database
        together = isinstance(database, SqlDatabase) and database.on_postgresql
        self.heartbeat = Heartbeat(self.leases, now_us, seat, together=together)
        self.budgets: BudgetKeeper | None = None
        """Keeps the budgets of several processes; None on SQLite."""
        self.wakes: Wakes | None = None
        """Hears that others have left something; None on SQLite, where looks have to do."""

    async def aclose(self, timeout: float = 5.0) -> int:
        """Writes what is left, for at most `timeout` seconds; returns the rows that are lost.

        Then others may claim what is unfinished: not earlier, for ends may be among the rows. This
        and to close the store's connections takes at most half as long again.
        """
        await self.store.drain(timeout)
        try:
            async with asyncio.timeout(timeout / 4):
                await self.leases.release()
        except (StoreUnavailable, TimeoutError) as error:  # others wait until the lease runs out
            log.warning("lease.not_released", error=str(error) or type(error).__name__)
        return await self.store.aclose(timeout)
