"""Scope settings: what is set for a thread, a channel, a category, a workspace or everything, and
the log of its changes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    RowMapping,
    String,
    Table,
    delete,
    select,
    text,
)

from bot.identity import Account
from bot.store.columns import NOW
from bot.store.database import Database
from bot.store.schema import SafeText, insert_into, metadata, storable
from connectors.base import Scope

# change: the row of `scope_changes` that set it.
scope_settings = Table(
    "scope_settings",
    metadata,
    Column("scope", SafeText, primary_key=True),
    Column("name", String(32), primary_key=True),
    Column("value", JSON, nullable=False),
    Column("change", BigInteger, nullable=False),
)

# approver: an account, or who else changed it; NULL once that person's data was erased.
# before, after: NULL where nothing was, or is, set.
scope_changes = Table(
    "scope_changes",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("at_us", BigInteger, nullable=False),
    Column("scope", SafeText, nullable=False),
    Column("name", String(32), nullable=False),
    Column("approver", SafeText),
    Column("before", JSON(none_as_null=True)),
    Column("after", JSON(none_as_null=True)),
    Index("ix_scope_changes_scope", "scope", "id"),
)


@dataclass(frozen=True, slots=True)
class SetValue:
    """One setting of one scope, and the number of the change that set it."""

    scope: Scope
    name: str
    value: Any
    change: int


@dataclass(frozen=True, slots=True)
class ScopeChange:
    """A row of the log. `by` is an account as it is written, or None once they were erased."""

    id: int
    at_us: int
    scope: Scope
    name: str
    by: str | None
    before: Any
    after: Any


Seen = Mapping[str, int] | Mapping[str, int | None] | int | None
"""What somebody saw who changes something: by setting the change that set it, where one was set;
or the newest change of all; or None, nothing, so that nothing can be older than it.
"""


class ChangedMeanwhile(Exception):
    """Somebody else changed what was to be changed: `changes` are the newest ones."""

    def __init__(self, changes: Sequence[ScopeChange]) -> None:
        super().__init__(", ".join(f"{each.name} by {each.by}" for each in changes))
        self.changes = changes


class ScopeStore:
    """Reads and changes what is set. Raises `StoreUnavailable`."""

    def __init__(self, database: Database, now: ColumnElement[int] = NOW) -> None:
        self._database = database
        self._now = now

    async def holding(self, scopes: Collection[Scope]) -> list[SetValue]:
        """What is set for these scopes themselves."""
        names = [str(scope) for scope in scopes]
        return await self._values(scope_settings.c.scope.in_(names))

    async def everything(self) -> list[SetValue]:
        """What is set anywhere."""
        return await self._values()

    async def change(
        self,
        scope: Scope,
        values: Mapping[str, Any],
        by: Account | str,
        seen: Seen = None,
    ) -> list[ScopeChange]:
        """Sets values of a scope, or takes them out (None); the changes that this made.

        Raises `ChangedMeanwhile`, and changes nothing, where somebody changed one of them since
        what whoever decides has `seen`.
        """

        def work(connection: Connection) -> list[ScopeChange]:
            if connection.dialect.name == "postgresql":  # SQLite has one writer at a time
                connection.execute(text("LOCK TABLE scope_settings IN SHARE ROW EXCLUSIVE MODE"))
            held = _held(connection, scope)
            if newer := _newer(connection, scope, values, str(by), seen, held):
                raise ChangedMeanwhile(newer)
            return [
                self._changed(connection, scope, name, held.get(name), value, str(by))
                for name, value in values.items()
                if value != (held[name].value if name in held else None)
            ]

        return await self._database.run(work)

    async def log(self, scopes: Collection[Scope] = (), limit: int = 50) -> list[ScopeChange]:
        """The newest changes of some scopes, or of all, newest first."""
        query = select(scope_changes).order_by(scope_changes.c.id.desc()).limit(limit)
        if scopes:
            query = query.where(scope_changes.c.scope.in_([str(scope) for scope in scopes]))
        return await self._database.read(
            lambda connection: [_change(row) for row in connection.execute(query).mappings()]
        )

    async def numbered(self, numbers: Collection[int]) -> list[ScopeChange]:
        """The changes of these numbers."""
        query = select(scope_changes).where(scope_changes.c.id.in_(list(numbers)))
        return await self._database.read(
            lambda connection: [_change(row) for row in connection.execute(query).mappings()]
        )

    async def _values(self, *which: ColumnElement[bool]) -> list[SetValue]:
        query = select(scope_settings).where(*which)
        ordered = query.order_by(scope_settings.c.scope, scope_settings.c.name)
        return await self._database.read(
            lambda connection: [_set(row) for row in connection.execute(ordered).mappings()]
        )

    def _changed(
        self,
        connection: Connection,
        scope: Scope,
        name: str,
        held: SetValue | None,
        value: Any,
        by: str,
    ) -> ScopeChange:
        row = {
            "at_us": self._now,
            "scope": str(scope),
            "name": name,
            "approver": storable(by),
            "before": None if held is None else held.value,
            "after": value,
        }
        logged = insert_into(connection, scope_changes).values(row).returning(*scope_changes.c)
        change = _change(connection.execute(logged).mappings().one())
        where = (scope_settings.c.scope == str(scope)) & (scope_settings.c.name == name)
        connection.execute(delete(scope_settings).where(where))
        if value is not None:
            new = {"scope": str(scope), "name": name, "value": value, "change": change.id}
            connection.execute(insert_into(connection, scope_settings).values(new))
        return change


def _held(connection: Connection, scope: Scope) -> dict[str, SetValue]:
    query = select(scope_settings).where(scope_settings.c.scope == str(scope))
    return {row["name"]: _set(row) for row in connection.execute(query).mappings()}


def _newer(
    connection: Connection,
    scope: Scope,
    values: Mapping[str, Any],
    by: str,
    seen: Seen,
    held: Mapping[str, SetValue],
) -> list[ScopeChange]:
    """What was changed since somebody looked, to something else than what they want.

    By others, where only the time at which they looked is known.
    """
    if seen is None:
        return []
    now = {name: held[name].value if name in held else None for name in values}
    last = _last(connection, scope, [n for n in values if now[n] != values[n]])
    if isinstance(seen, int):
        return [each for each in last if each.id > seen and each.by != by]
    numbers = {name: one.change for name, one in held.items()}
    return [each for each in last if numbers.get(each.name) != seen.get(each.name)]


def _last(connection: Connection, scope: Scope, names: Sequence[str]) -> list[ScopeChange]:
    """The last change of each of these settings."""
    table, found = scope_changes.c, list[ScopeChange]()
    for name in names:
        query = select(scope_changes).where(table.scope == str(scope), table.name == name)
        last = connection.execute(query.order_by(table.id.desc()).limit(1)).mappings()
        found += [_change(row) for row in last]
    return found


def _set(row: RowMapping) -> SetValue:
    return SetValue(Scope.parse(row["scope"]), row["name"], row["value"], row["change"])


def _change(row: RowMapping) -> ScopeChange:
    return ScopeChange(
        row["id"], row["at_us"], Scope.parse(row["scope"]), row["name"], row["approver"],
        row["before"], row["after"],
    )  # fmt: skip
