"""How much a person, a workspace and the deployment may use, and whether a question is within that.

What was used is counted from the store, so all processes on one database count together. What this
process itself answers is counted here: its rows may not be written yet.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog

from bot.identity import Account
from bot.runs import Run, Runs
from bot.store import Running, Spent, Store, StoreUnavailable, UsageScope
from bot.words import Sentence, english
from connectors.base import Asked, Person, Place
from providers.base import Usage

log = structlog.get_logger(__name__)

_MINUTE_US = 60_000_000
_HOUR_US = 60 * _MINUTE_US
_DAY_US = 24 * _HOUR_US


@dataclass(frozen=True, slots=True)
class Limit:
    """The most of each; None: as much as you like. Money in millionths of a US dollar."""

    runs_at_once: int | None = None
    runs_per_day: int | None = None
    tokens_per_day: int | None = None
    microusd_per_month: int | None = None
    microusd_per_day: int | None = None


_NONE = Limit()


@dataclass(frozen=True, slots=True)
class Sum:
    """What is being used now, was used today, and cost this month.

    Of the deployment and of a channel, what it cost today.
    """

    at_once: int = 0
    runs: int = 0
    tokens: int = 0
    microusd: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """The ids of what is said where each limit is reached."""

    money: str
    tokens: str
    runs: str
    at_once: str


PERSON = Told("over.person.money", "over.person.tokens", "over.person.runs", "over.person.at_once")
WORKSPACE = Told(
    "over.workspace.money",
    "over.workspace.tokens",
    "over.workspace.runs",
    "over.workspace.at_once",
)
DEPLOYMENT = Told(
    "over.deployment.money",
    "over.workspace.tokens",
    "over.workspace.runs",
    "over.workspace.at_once",
)
CHANNEL = Told(
    "over.channel.money", "over.workspace.tokens", "over.channel.runs", "over.workspace.at_once"
)
_ANSWERS = ("count.answer", "count.answers")
_IN = (
    (_DAY_US, ("in.day", "in.days")),
    (_HOUR_US, ("in.hour", "in.hours")),
    (_MINUTE_US, ("in.minute", "in.minutes")),
)


def over_limit(told: Told, limit: Limit, used: Sum, now_us: int) -> Sentence | None:
    """What the asker is told where one more is over a limit; `told` says whose it is."""
    tomorrow, next_month = day_us(now_us) + _DAY_US, _next_month_us(now_us)
    if _over(used.microusd, most := limit.microusd_per_month):
        again = _again(next_month, now_us)
        return Sentence(told.money, {"most": (most or 0) / 1e6, "again": again})
    if _over(used.microusd, most := limit.microusd_per_day):
        again = _again(tomorrow, now_us)
        return Sentence(told.money, {"most": (most or 0) / 1e6, "again": again})
    if _over(used.tokens, most := limit.tokens_per_day):
        return Sentence(told.tokens, {"most": most or 0, "again": _again(tomorrow, now_us)})
    if _over(used.runs, most := limit.runs_per_day):
        answers = _count(most or 0, _ANSWERS)
        return Sentence(told.runs, {"answers": answers, "again": _again(tomorrow, now_us)})
    if _over(used.at_once, most := limit.runs_at_once):
        return Sentence(told.at_once, {"answers": _count(most or 0, _ANSWERS)})
    return None


def day_us(now_us: int) -> int:
    """When the day began."""
    return now_us // _DAY_US * _DAY_US


def month_us(now_us: int) -> int:
    """When the month began."""
    return _us(_date(now_us).replace(day=1, hour=0, minute=0, second=0, microsecond=0))


def _next_month_us(now_us: int) -> int:
    return month_us(month_us(now_us) + 32 * _DAY_US)


def _over(used: int, most: int | None) -> bool:
    return most is not None and used >= most


def _again(end_us: int, now_us: int) -> Sentence:
    """When it can be asked again."""
    at = f"{_date(end_us):%Y-%m-%d %H:%M}"
    return Sentence("over.again", {"soon": _in(end_us - now_us), "at": at})


def _in(us: int) -> Sentence:
    """A time to come in words, rounded up."""
    unit, ids = next((each for each in _IN if us > each[0]), _IN[-1])
    return _count(-(-us // unit), ids)


def _count(number: int, ids: tuple[str, str]) -> Sentence:
    """A number of something, by the ids for one and for several."""
    one, several = ids
    return Sentence(one if number == 1 else several, {"count": number})


def _date(us: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=us)


def _us(date: datetime) -> int:
    return int(date.timestamp()) * 1_000_000


@dataclass(frozen=True, slots=True)
class Quotas:
    """What each person may use, each workspace altogether, and the whole deployment."""

    person: Limit = Limit()
    workspace: Limit = Limit()
    deployment: Limit = Limit()
    channel: Limit = Limit()
    """Of all together in the channel that a question is asked in, by what is set for it."""

    def any(self) -> bool:
        """Whether anything is limited."""
        return Quotas() != self

    @property
    def brakes(self) -> Quotas:
        """What holds for admins, too."""
        return Quotas(deployment=self.deployment)


class QuotaMeter:
    """Counts what is used. A question that is let in holds its place until `left`."""

    def __init__(self, store: Store, runs: Runs, limits: Quotas, now_us: Callable[[], int]) -> None:
        self._store = store
        self._runs = runs
        self.limits = limits
        self._now_us = now_us
        self.inside: dict[UUID, Asked] = {}
        """The questions that were let in, in order, and those of which that is being found out."""

    async def over(
        self, place: Place, person: Person, *, waits: bool, apart: Collection[UUID], admin: bool
    ) -> Sentence | None:
        """Which limit somebody is over, in a line for them, before a question has its turn."""
        limits = self.limits.brakes if admin else self.limits
        if not limits.any():
            return None
        try:
            return await self._found_over(limits, place, person, waits=waits, apart=apart)
        except StoreUnavailable as error:
            log.error("limits.not_counted", error=str(error))
            return None

    async def enter(
        self, run_id: UUID, asked: Asked, *, admin: bool, channel: Limit = _NONE
    ) -> Sentence | None:
        """Lets a question in, or says in a line for the asker which limit it is over.

        `channel` is that of all together in its channel.
        """
        limits = self.limits.brakes if admin else replace(self.limits, channel=channel)
        if not limits.any():
            return None
        # It takes its place before anything is awaited: of many that come at once each counts
        # those that came before it, so they can't all find the same place free.
        self.inside[run_id] = asked
        try:
            refusal = await self._refusal(limits, run_id, asked)
        except StoreUnavailable as error:
            log.error("limits.not_counted", error=str(error))
            return None
        if refusal is not None:
            self.left(run_id)
        return refusal

    def left(self, run_id: UUID) -> None:
        """A question was answered, or is not to be answered any more."""
        self.inside.pop(run_id, None)

    async def _refusal(self, limits: Quotas, run_id: UUID, asked: Asked) -> Sentence | None:
        if await self._store.runs.get(run_id) is not None:
            return None  # a process that died had begun to answer it
        before = self._before(run_id)
        return await self._found_over(limits, asked.message.place, asked.person, inside=before)

    async def _found_over(
        self,
        limits: Quotas,
        place: Place,
        person: Person,
        *,
        waits: bool = False,
        apart: Collection[UUID] = (),
        inside: Sequence[UUID] | None = None,
    ) -> Sentence | None:
        """Which limit is reached by what was used, and by the questions `inside` (None: all)."""
        account = Account.of(place, person)
        there = UsageScope(place.connector, workspace=place.workspace, channel=place.channel)
        scopes = (
            (DEPLOYMENT, limits.deployment, UsageScope()),
            (PERSON, limits.person, UsageScope(place.connector, person=account)),
            (WORKSPACE, limits.workspace, UsageScope(place.connector, workspace=place.workspace)),
            (CHANNEL, limits.channel, there),
        )
        among = self.inside if inside is None else inside
        counted = [one for one in among if one not in apart]
        for who, limit, scope in scopes:
            holds = replace(limit, runs_at_once=None) if waits else limit
            if holds != Limit():
                used = await self._sum(scope, counted, apart)
                refusal = over_limit(who, holds, used, self._now_us())
                if refusal is not None:
                    log.info("intake.over_limit", person=str(account), limit=english(refusal))
                    return refusal
        return None

    def _before(self, run_id: UUID) -> list[UUID]:
        """The questions that were let in before one."""
        ids = list(self.inside)
        return ids[: ids.index(run_id)] if run_id in self.inside else ids

    async def _sum(self, scope: UsageScope, inside: Sequence[UUID], apart: Collection[UUID]) -> Sum:
        """What was used in a scope, and is used by these questions; not by the runs `apart`."""
        now_us = self._now_us()
        spent = await self._store.usage.spent(
            scope,
            day_us=day_us(now_us),
            month_us=day_us(now_us) if _by_day(scope) else month_us(now_us),
            now_us=now_us,
            apart=[*self.inside, *apart],
        )
        theirs = [
            one for one in inside if one in self.inside and _in_scope(self.inside[one], scope)
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


def _by_day(scope: UsageScope) -> bool:
    """Whether the money of a day is limited there, and not that of a month."""
    return scope == UsageScope() or scope.channel is not None


def _in_scope(asked: Asked, scope: UsageScope) -> bool:
    place = asked.message.place
    return scope.connector is None or (
        place.connector == scope.connector
        and scope.person in (None, Account.of(place, asked.person))
        and scope.workspace in (None, place.workspace)
        and scope.channel in (None, place.channel)
    )
