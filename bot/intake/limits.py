"""How much a person and a workspace may use, and whether a question is still within that.

What was used is counted from the store, so all processes on one database count together. What this
process itself answers is counted here: its rows may not be written yet.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import structlog

from bot.identity import Account
from bot.intake import quotas
from bot.intake.quotas import Limit, Sum
from bot.runs import Run, Runs
from bot.store import Running, Scope, Spent, Store, StoreUnavailable
from bot.words import Sentence, english
from connectors.base import Asked, Person, Place
from providers.base import Usage

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """What each person may use, and each workspace altogether."""

    person: Limit = Limit()  # noqa: RUF009 - frozen
    workspace: Limit = Limit()  # noqa: RUF009 - frozen

    def any(self) -> bool:
        """Whether anything is limited."""
        return self.person != Limit() or self.workspace != Limit()


class Meter:
    """Counts what is used. A question that is let in holds its place until `left`."""

    def __init__(self, store: Store, runs: Runs, limits: Limits, now_us: Callable[[], int]) -> None:
        self._store = store
        self._runs = runs
        self._limits = limits
        self._now_us = now_us
        self._inside: dict[UUID, Asked] = {}
        """The questions that were let in, in order, and those of which that is being found out."""

    async def over(
        self, place: Place, person: Person, *, waits: bool, apart: Collection[UUID]
    ) -> Sentence | None:
        """Which limit somebody is over, in a line for them, before a question has its turn."""
        if not self._limits.any():
            return None
        try:
            return await self._found_over(place, person, waits=waits, apart=apart)
        except StoreUnavailable as error:
            log.error("limits.not_counted", error=str(error))
            return None

    async def enter(self, run_id: UUID, asked: Asked) -> Sentence | None:
        """Lets a question in, or says in a line for the asker which limit it is over."""
        if not self._limits.any():
            return None
        # It takes its place before anything is awaited: of many that come at once each counts
        # those that came before it, so they can't all find the same place free.
        self._inside[run_id] = asked
        try:
            refusal = await self._refusal(run_id, asked)
        except StoreUnavailable as error:
            log.error("limits.not_counted", error=str(error))
            return None
        if refusal is not None:
            self.left(run_id)
        return refusal

    def left(self, run_id: UUID) -> None:
        """A question was answered, or is not to be answered any more."""
        self._inside.pop(run_id, None)

    async def _refusal(self, run_id: UUID, asked: Asked) -> Sentence | None:
        if await self._store.runs.get(run_id) is not None:
            return None  # a process that died had begun to answer it
        before = self._before(run_id)
        return await self._found_over(asked.message.place, asked.person, inside=before)

    async def _found_over(
        self,
        place: Place,
        person: Person,
        *,
        waits: bool = False,
        apart: Collection[UUID] = (),
        inside: Sequence[UUID] | None = None,
    ) -> Sentence | None:
        """Which limit is reached by what was used, and by the questions `inside` (None: all)."""
        account = Account.of(place, person)
        scopes = (
            (quotas.PERSON, self._limits.person, Scope(place.connector, person=account)),
            (
                quotas.WORKSPACE,
                self._limits.workspace,
                Scope(place.connector, workspace=place.workspace),
            ),
        )
        among = self._inside if inside is None else inside
        counted = [one for one in among if one not in apart]
        for who, limit, scope in scopes:
            holds = replace(limit, runs_at_once=None) if waits else limit
            if holds != Limit():
                used = await self._sum(scope, counted, apart)
                refusal = quotas.over_limit(who, holds, used, self._now_us())
                if refusal is not None:
                    log.info("intake.over_limit", person=str(account), limit=english(refusal))
                    return refusal
        return None

    def _before(self, run_id: UUID) -> list[UUID]:
        """The questions that were let in before one."""
        ids = list(self._inside)
        return ids[: ids.index(run_id)] if run_id in self._inside else ids

    async def _sum(self, scope: Scope, inside: Sequence[UUID], apart: Collection[UUID]) -> Sum:
        """What was used in a scope, and is used by these questions; not by the runs `apart`."""
        now_us = self._now_us()
        spent = await self._store.usage.spent(
            scope,
            day_us=quotas.day_us(now_us),
            month_us=quotas.month_us(now_us),
            now_us=now_us,
            apart=[*self._inside, *apart],
        )
        theirs = [
            one for one in inside if one in self._inside and _in_scope(self._inside[one], scope)
        ]
        active = [run for run in self._runs.active if run.id in theirs]
        return self._added(spent, len(theirs), active)

    def _added(self, spent: Spent, inside: int, active: Sequence[Run]) -> Sum:
        """What others do and have done, and what is done here."""
        here = [used for run in active if (used := run.used()) is not None]
        usages = [used.usage for used in here]
        tokens = sum(usage.input_tokens + usage.output_tokens for usage in usages)
        money = sum(used.cost_microusd or 0 for used in here)
        tokens += sum(run.input_tokens + run.output_tokens for run in spent.running)
        money += sum(self._cost(run) for run in spent.running)
        return Sum(
            at_once=inside + len(spent.running),
            runs=spent.runs_today + inside,
            tokens=spent.tokens_today + tokens,
            microusd=spent.microusd_this_month + money,
        )

    def _cost(self, run: Running) -> int:
        usage = Usage(run.input_tokens, run.output_tokens, estimated=True)
        return self._runs.price(run.model, "", usage) or 0


def _in_scope(asked: Asked, scope: Scope) -> bool:
    place = asked.message.place
    return (
        place.connector == scope.connector
        and scope.person in (None, Account.of(place, asked.person))
        and scope.workspace in (None, place.workspace)
    )
