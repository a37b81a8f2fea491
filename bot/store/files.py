"""The files of answers: what was made, by size and hash, how far each came on its platform, and
their contents, by hash, as long as the texts of their runs are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    LargeBinary,
    RowMapping,
    String,
    Table,
    and_,
    insert,
    select,
    update,
)

from bot.store.columns import NOW
from bot.store.database import Database
from bot.store.schema import SafeText, insert_into, metadata, storable
from connectors.base import AnswerFile

FileState = Literal["kept", "uploaded", "shown", "refused", "uncertain"]
"""Made and stored; on the platform, or on its way there, where perhaps nobody sees it; read back
from there; not to be shown; nobody knows. Of the last two the reader is told."""

# upload: the platform's own name of it. reason: why it isn't shown; the id of a sentence.
answer_files = Table(
    "answer_files",
    metadata,
    Column("run_id", String(36), primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("name", SafeText, nullable=False),
    Column("media_type", SafeText, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("upload", SafeText),
    Column("shown_size", BigInteger),
    Column("shown_sha256", String(64)),
    Column("reason", String(64)),
    Column("made_us", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

file_contents = Table(
    "file_contents",
    metadata,
    Column("run_id", String(36), primary_key=True),
    Column("sha256", String(64), primary_key=True),
    Column("content", LargeBinary, nullable=False),
)


@dataclass(frozen=True, slots=True)
class FileRow:
    """What is recorded of one file of an answer; `n` counts them from 0."""

    n: int
    name: str
    media_type: str
    size: int
    sha256: str
    state: FileState
    upload: str | None = None
    shown_size: int | None = None
    shown_sha256: str | None = None
    reason: str | None = None

    @property
    def settled(self) -> bool:
        """Whether nothing more is done about it."""
        return self.state not in ("kept", "uploaded")


_COLUMNS = [column for column in answer_files.c if column.name not in ("run_id", "made_us")]


class AnswerFiles:
    """Keeps files of answers. Raises `StoreUnavailable`; what returns is durable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, run_id: UUID, file: AnswerFile, most: int, most_bytes: int) -> FileRow:
        """Keeps one more file of a run: its content, too, unless it is more than an answer may
        have: then it is `refused` from the start.
        """

        def work(connection: Connection) -> FileRow:
            of_run = answer_files.c.run_id == str(run_id)
            rows = connection.execute(select(*_COLUMNS).where(of_run)).mappings().all()
            reason = _reason(file, [_row(row) for row in rows], most, most_bytes)
            row: dict[str, Any] = {
                "run_id": str(run_id),
                "n": len(rows),
                "name": _free(file.name, {each["name"] for each in rows}),
                "media_type": file.media_type,
                "size": len(file.content),
                "sha256": file.sha256,
                "state": "refused" if reason else "kept",
                "reason": reason,
            }
            connection.execute(insert(answer_files).values(made_us=NOW, **row))
            if reason is None:
                content = {"sha256": file.sha256, "content": file.content}
                kept = insert_into(connection, file_contents).values(run_id=str(run_id), **content)
                connection.execute(kept.on_conflict_do_nothing())
            del row["run_id"]
            return FileRow(**row)

        return await self._database.run(work)

    async def of_run(self, run_id: UUID) -> list[FileRow]:
        """The files of a run, in the order in which they were made."""
        of_run = answer_files.c.run_id == str(run_id)
        query = select(*_COLUMNS).where(of_run).order_by(answer_files.c.n)

        def work(connection: Connection) -> list[FileRow]:
            return [_row(row) for row in connection.execute(query).mappings()]

        return await self._database.read(work)

    async def content(self, run_id: UUID, sha256: str) -> bytes | None:
        """The content that has a hash; None once it was deleted."""
        which = and_(file_contents.c.run_id == str(run_id), file_contents.c.sha256 == sha256)
        query = select(file_contents.c.content).where(which)
        found = await self._database.read(lambda connection: connection.scalar(query))
        return None if found is None else bytes(found)

    async def note(self, run_id: UUID, row: FileRow) -> None:
        """Records how far a file has come."""
        which = and_(answer_files.c.run_id == str(run_id), answer_files.c.n == row.n)
        change = update(answer_files).where(which)
        values = {
            "state": row.state,
            "upload": row.upload,
            "shown_size": row.shown_size,
            "shown_sha256": row.shown_sha256,
            "reason": row.reason,
        }
        await self._database.run(lambda connection: connection.execute(change.values(values)))


def _row(found: RowMapping) -> FileRow:
    values: dict[str, Any] = dict(found)
    return FileRow(**values)


def _reason(file: AnswerFile, kept: Sequence[FileRow], most: int, most_bytes: int) -> str | None:
    """Why one more file is not shown; the id of a sentence, or None."""
    if not file.content:
        return "out.empty"
    if sum(row.reason is None for row in kept) >= most:
        return "out.too_many"
    return "out.too_large" if len(file.content) > most_bytes else None


def _free(name: str, taken: set[str]) -> str:
    """The name, or one like it that no other file of the answer has."""
    stem, dot, extension = storable(name).rpartition(".")
    if not stem:
        stem, dot, extension = storable(name), "", ""
    number, free = 1, storable(name)
    while free in taken:
        number += 1
        free = f"{stem}-{number}{dot}{extension}"
    return free
