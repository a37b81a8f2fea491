"""The store as the bot sees it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from uuid import UUID, uuid4

from bot.store.brakes import BrakeStore
from bot.store.calls import CallStore
from bot.store.counting import Hours
from bot.store.database import Database, SqlDatabase
from bot.store.files import AnswerFiles
from bot.store.in_memory import InlineDatabase
from bot.store.inbox import ConversationStore, GrantStore, Inbox
from bot.store.listing import Listing
from bot.store.masks import MaskStore
from bot.store.messages import EditLog, Feedback, MessageStore, WhisperLog
from bot.store.migrate import check
from bot.store.people import PersonStore
from bot.store.retention import Retention
from bot.store.rules import RuleStore
from bot.store.runs import RunStore
from bot.store.scopes import ScopeStore
from bot.store.token_log import TokenLog
from bot.store.usage import UsageLog
from bot.store.waiting import WaitingCalls
from bot.store.write_behind import Journal, OnWritten, unheard


class Store:
    """Everything that is kept. What is awaited raises `StoreUnavailable`; the rest never waits.

    Each store is a process of its own to the others on the same database: what it takes is its
    to see to as long as it beats (see `bot.cluster`).
    """

    def __init__(self, database: Database, journal: Journal | None = None) -> None:
        self.database = database
        self.journal = journal or Journal(database)
        self.me = str(uuid4())
        """The owner of what this process takes, by which the others know it."""
        self.inbox = Inbox(database, self.me)
        self.runs = RunStore(database, self.journal, self.me)
        self.listing = Listing(database)
        self.hours = Hours(database)
        self.tokens = TokenLog(database, self.journal, self.me)
        self.edits = EditLog(database, self.journal)
        self.messages = MessageStore(database, self.journal)
        self.feedback = Feedback(database)
        self.conversations = ConversationStore(database)
        self.grants = GrantStore(database)
        self.usage = UsageLog(database)
        self.whispers = WhisperLog(database)
        self.calls = CallStore(database, self.me)
        self.files = AnswerFiles(database)
        self.waiting = WaitingCalls(database)
        self.masks = MaskStore(database, self.journal)
        self.rules = RuleStore(database)
        self.brakes = BrakeStore(database)
        self.scopes = ScopeStore(database)
        self.people = PersonStore(database)
        self.retention = Retention(database)

    async def settled(self, run_id: UUID, timeout: float) -> None:
        """Returns once all that was taken of a run so far is durable; see `Journal.settled`."""
        await self.journal.settled(run_id, timeout)

    def lost(self, run_id: UUID) -> int:
        """Rows of a run that could not be kept; see `Journal.lost`."""
        return self.journal.lost(run_id)

    async def probe(self) -> None:
        """Checks that the database answers, can be written, and is up to date.

        Raises `StoreUnavailable` with the cure.
        """
        await self.database.run(check)

    async def drain(self, timeout: float) -> int:
        """Takes no more rows and writes what is left, for at most `timeout` seconds.

        Returns the rows that are lost.
        """
        return await self.journal.aclose(timeout)

    async def aclose(self, timeout: float = 5.0) -> int:
        """Writes what is left, for at most `timeout` seconds; returns the rows that are lost.

        To close the connections takes at most a quarter as long again.
        """
        lost = await self.drain(timeout)
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout / 4):
                await self.database.aclose()
        return lost


def open_store(url: str, *, deadline: float = 10.0, on_written: OnWritten | None = None) -> Store:
    """The store in the database at `url`; it connects on first use.

    `deadline` bounds each transaction, in seconds. `on_written` hears of each group of rows that
    is durable, see `Journal`. Raises `ValueError` for a URL that is neither
    SQLite's nor PostgreSQL's.
    """
    database = SqlDatabase(url, deadline=deadline)
    return Store(database, Journal(database, on_written=on_written or unheard))


def memory_store() -> Store:
    """A store in memory without threads, for virtual time and for demonstrations."""
    return Store(InlineDatabase())
