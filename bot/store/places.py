"""Places and messages as columns."""

from __future__ import annotations

from sqlalchemy import ColumnElement, RowMapping, Table, and_

from connectors.base import MessageRef, Place


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
