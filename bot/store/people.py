"""All that is kept of one person: found, shown and erased.

What others wrote about them, and what models answered others, can't be told from any other text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Select,
    Table,
    and_,
    delete,
    func,
    or_,
    select,
    true,
    union,
    update,
)

from bot.identity import Account, Named
from bot.store.columns import doer, fill_realms, is_account
from bot.store.counting import anonymize, named_hours
from bot.store.database import Database
from bot.store.files import answer_files, file_contents
from bot.store.masks import masks
from bot.store.schema import (
    brakes,
    edits,
    errands,
    feedback,
    grants,
    inbox,
    messages,
    processes,
    runs,
    tokens,
    tool_calls,
    tool_rules,
    usage_resets,
    whispers,
)
from bot.store.scopes import scope_changes

_ALIVE_US = 60_000_000
_BATCH = 20
"""Runs that are erased in one transaction, so that nobody waits long for the writer."""

_OF_RUNS = (
    tokens, edits, messages, feedback, whispers, tool_calls, masks, answer_files, file_contents
)  # fmt: skip
"""What goes with a run."""
_OF_APPROVERS = (tool_calls, tool_rules, scope_changes, brakes)
"""What names an account that decided something."""

Rows = Mapping[str, list[dict[str, Any]]]
"""Rows by their table's name, as they are stored."""


