"""Places, messages, files, events and accounts as columns, and the database's clock as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FunctionElement,
    RowMapping,
    Table,
    and_,
    func,
    text,
)
from sqlalchemy.ext.compiler import compiles

from bot.identity import Account
from bot.store.schema import storable
from connectors.base import Control, Deleted, Edited, File, MessageRef, Person, Place, Pressed

# Places and messages as columns.


def columns_of(place: Place) -> dict[str, str]:
    """The values of a place's four columns."""
    return {
        "connector": place.connector,
        "workspace": place.workspace,
        "channel": place.channel,
        "thread": place.thread,
    }


def in_place(table: Table, place: Place) -> ColumnElement[bool]:
    """The rows of a place."""
    return and_(*(table.c[name] == value for name, value in columns_of(place).items()))


def is_message(table: Table, ref: MessageRef) -> ColumnElement[bool]:
    """The rows of a message."""
    return and_(in_place(table, ref.place), table.c.message_id == ref.id)


def place_of(row: RowMapping) -> Place:
    """The place that a row names."""
    return Place(row["connector"], row["workspace"], row["channel"], row["thread"])


# The files of a question as a JSON column: what is known of them, never what is in them.


def files_column(files: Sequence[File]) -> list[dict[str, Any]] | None:
    """As they are stored; None where there are none."""
    return [_column(file) for file in files] or None


def _column(file: File) -> dict[str, Any]:
    values = asdict(file)
    return {name: storable(v) if isinstance(v, str) else v for name, v in values.items()}


def files_of(stored: list[dict[str, Any]] | None) -> tuple[File, ...]:
    """As they were asked with."""
    return tuple(File(**values) for values in stored or ())


# What one process heard and another one has to do, as a JSON column.


Letter = Deleted | Edited | Pressed
_KINDS: dict[str, type[Letter]] = {
    "deleted": Deleted,
    "edited": Edited,
    "pressed": Pressed,
}


def event_column(event: Letter) -> dict[str, Any]:
    """An event as JSON. Realm and language stand where versions that know of none read past it."""
    said = asdict(event)
    if not isinstance(event, Deleted):
        for name in ("realm", "language"):
            said["message"][f"person_{name}"] = said["person"].pop(name)
    if isinstance(event, Pressed):
        said |= {"control": event.control.value, "run_id": str(event.run_id)}
    if isinstance(event, Edited):
        said |= {"text": storable(event.text), "files": files_column(event.files)}
    return {"kind": type(event).__name__.lower(), **said}


def event_of(said: dict[str, Any]) -> Letter:
    """The event that such a column says."""
    said = dict(said)
    kind = _KINDS[said.pop("kind")]
    later = {name: said["message"].get(f"person_{name}", "") for name in ("realm", "language")}
    said["message"] = MessageRef(Place(**said["message"]["place"]), said["message"]["id"])
    if "person" in said:
        said["person"] = Person(**said["person"], **later)
    if kind is Pressed:
        said |= {"control": Control(said["control"]), "run_id": UUID(said["run_id"])}
    if kind is Edited:
        said["files"] = files_of(said["files"])
    return kind(**said)


def doer(event: dict[str, Any]) -> Account | None:
    """Who did what a stored letter tells; None where that is not known."""
    if "person" not in event:
        return None
    told = event_of(event)
    return None if isinstance(told, Deleted) else Account.of(told.message.place, told.person)


# People and their accounts as columns.


UNKNOWN_REALM = "?"

_HOME_IS_REALM = ("slack", "web")


def person_columns(person: Person) -> dict[str, Any]:
    """The values of a person's columns."""
    return {"person_id": person.id, "person_name": person.name, "person_realm": person.realm}


def is_account(table: Table, account: Account) -> ColumnElement[bool]:
    """The rows of an account. One that says no realm is of a moment ago, and counts as theirs."""
    realm = func.coalesce(table.c.person_realm, account.realm)
    return and_(
        table.c.connector == account.connector,
        table.c.person_id == account.id,
        realm == account.realm,
    )


def person_of(row: RowMapping, *, external: bool = False) -> Person:
    """The person that a row names."""
    realm = row["person_realm"]
    if realm is None:
        realm = row["workspace"] if row["connector"] in _HOME_IS_REALM else ""
    return Person(row["person_id"], row["person_name"], external, realm)


def fill_realms(connection: Connection) -> None:
    """Says the realm in the rows of older versions that don't."""
    for statement in _FILL_REALMS:
        connection.execute(text(statement))


# Of two thumbs of one person, before and after the upgrade, the later version's stays.
_FILL_REALMS = (
    """
    UPDATE runs SET person_realm = CASE
        WHEN EXISTS (SELECT 1 FROM inbox i WHERE i.run_id = runs.run_id AND i.external) THEN '?'
        WHEN connector IN ('slack', 'web') THEN workspace
        ELSE '' END
    WHERE person_realm IS NULL
    """,
    """
    UPDATE inbox SET person_realm = CASE
        WHEN external THEN '?'
        WHEN connector IN ('slack', 'web') THEN workspace
        ELSE '' END
    WHERE person_realm IS NULL
    """,
    """
    DELETE FROM feedback WHERE person_id NOT LIKE '%/%' AND EXISTS (
        SELECT 1 FROM runs JOIN feedback later ON later.run_id = runs.run_id
        WHERE runs.run_id = feedback.run_id AND runs.connector IN ('slack', 'web')
        AND later.person_id = runs.workspace || '/' || feedback.person_id)
    """,
    """
    UPDATE feedback SET person_id = (
        SELECT runs.workspace || '/' || feedback.person_id FROM runs
        WHERE runs.run_id = feedback.run_id)
    WHERE person_id NOT LIKE '%/%' AND EXISTS (
        SELECT 1 FROM runs
        WHERE runs.run_id = feedback.run_id AND runs.connector IN ('slack', 'web'))
    """,
)


# The database's clock.


class _Now(FunctionElement[int]):
    """Microseconds since the epoch, by the database's clock, at the statement's time."""

    type = BigInteger()
    inherit_cache = True


@compiles(_Now, "sqlite")
def _sqlite_now(*_: Any, **__: Any) -> str:
    return "CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER)"


@compiles(_Now, "postgresql")
def _postgresql_now(*_: Any, **__: Any) -> str:
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)"


NOW: ColumnElement[int] = _Now()
