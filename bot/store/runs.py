"""The runs, one row for each answer."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal
from uuid import UUID

import structlog
from sqlalchemy import (
    Connection,
    RowMapping,
    Select,
    bindparam,
    select,
    update,
)

from bot.identity import Account
from bot.store.columns import (
    columns_of,
    files_column,
    files_of,
    in_place,
    is_account,
    person_columns,
    person_of,
    place_of,
)
from bot.store.database import Database
from bot.store.schema import insert_into, runs, storable, unindexed
from bot.store.write_behind import Journal, Row, RowKind
from bot.words import Language, language_of
from connectors.base import File, Person, Place

log = structlog.get_logger(__name__)

RunKind = Literal["ask", "retry", "continue", "decided"]

_NAMED = 5
"""The most runs that an ambiguous prefix names."""


@dataclass(frozen=True, slots=True)
class RunStart:
    """A run as it begins. Times of a run are microseconds since the epoch."""

    run_id: UUID
    place: Place
    question_id: str
    """The platform's id of the message that asked."""
    person: Person
    question: str
    model: str
    started_us: int
    kind: RunKind = "ask"
    parent_run_id: UUID | None = None
    """The run that this one tries again or continues."""
    files: tuple[File, ...] = ()
    language: Language = Language.ENGLISH
    """The language of what the bot said with the answer."""
    made_with: Mapping[str, Any] | None = None
    """By setting, its value and the scope that it came from; None of older versions' runs."""

    @property
    def asker(self) -> Person:
        """Who asked, as somebody who reads the language that this was answered in."""
        return replace(self.person, language=self.language.tag)

    @property
    def account(self) -> Account:
        """Who asked."""
        return Account.of(self.place, self.person)


@dataclass(frozen=True, slots=True)
class RunEnd:
    """A run as it ended."""

    ended_us: int
    outcome: str
    generated_text: str
    """What the provider's `Generation` says, and nobody else."""
    tokens: int
    """Tokens of every kind, as the provider read them."""
    verdict: str | None = None
    receipt: Mapping[str, Any] | None = None
    """The whole receipt: what JSON can hold."""
    first_token_us: int | None = None
    first_text_us: int | None = None
    finish_reason: str | None = None
    error: str | None = None
    """Kind and message of the error that ended the run."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_input_tokens: int | None = None
    usage_estimated: bool | None = None
    """Whether the tokens above are our estimate; None where there is neither."""
    cost_microusd: int | None = None
    """Millionths of a US dollar, by the price list of the day; None where no price is known."""
    attempts: list[dict[str, Any]] | None = None
    """The models' tries as `providers.base.Attempt` has them; None where the first went well."""
    finish_word: str | None = None
    """The service's own word for why the answer ended, or that it failed; 64 characters at most."""


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as it is stored; what its end would fill is None until then."""

    start: RunStart
    end: RunEnd | None
    text_deleted_us: int | None
    """When the retention took the question and the answer's text, or None."""
    asked_tokens: int | None = None
    """While the run has not ended: an estimate of the tokens that the model was given."""

    @property
    def run_id(self) -> UUID:
        """The run's id."""
        return self.start.run_id


class AmbiguousRun(Exception):
    """Several runs have an id that begins so; `run_ids` are the newest of them."""

    def __init__(self, prefix: str, run_ids: list[UUID]) -> None:
        names = ", ".join(map(str, run_ids))
        super().__init__(f"several runs begin with {prefix!r}: {names}")
        self.run_ids = run_ids