class PersonStore:
    """Finds and erases what is kept of people. Raises `StoreUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, named: Named) -> set[Account]:
        """The accounts of which something is kept and that may be the named one."""
        await self.fill_realms()

        def work(connection: Connection) -> set[Account]:
            asked = (
                select(table.c.connector, table.c.person_realm, table.c.person_id)
                .where(table.c.person_id == named.id)
                .distinct()
                for table in (inbox, runs, usage_resets, grants, tool_rules)
            )
            found = {Account(*row) for query in asked for row in connection.execute(query)}
            found |= {
                Account(connector, *_realm_and_id(rater))
                for connector, rater in connection.execute(_raters(named))
            }
            found |= {_approver(name) for name in connection.scalars(_approvers(named))}
            return {account for account in found if named.may_be(account)}

        return await self._database.read(work)

    async def fill_realms(self) -> None:
        """Says the realm in the rows of older versions, which may run beside this one."""
        await self._database.run(fill_realms)

    async def unfinished(self, account: Account, now_us: int) -> int:
        """Their questions and answers that a living process has not done with."""
        living = select(processes.c.id).where(processes.c.beat_us > now_us - _ALIVE_US)
        waiting = inbox.c.state.in_(["waiting", "running"])
        queries = (
            _count(runs, account).where(runs.c.ended_us.is_(None), runs.c.owner.in_(living)),
            _count(inbox, account).where(waiting, inbox.c.owner.in_(living)),
        )
        return await self._database.read(
            lambda connection: max(connection.scalar(query) or 0 for query in queries)
        )

    async def run_ids(self, account: Account) -> list[UUID]:
        """Their runs, oldest first."""
        query = select(runs.c.run_id).where(is_account(runs, account)).order_by(runs.c.started_us)
        return await self._database.read(
            lambda connection: [UUID(run_id) for run_id in connection.scalars(query)]
        )

    async def data(self, account: Account) -> Rows:
        """All that is kept of them."""
        mine = select(runs.c.run_id).where(is_account(runs, account))
        wanted = {
            inbox: is_account(inbox, account),
            runs: is_account(runs, account),
            tokens: tokens.c.run_id.in_(mine),
            edits: edits.c.run_id.in_(mine),
            messages: messages.c.run_id.in_(mine),
            whispers: whispers.c.run_id.in_(mine),
            answer_files: answer_files.c.run_id.in_(mine),
            masks: masks.c.run_id.in_(mine),
            tool_calls: or_(tool_calls.c.run_id.in_(mine), _approved(tool_calls, account)),
            tool_rules: or_(is_account(tool_rules, account), _approved(tool_rules, account)),
            brakes: _approved(brakes, account),
            feedback: _rated(account),
            scope_changes: _approved(scope_changes, account),
            usage_resets: is_account(usage_resets, account),
            grants: is_account(grants, account),
        }

        def work(connection: Connection) -> Rows:
            rows = {table.name: _rows(connection, table, which) for table, which in wanted.items()}
            return rows | {
                "errands": [
                    row
                    for row in _rows(connection, errands, true())
                    if doer(row["event"]) == account
                ],
                "run_hours": named_hours(connection, account),
            }

        return await self._database.read(work)

    async def erase(self, account: Account) -> Counter[str]:
        """Deletes all that is kept of them; the rows that are gone, by table.

        What fails half way can be done again.
        """
        gone: Counter[str] = Counter()
        while some := await self._database.run(lambda connection: _erase_runs(connection, account)):
            gone += some
        return gone + await self._database.run(lambda connection: _erase_rest(connection, account))


def _raters(named: Named) -> Select[Any]:
    """The connectors of the runs that somebody of this id has rated, and who that is."""
    rater = feedback.c.person_id
    theirs = or_(rater == named.id, rater.endswith(f"/{named.id}", autoescape=True))
    query = select(runs.c.connector, rater).where(feedback.c.run_id == runs.c.run_id, theirs)
    return query.distinct()


def _approvers(named: Named) -> CompoundSelect[Any]:
    """Who of this id has decided on tools or changed scope settings, as accounts are written."""
    names = (table.c.approver for table in _OF_APPROVERS)
    return union(*(select(c).where(c.endswith(named.id, autoescape=True)) for c in names))


def _approver(account: str) -> Account:
    connector, _, name = account.partition(":")
    return Account(connector, *_realm_and_id(name))


def _realm_and_id(rater: str) -> tuple[str, str]:
    realm, _, id_ = rater.rpartition("/")
    return realm, id_


def _rated(account: Account) -> ColumnElement[bool]:
    """What they thought of answers; of a run that is gone nobody knows the platform."""
    elsewhere = select(runs.c.run_id).where(
        runs.c.run_id == feedback.c.run_id, runs.c.connector != account.connector
    )
    return and_(feedback.c.person_id == account.name, ~elsewhere.exists())


def _approved(table: Table, account: Account) -> ColumnElement[bool]:
    """What they allowed, denied or changed, also of what others asked."""
    return table.c.approver == str(account)


def _count(table: Table, account: Account) -> Any:
    return select(func.count()).select_from(table).where(is_account(table, account))


def _rows(connection: Connection, table: Table, which: ColumnElement[bool]) -> list[dict[str, Any]]:
    ordered = select(table).where(which).order_by(*table.primary_key.columns)
    return [dict(row) for row in connection.execute(ordered).mappings()]


def _erase_runs(connection: Connection, account: Account) -> Counter[str]:
    """Some of their runs, with all that goes with them."""
    query = select(runs.c.run_id).where(is_account(runs, account)).limit(_BATCH)
    ids = connection.scalars(query).all()
    if not ids:
        return Counter()
    return _deleted(connection, {table: table.c.run_id.in_(ids) for table in (*_OF_RUNS, runs)})


def _erase_rest(connection: Connection, account: Account) -> Counter[str]:
    anonymize(connection, account)
    for table in _OF_APPROVERS:  # what others need stays, without a name
        connection.execute(update(table).where(_approved(table, account)).values(approver=None))
    theirs_alone = (inbox, usage_resets, grants, tool_rules)
    others = {table: is_account(table, account) for table in theirs_alone}
    left = connection.execute(select(errands.c.id, errands.c.event))
    theirs = [number for number, event in left if doer(event) == account]
    others |= {feedback: _rated(account), errands: errands.c.id.in_(theirs)}
    return _deleted(connection, others)


def _deleted(connection: Connection, which: Mapping[Table, ColumnElement[bool]]) -> Counter[str]:
    return Counter(
        {
            table.name: connection.execute(delete(table).where(rows)).rowcount
            for table, rows in which.items()
        }
    )
