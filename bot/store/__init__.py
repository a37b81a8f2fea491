"""The store: the inbox, the runs and the token log, in SQLite or PostgreSQL."""

from bot.store.database import Database, InlineDatabase, SqlDatabase
from bot.store.edits import EditRow
from bot.store.errors import StoreUnavailable
from bot.store.floors import Given
from bot.store.inbox import Question
from bot.store.journal import Journal
from bot.store.leases import Leases, Orphan, Process, Seat
from bot.store.messages import Answer, MessageRow
from bot.store.migrate import upgrade
from bot.store.retention import Deleted
from bot.store.runs import AmbiguousRun, RunEnd, RunRow, RunStart
from bot.store.store import Health, Store, memory_store, open_store
from bot.store.tables import storable
from bot.store.tokens import Recorded, TokenRow

__all__ = [
    "AmbiguousRun",
    "Answer",
    "Database",
    "Deleted",
    "EditRow",
    "Given",
    "Health",
    "InlineDatabase",
    "Journal",
    "Leases",
    "MessageRow",
    "Orphan",
    "Process",
    "Question",
    "Recorded",
    "RunEnd",
    "RunRow",
    "RunStart",
    "Seat",
    "SqlDatabase",
    "Store",
    "StoreUnavailable",
    "TokenRow",
    "memory_store",
    "open_store",
    "storable",
    "upgrade",
]
