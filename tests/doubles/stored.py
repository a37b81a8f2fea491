"""What the store's tests are made of."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar
from uuid import UUID, uuid4

from sqlalchemy import Connection, func, select

from bot.cluster.leases import Leases
from bot.store import EditRow, InlineDatabase, MessageRow, RunEnd, RunStart, Store, StoreUnavailable
from bot.store.schema import tokens
from connectors.base import Asked, MessageRef, Person, Place

T = TypeVar("T")

PLACE = Place("slack", "T1", "C1", "171.5")
HOSTILE = "NUL \x00, lone \ud800 and \udfff, 👩‍👩‍👧‍👦 é\u0301, '; DROP TABLE runs; -- %s :x ? {}"
MENDED = HOSTILE.replace("\x00", "\ufffd").replace("\ud800", "\ufffd").replace("\udfff", "\ufffd")


def leases_of(store: Store) -> Leases:
    """What a store's process has and tells."""
    return Leases(store.database, store.me)


def question(message_id: str = "1", text: str = "why?", place: Place = PLACE) -> Asked:
    """A question of Ada's."""
    return Asked(MessageRef(place, message_id), Person("U1", "Ada"), text)


def start(run_id: UUID | None = None, started_us: int = 1_000, **changes: Any) -> RunStart:
    """A run that begins."""
    person = Person("U1", "Ada")
    usual = RunStart(run_id or uuid4(), PLACE, "1", person, "why?", "scripted:x", started_us)
    return replace(usual, **changes)


def end(**changes: Any) -> RunEnd:
    """A run that ended well."""
    return replace(RunEnd(9_000, "complete", "because", 3), **changes)


def message(
    part: int = 0, message_id: str = "m1", place: Place = PLACE, tail: str = ""
) -> MessageRow:
    """The message of a part."""
    return MessageRow(part, MessageRef(place, message_id), tail=tail)


def edit(n: int = 0, **changes: Any) -> EditRow:
    """A call to the platform."""
    return replace(EditRow(n, 0, "edit", 10, 20, 30, "ab" * 32), **changes)


def add_tokens(store: Store, run_id: UUID, texts: list[str], first: int = 0) -> None:
    """Adds tokens of kind `text`, numbered from `first`."""
    for seq, text in enumerate(texts, first):
        store.tokens.add(run_id, seq, seq * 1_000, text, "text")


async def texts_of(store: Store, run_id: UUID) -> list[str]:
    """What the log has of a run."""
    return [row.text for row in await store.tokens.read(run_id)]


def count_tokens(connection: Connection) -> int:
    """How many tokens the table has."""
    return connection.execute(select(func.count()).select_from(tokens)).scalar_one()


class FaultyDatabase(InlineDatabase):
    """A database in memory that can be away or slow, and counts the transactions that it made."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False
        self.delay = 0.0
        """Seconds that each transaction takes."""
        self.tries = 0
        self.commits = 0

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Runs work, unless the database is away."""
        self.tries += 1
        await asyncio.sleep(self.delay)
        if self.away:
            raise StoreUnavailable("the database is away")
        done = await super().run(work)
        self.commits += 1
        return done

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Reads, also while it is away for writers."""
        return await super().run(work)
