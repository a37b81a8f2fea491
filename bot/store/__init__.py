"""The store: the inbox, the runs and the token log, in SQLite or PostgreSQL."""

from bot.store.counting import HOUR_US, Hours
from bot.store.database import Database, InlineDatabase, SqlDatabase, StoreUnavailable
from bot.store.hours import Expense, Hour
from bot.store.inbox import Followed, Given, InboxId, KeptQuestion
from bot.store.listing import Cursor, Filters, Listed, Page
from bot.store.messages import Answer, EditRow, MessageRow, WhisperLog
from bot.store.migrate import upgrade
from bot.store.people import Rows
from bot.store.retention import DeletedCounts, scrub
from bot.store.runs import AmbiguousRun, Recorded, RunEnd, RunRow, RunStart, TokenRow
from bot.store.schema import storable
from bot.store.store import Store, memory_store, open_store
from bot.store.usage import By, Running, Spent, Total, UsageScope
from bot.store.write_behind import Journal

__all__ = [
    "HOUR_US",
    "AmbiguousRun",
    "Answer",
    "By",
    "Cursor",
    "Database",
    "DeletedCounts",
    "EditRow",
    "Expense",
    "Filters",
    "Followed",
    "Given",
    "Hour",
    "Hours",
    "InboxId",
    "InlineDatabase",
    "Journal",
    "KeptQuestion",
    "Listed",
    "MessageRow",
    "Page",
    "Recorded",
    "Rows",
    "RunEnd",
    "RunRow",
    "RunStart",
    "Running",
    "Spent",
    "SqlDatabase",
    "Store",
    "StoreUnavailable",
    "TokenRow",
    "Total",
    "UsageScope",
    "WhisperLog",
    "memory_store",
    "open_store",
    "scrub",
    "storable",
    "upgrade",
]
