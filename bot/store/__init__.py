"""The store: the inbox, the runs and the token log, in SQLite or PostgreSQL."""

from bot.store.brakes import EVERYWHERE, Brake, Braked, BrakeStore
from bot.store.budgets import BudgetMode, BudgetRows, Dealt, SlotDemand
from bot.store.call_rows import (
    AskedCall,
    CallBinding,
    CallKey,
    CallResult,
    CallRow,
    CallState,
    EndedCall,
)
from bot.store.calls import CallStore
from bot.store.counting import HOUR_US, Hours
from bot.store.database import Database, SqlDatabase, StoreUnavailable
from bot.store.files import AnswerFiles, FileRow, FileState
from bot.store.hours import Expense, Hour
from bot.store.in_memory import InlineDatabase
from bot.store.inbox import Condition, Followed, Given, InboxId, KeptQuestion
from bot.store.listing import Cursor, Filters, Listed, Page
from bot.store.messages import Answer, EditRow, MessageRow, WhisperLog
from bot.store.migrate import upgrade
from bot.store.people import Rows
from bot.store.retention import DeletedCounts, scrub
from bot.store.rules import RuleScope, RuleStore, ToolRule
from bot.store.runs import AmbiguousRun, RunEnd, RunRow, RunStart
from bot.store.schema import storable
from bot.store.scopes import ChangedMeanwhile, ScopeChange, ScopeStore, Seen, SetValue
from bot.store.store import Store, memory_store, open_store
from bot.store.token_log import Recorded, TokenRow
from bot.store.usage import By, Running, Spent, Total, UsageScope
from bot.store.waiting import WaitingCalls
from bot.store.write_behind import Journal

__all__ = [
    "EVERYWHERE",
    "HOUR_US",
    "AmbiguousRun",
    "Answer",
    "AnswerFiles",
    "AskedCall",
    "Brake",
    "BrakeStore",
    "Braked",
    "BudgetMode",
    "BudgetRows",
    "By",
    "CallBinding",
    "CallKey",
    "CallResult",
    "CallRow",
    "CallState",
    "CallStore",
    "ChangedMeanwhile",
    "Condition",
    "Cursor",
    "Database",
    "Dealt",
    "DeletedCounts",
    "EditRow",
    "EndedCall",
    "Expense",
    "FileRow",
    "FileState",
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
    "RuleScope",
    "RuleStore",
    "RunEnd",
    "RunRow",
    "RunStart",
    "Running",
    "ScopeChange",
    "ScopeStore",
    "Seen",
    "SetValue",
    "SlotDemand",
    "Spent",
    "SqlDatabase",
    "Store",
    "StoreUnavailable",
    "TokenRow",
    "ToolRule",
    "Total",
    "UsageScope",
    "WaitingCalls",
    "WhisperLog",
    "memory_store",
    "open_store",
    "scrub",
    "storable",
    "upgrade",
]
