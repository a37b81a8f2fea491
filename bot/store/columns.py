"""Places, messages, files and accounts as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Table, and_, func, text

from bot.identity import Account
from bot.store.schema import storable
from connectors.base import File, MessageRef, Person, Place

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