class RunStore:
    """Takes beginnings and ends without waiting, and finds runs; `owner` is this process."""

    def __init__(self, database: Database, journal: Journal, owner: str) -> None:
        self._database = database
        self._journal = journal
        self._owner = owner

    def begin(self, start: RunStart) -> None:
        """Takes a run that begins; it is this process's from now on."""
        self._journal.add((_BEGIN, start.run_id, start, self._owner))

    def asked(self, run_id: UUID, tokens: int) -> None:
        """Takes an estimate of the tokens that the model is given; it stands until the end."""
        self._journal.add((_ASKED, run_id, tokens, self._owner))

    def heard(self, run_id: UUID, question: str, files: Sequence[File]) -> None:
        """Takes a run's question with what was heard in it, and without the recordings."""
        self._journal.add((_HEARD, run_id, question, tuple(files), self._owner))

    def end(self, run_id: UUID, end: RunEnd) -> None:
        """Takes a run's end. It counts only if no other process has claimed the run."""
        self._journal.add_last((_END, run_id, end, self._owner))
        self._journal.forget(run_id)

    def prove(self, run_id: UUID, verdict: str, receipt: Mapping[str, Any]) -> None:
        """Takes the verdict on a run that has ended, where it could be found only afterwards."""
        self._journal.add((_PROOF, run_id, verdict, receipt, self._owner))

    async def get(self, run_id: UUID) -> RunRow | None:
        """The run of this id, as far as it is durable."""
        found = await self._read(select(runs).where(runs.c.run_id == str(run_id)))
        return found[0] if found else None

    async def find(self, prefix: str) -> RunRow | None:
        """The run whose id begins with `prefix`; raises `AmbiguousRun` where several do."""
        begin = storable(prefix.lower())
        # The range, up to what follows every hexadecimal digit, has an index; LIKE may have none.
        near = runs.c.run_id.between(begin, f"{begin}g")
        matches = runs.c.run_id.startswith(begin, autoescape=True)
        found = await self._read(_newest(_NAMED).where(near, matches))
        if len(found) > 1:
            raise AmbiguousRun(prefix, [row.run_id for row in found])
        return found[0] if found else None

    async def questions(self, place: Place, ids: Collection[str]) -> dict[str, str]:
        """What was asked in these messages of a conversation, as it was recorded, by their ids."""
        query = select(runs.c.question_id, runs.c.question).where(
            in_place(runs, place), runs.c.question_id.in_(ids)
        )

        def work(connection: Connection) -> dict[str, str]:
            rows = connection.execute(query.order_by(runs.c.started_us))
            return {row.question_id: row.question or "" for row in rows}

        return await self._database.read(work)

    async def recent(
        self,
        limit: int,
        *,
        before_us: int | None = None,
        outcome: str | None = None,
        connector: str | None = None,
    ) -> list[RunRow]:
        """The newest `limit` runs, newest first; those that started before, where it is given."""
        query = _newest(limit)
        if before_us is not None:
            query = query.where(runs.c.started_us < before_us)
        if outcome is not None:
            query = query.where(runs.c.outcome == outcome)
        if connector is not None:
            query = query.where(runs.c.connector == connector)
        return await self._read(query)

    async def before(self, place: Place, before_us: int, limit: int) -> list[RunRow]:
        """The newest `limit` runs of a conversation that began before a time, oldest first."""
        query = _newest(limit).where(in_place(runs, place), runs.c.started_us < before_us)
        return (await self._read(query))[::-1]

    async def last_of(self, account: Account, place: Place) -> RunRow | None:
        """The newest run that has ended of what somebody asked in a place, or in its threads."""
        where = [getattr(runs.c, name) == getattr(place, name) for name in _WHERE]
        if place.thread:
            where.append(runs.c.thread == place.thread)
        theirs = is_account(runs, account)
        found = await self._read(_newest(1).where(*where, theirs, runs.c.ended_us.is_not(None)))
        return found[0] if found else None

    async def open(self) -> list[RunRow]:
        """The runs that have not ended, oldest first."""
        return await self._read(
            select(runs).where(runs.c.ended_us.is_(None)).order_by(unindexed(runs.c.started_us))
        )

    async def _read(self, query: Select[Any]) -> list[RunRow]:
        def work(connection: Connection) -> list[RunRow]:
            return [run_of(row) for row in connection.execute(query).mappings()]

        return await self._database.read(work)


_WHERE = ("connector", "workspace", "channel")


def _newest(limit: int) -> Select[Any]:
    return select(runs).order_by(runs.c.started_us.desc(), runs.c.run_id).limit(limit)


def run_of(row: RowMapping) -> RunRow:
    """The run of a row."""
    end = None if row["ended_us"] is None else _end(row)
    asked = row["input_tokens"] if end is None else None
    return RunRow(_start(row), end, row["text_deleted_us"], asked)


