"""Rules: "Allow in this thread". A rule approves calls of one tool, as it was described when the
rule was made, that one asker's runs make in one place, until its time is over or it is revoked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, RowMapping, select, update

from bot.identity import Account
from bot.store.columns import NOW, columns_of, in_place, is_account, place_of
from bot.store.database import Database
from bot.store.schema import insert_into, storable, tool_rules
from connectors.base import Place


@dataclass(frozen=True, slots=True)
class RuleScope:
    """The calls that a rule allows, and the asker whose runs may make them.

    Hashes as in `bot.store.calls.CallBinding`.
    """

    place: Place
    asker: Account
    server: str
    tool: str
    config_sha256: str
    tool_sha256: str


@dataclass(frozen=True, slots=True)
class ToolRule:
    """A rule as it is stored; times are microseconds since the epoch."""

    id: str
    scope: RuleScope
    approver: str | None
    """The account that made it."""
    made_us: int
    until_us: int
    revoked_us: int | None


class RuleStore:
    """Makes, finds and revokes rules. Raises `StoreUnavailable`."""

    def __init__(self, database: Database, now: ColumnElement[int] = NOW) -> None:
        self._database = database
        self._now = now

    async def add(self, scope: RuleScope, by: Account, seconds: float) -> str:
        """Makes a rule that holds for `seconds`; its id."""
        rule_id = str(uuid4())
        await self._database.run(self.adding(scope, by, seconds, rule_id))
        return rule_id

    def adding(
        self, scope: RuleScope, by: Account, seconds: float, rule_id: str | None = None
    ) -> Callable[[Connection], bool]:
        """The same as part of a transaction of the caller's; it is always done."""
        values: dict[str, Any] = {
            "id": rule_id or str(uuid4()),
            **columns_of(scope.place),
            "person_id": scope.asker.id,
            "person_realm": scope.asker.realm,
            "server": scope.server,
            "tool": scope.tool,
            "config_sha256": scope.config_sha256,
            "tool_sha256": scope.tool_sha256,
            "approver": str(by),
            "made_us": self._now,
            "until_us": self._now + round(seconds * 1e6),
        }

        def work(connection: Connection) -> bool:
            connection.execute(insert_into(connection, tool_rules).values(values))
            return True

        return work

    async def holding(self, scope: RuleScope) -> ToolRule | None:
        """A rule that allows exactly this, now; None where there is none."""
        table = tool_rules.c
        found = await self._read(
            in_place(tool_rules, scope.place),
            is_account(tool_rules, scope.asker),
            table.server == scope.server,
            table.tool == scope.tool,
            table.config_sha256 == scope.config_sha256,
            table.tool_sha256 == scope.tool_sha256,
            *self._in_force(),
        )
        return found[0] if found else None

    async def in_force(self) -> list[ToolRule]:
        """The rules that hold now, oldest first."""
        return await self._read(*self._in_force())

    async def revoke(self, rule_id: str) -> bool:
        """Ends a rule, from the next call on; false where none of this id holds."""
        change = update(tool_rules).where(
            tool_rules.c.id == storable(rule_id), tool_rules.c.revoked_us.is_(None)
        )
        ended = change.where(*self._in_force()).values(revoked_us=self._now)
        return await self._database.run(lambda connection: connection.execute(ended).rowcount) > 0

    def _in_force(self) -> tuple[ColumnElement[bool], ...]:
        return tool_rules.c.revoked_us.is_(None), tool_rules.c.until_us > self._now

    async def _read(self, *which: ColumnElement[bool]) -> list[ToolRule]:
        query = select(tool_rules).where(*which).order_by(tool_rules.c.made_us, tool_rules.c.id)

        def work(connection: Connection) -> list[ToolRule]:
            return [_rule(row) for row in connection.execute(query).mappings()]

        return await self._database.read(work)


def _rule(row: RowMapping) -> ToolRule:
    place = place_of(row)
    asker = Account(place.connector, row["person_realm"], row["person_id"])
    what = (row["server"], row["tool"], row["config_sha256"], row["tool_sha256"])
    scope = RuleScope(place, asker, *what)
    times = (row["made_us"], row["until_us"], row["revoked_us"])
    return ToolRule(row["id"], scope, row["approver"], *times)
