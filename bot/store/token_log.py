"""The token log: every token of every run, in order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple
from uuid import UUID

import structlog
from sqlalchemy import (
    ARRAY,
    BIGINT,
    INTEGER,
    TEXT,
    Connection,
    bindparam,
    select,
    text,
)

from bot.store.database import Database
from bot.store.schema import runs, storable, tokens
from bot.store.write_behind import Journal, Row, RowKind
from providers.base import ANSWER_KINDS, TokenKind

log = structlog.get_logger(__name__)

# One statement for a whole group: an executemany costs PostgreSQL one statement a token.
_UNNEST = text(
    "INSERT INTO tokens (run_id, seq, at_us, text, kind)"
    " SELECT * FROM unnest(:run_id, :seq, :at_us, :text, :kind) ON CONFLICT DO NOTHING"
).bindparams(
    bindparam("run_id", type_=ARRAY(TEXT)),
    bindparam("seq", type_=ARRAY(INTEGER)),
    bindparam("at_us", type_=ARRAY(BIGINT)),
    bindparam("text", type_=ARRAY(TEXT)),
    bindparam("kind", type_=ARRAY(TEXT)),
)


_OWNERS = (
    select(runs.c.run_id, runs.c.owner)
    .where(runs.c.run_id.in_(bindparam("ids", expanding=True)))
    .with_for_update(read=True)
)


class TokenRow(NamedTuple):
    """One token: its number in the run, and when it came, in microseconds since the run's start."""

    seq: int
    at_us: int
    text: str
    kind: TokenKind


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the log has of a run: the receipt's second witness."""

    text: str
    """The answer: the tokens of the kinds `text` and `refusal`, joined in order."""
    count: int
    """Tokens of every kind."""
    first_missing: int | None
    """The number of the first token that is missing before the last one recorded, or None."""


class TokenLog:
    """Takes tokens without waiting, and reads them back; `owner` is this process.

    Once another process has taken a run over, no more tokens of it are written: that one ends the
    answer with what it found in the log.
    """

    def __init__(self, database: Database, journal: Journal, owner: str) -> None:
        self._database = database
        self._journal = journal
        self._kind = RowKind("token", 1, partial(_write, owner))

    def add(self, run_id: UUID, seq: int, at_us: int, text: str, kind: TokenKind) -> None:
        """Takes one token: its number in the run from 0, microseconds since the run's start."""
        self._journal.add_many((self._kind, run_id, seq, at_us, text, kind))

    async def read(self, run_id: UUID) -> list[TokenRow]:
        """The tokens of a run in order, as far as they are durable."""
        columns = (tokens.c.seq, tokens.c.at_us, tokens.c.text, tokens.c.kind)
        query = select(*columns).where(tokens.c.run_id == str(run_id)).order_by(tokens.c.seq)

        def work(connection: Connection) -> list[TokenRow]:
            return list(map(TokenRow._make, connection.execute(query).all()))

        return await self._database.read(work)

    async def recorded(self, run_id: UUID) -> Recorded:
        """What the log has of a run; call `settled` first, or the newest tokens may lack."""
        columns = (tokens.c.seq, tokens.c.text, tokens.c.kind)
        query = select(*columns).where(tokens.c.run_id == str(run_id)).order_by(tokens.c.seq)

        def work(connection: Connection) -> Recorded:
            rows = connection.execute(query).all()
            answer = "".join([text for _, text, kind in rows if kind in ANSWER_KINDS])
            missing = next((n for n, (seq, _, _) in enumerate(rows) if seq != n), None)
            return Recorded(answer, len(rows), missing)

        return await self._database.read(work)


def _write(owner: str, connection: Connection, rows: list[Row]) -> None:
    ids = {run_id: str(run_id) for run_id in {row[1] for row in rows}}
    if lost := _lost(connection, owner, ids.values()):
        rows = [row for row in rows if ids[row[1]] not in lost]
        log.warning("log.not_ours", run_ids=sorted(lost))
    if rows:
        _insert(connection, ids, rows)


def _lost(connection: Connection, owner: str, ids: Iterable[str]) -> set[str]:
    """The runs that another process has taken over.

    The others can't be until this transaction is over: whoever claims one waits for the row, and
    then finds what was written here.
    """
    found = connection.execute(_OWNERS, {"ids": list(ids)})
    return {run_id for run_id, by in found if by not in (owner, None)}


def _insert(connection: Connection, ids: dict[UUID, str], rows: list[Row]) -> None:
    if connection.dialect.name == "sqlite":
        # Plain tuples: dictionaries and their conversion would cost three times as much.
        connection.exec_driver_sql(
            "INSERT INTO tokens (run_id, seq, at_us, text, kind) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            [
                (ids[run_id], seq, at_us, storable(text), kind)
                for _, run_id, seq, at_us, text, kind in rows
            ],
        )
        return
    _, run_ids, seqs, ats, texts, kinds = zip(*rows, strict=True)
    connection.execute(
        _UNNEST,
        {
            "run_id": [ids[run_id] for run_id in run_ids],
            "seq": list(seqs),
            "at_us": list(ats),
            "text": [storable(text) for text in texts],
            "kind": list(kinds),
        },
    )