def _start(row: RowMapping) -> RunStart:
    return RunStart(
        run_id=UUID(row["run_id"]),
        place=place_of(row),
        question_id=row["question_id"],
        person=person_of(row),
        question=row["question"],
        model=row["model"],
        started_us=row["started_us"],
        kind=row["kind"],
        parent_run_id=UUID(row["parent_run_id"]) if row["parent_run_id"] else None,
        files=files_of(row["files"]),
        language=language_of(row["language"] or "") or Language.ENGLISH,
        made_with=row["made_with"],
    )


def _end(row: RowMapping) -> RunEnd:
    values = {name: row[name] for name in _END_COLUMNS}
    return RunEnd(**values | {"generated_text": row["generated_text"] or ""})


def _write_begin(connection: Connection, rows: list[Row]) -> None:
    connection.execute(
        insert_into(connection, runs).on_conflict_do_nothing(),
        [_begin_values(start) | {"owner": owner} for _, _, start, owner in rows],
    )


def _begin_values(start: RunStart) -> dict[str, Any]:
    return {
        "run_id": str(start.run_id),
        **columns_of(start.place),
        "question_id": start.question_id,
        **person_columns(start.person),
        "question": start.question,
        "files": files_column(start.files),
        "model": start.model,
        "kind": start.kind,
        "parent_run_id": str(start.parent_run_id) if start.parent_run_id else None,
        "started_us": start.started_us,
        "language": start.language.value,
        "made_with": None if start.made_with is None else dict(start.made_with),
    }


def _write_asked(connection: Connection, rows: list[Row]) -> None:
    mine = (runs.c.run_id == bindparam("id")) & (runs.c.owner == bindparam("me"))
    change = update(runs).where(mine, runs.c.ended_us.is_(None))
    connection.execute(
        change.values(input_tokens=bindparam("given"), usage_estimated=True),
        [{"id": str(run_id), "me": me, "given": given} for _, run_id, given, me in rows],
    )


def _write_heard(connection: Connection, rows: list[Row]) -> None:
    mine = (runs.c.run_id == bindparam("id")) & (runs.c.owner == bindparam("me"))
    change = update(runs).where(mine, runs.c.text_deleted_us.is_(None))
    values = [
        {
            "id": str(run_id),
            "me": me,
            "said": storable(question),
            "attached": files_column(files),
        }
        for _, run_id, question, files, me in rows
    ]
    said = bindparam("attached", type_=runs.c.files.type)
    connection.execute(change.values(question=bindparam("said"), files=said), values)


def _write_end(connection: Connection, rows: list[Row]) -> None:
    change = update(runs).where(runs.c.run_id == bindparam("id"), runs.c.owner == bindparam("me"))
    connection.execute(
        change.values({name: bindparam(name) for name in _END_COLUMNS}),
        [{"id": str(run_id), "me": owner, **_end_values(end)} for _, run_id, end, owner in rows],
    )


def _write_proof(connection: Connection, rows: list[Row]) -> None:
    change = update(runs).where(
        runs.c.run_id == bindparam("id"),
        runs.c.owner == bindparam("me"),
        runs.c.text_deleted_us.is_(None),
    )
    connection.execute(
        change.values(
            verdict=bindparam("found"), receipt=bindparam("proof", type_=runs.c.receipt.type)
        ),
        [
            {"id": str(run_id), "me": owner, "found": verdict, "proof": receipt}
            for _, run_id, verdict, receipt, owner in rows
        ],
    )


def _end_values(end: RunEnd) -> dict[str, Any]:
    return {name: getattr(end, name) for name in _END_COLUMNS}


_END_COLUMNS = tuple(RunEnd.__dataclass_fields__)
_BEGIN = RowKind("run begin", 0, _write_begin)
_ASKED = RowKind("run asked", 1, _write_asked)
_HEARD = RowKind("run heard", 1, _write_heard)
_END = RowKind("run end", 4, _write_end)
_PROOF = RowKind("run proof", 5, _write_proof)
