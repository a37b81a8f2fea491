"""What can go wrong with the database, and which of it passes."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy.exc

from bot.words import Sentence, english

UPGRADE = "run `everytoken db upgrade`"

_UNDEFINED_TABLE = "42P01"
_UNDEFINED_COLUMN = "42703"
_PROGRAM_LIMIT = "54"
_READ_ONLY = "25006"
_FULL = ("53100", "53400")
"""PostgreSQL's: the disk is full, a limit of its configuration is reached."""
_NO_ROOM_TO_GROW = (sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE)
"""SQLite's, where the file, or the one beside it that processes share, can't grow."""
_SQLITE_BAD_ROW = {
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_RANGE,
    sqlite3.SQLITE_TOOBIG,
}


class StoreUnavailable(Exception):
    """The database is locked, full, away, too slow or not upgraded; the same may work later.

    Whether a write was done is not known: every write of the store can be repeated. The cause
    is kept; the message holds nothing that was to be stored. `cure` says what mends it.
    """

    def __init__(self, message: str, cure: str = "store.unreached") -> None:
        super().__init__(message)
        self.cure = Sentence(f"cure.{cure}")


@contextmanager
def translated() -> Iterator[None]:
    """Raises `StoreUnavailable` for a failure that may pass; a bad row or a bug stays as it is."""
    try:
        yield
    except (sqlalchemy.exc.SQLAlchemyError, OSError) as error:
        translation = _translation(error)
        if translation is None:
            raise
        raise translation from error


def _translation(error: Exception) -> StoreUnavailable | None:
    if isinstance(error, sqlalchemy.exc.DBAPIError):
        return _from_driver(error)
    if _is_full(error):
        return _full()
    if isinstance(error, (sqlalchemy.exc.TimeoutError, OSError)):
        return StoreUnavailable(f"the database can't be reached: {type(error).__name__}")
    return None


def _from_driver(error: sqlalchemy.exc.DBAPIError) -> StoreUnavailable | None:
    cause = error.orig
    sqlstate = getattr(cause, "sqlstate", None) or ""
    if sqlstate in (_UNDEFINED_TABLE, _UNDEFINED_COLUMN) or _lacks_schema(cause):
        return StoreUnavailable(f"the database is not up to date: {UPGRADE}", "store.old")
    if sqlstate in _FULL or _is_full(cause):
        return _full()
    if error.connection_invalidated or sqlstate == _READ_ONLY or _passes(error, sqlstate):
        return StoreUnavailable(f"the database failed: {_first_line(cause)}")
    return None


def _full() -> StoreUnavailable:
    return StoreUnavailable(english(Sentence("store.full")), "store.full")


def _is_full(cause: BaseException | None) -> bool:
    """Whether there is no room left, on the disk or by a quota."""
    if isinstance(cause, sqlite3.OperationalError):
        code = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        return code & 0xFF == sqlite3.SQLITE_FULL or code in _NO_ROOM_TO_GROW
    return isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT)


def _passes(error: sqlalchemy.exc.DBAPIError, sqlstate: str) -> bool:
    cause = error.orig
    if isinstance(cause, sqlite3.DatabaseError):
        # A damaged file is a plain DatabaseError; bad values have classes of their own.
        code = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        plain = type(cause) in (sqlite3.OperationalError, sqlite3.DatabaseError)
        return plain and code not in _SQLITE_BAD_ROW
    if isinstance(error, sqlalchemy.exc.OperationalError):
        return not sqlstate.startswith(_PROGRAM_LIMIT)
    return False


def _lacks_schema(cause: BaseException | None) -> bool:
    text = str(cause)
    return isinstance(cause, sqlite3.OperationalError) and (
        text.startswith(("no such table", "no such column")) or "has no column named" in text
    )


def _first_line(cause: BaseException | None) -> str:
    """Operational errors name hosts, files and limits, never the values of a row."""
    lines = str(cause).strip().splitlines()
    return lines[0] if lines else type(cause).__name__
