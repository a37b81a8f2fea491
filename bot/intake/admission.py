"""Who may ask, where, and how much: one decision for all that people do, before it has any
effect.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from uuid import UUID

import structlog

from bot.identity import Account, Named, denied, granted
from bot.intake import notices
from bot.intake.notices import Refusal
from bot.runs import Run, Runs
from bot.store import Running, Spent, Store, StoreUnavailable, UsageScope
from bot.words import Sentence, english
from connectors.base import Asked, Person, Place
from providers.base import Usage

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


@dataclass(frozen=True, slots=True)
class Sum:
    """What is being used now, was used today, and cost this month."""

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


# How much a person and a workspace may use, and whether a question is still within that.
#
# What was used is counted from the store, so all processes on one database count together. What
# this process itself answers is counted here: its rows may not be written yet.


log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Quotas:
    """What each person may use, and each workspace altogether."""

    person: Limit = Limit()
    workspace: Limit = Limit()

    def any(self) -> bool:
        """Whether anything is limited."""
        return self.person != Limit() or self.workspace != Limit()


class QuotaMeter:
    """Counts what is used. A question that is let in holds its place until `left`."""

    def __init__(self, store: Store, runs: Runs, limits: Quotas, now_us: Callable[[], int]) -> None:
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
            (PERSON, self._limits.person, UsageScope(place.connector, person=account)),
            (
                WORKSPACE,
                self._limits.workspace,
                UsageScope(place.connector, workspace=place.workspace),
            ),
        )
        among = self._inside if inside is None else inside
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
        ids = list(self._inside)
        return ids[: ids.index(run_id)] if run_id in self._inside else ids

    async def _sum(self, scope: UsageScope, inside: Sequence[UUID], apart: Collection[UUID]) -> Sum:
        """What was used in a scope, and is used by these questions; not by the runs `apart`."""
        now_us = self._now_us()
        spent = await self._store.usage.spent(
            scope,
            day_us=day_us(now_us),
            month_us=month_us(now_us),
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


def _in_scope(asked: Asked, scope: UsageScope) -> bool:
    place = asked.message.place
    return (
        place.connector == scope.connector
        and scope.person in (None, Account.of(place, asked.person))
        and scope.workspace in (None, place.workspace)
    )


# Who may: one decision for all that people do, before it has any effect.


class AccessDecision(Enum):
    """What the lists say of a person in a place."""

    ADMITTED = "admitted"
    NOT_ALLOWED = "not allowed"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Access:
    """Lists of people, channels and workspaces. A block outweighs an allow; an empty allow list
    allows all.
    """

    allow_people: frozenset[Named] = frozenset()
    block_people: frozenset[Named] = frozenset()
    allow_channels: frozenset[str] = frozenset()
    block_channels: frozenset[str] = frozenset()
    allow_workspaces: frozenset[str] = frozenset()
    block_workspaces: frozenset[str] = frozenset()
    allow_external: bool = False
    """Whether people of other organisations are answered; those named in `allow_people` are."""

    def admission(self, place: Place, person: Person) -> AccessDecision:
        """What the lists say of the person, the channel and the workspace together."""
        lists = (
            (place.channel, self.allow_channels, self.block_channels),
            (place.workspace, self.allow_workspaces, self.block_workspaces),
        )
        if any(value in blocked for value, _, blocked in lists):
            return AccessDecision.BLOCKED
        if denied(self.block_people, place, person):
            return AccessDecision.BLOCKED
        named = granted(self.allow_people, place, person)
        if any(allowed and value not in allowed for value, allowed, _ in lists):
            return AccessDecision.NOT_ALLOWED
        if (self.allow_people or (person.external and not self.allow_external)) and not named:
            return AccessDecision.NOT_ALLOWED
        return AccessDecision.ADMITTED


class Admission:
    """Decides on every event and every question, for whichever door they came by.

    The lists hold for all that people do. The limits hold for what an answer follows from.
    """

    def __init__(self, access: Access, admins: frozenset[Named], meter: QuotaMeter) -> None:
        self._access = access
        self._admins = admins
        self._meter = meter

    def is_admin(self, place: Place, person: Person) -> bool:
        """Whether somebody is an admin of the bot."""
        return granted(self._admins, place, person)

    def refusal(self, place: Place, person: Person) -> Refusal | None:
        """The refusal for a person who is not on the lists; nothing if they are blocked."""
        admission = self._access.admission(place, person)
        if admission is AccessDecision.ADMITTED:
            return None
        who = Account.of(place, person)
        log.info("intake.refused", person=str(who), admission=admission.value)
        return Refusal(notices.NOT_ALLOWED if admission is AccessDecision.NOT_ALLOWED else None)

    def not_theirs(self, place: Place, person: Person, asker: Person | None) -> Refusal | None:
        """What a person is told who wants to change somebody else's answer; None where they may.

        None as the `asker`: it isn't known who asked, so only an admin may.
        """
        theirs = asker is not None and Account.of(place, person) == Account.of(place, asker)
        if theirs or self.is_admin(place, person):
            return None
        log.info("intake.not_theirs", person=str(Account.of(place, person)))
        return Refusal(notices.NOT_THEIRS)

    async def over(
        self, place: Place, person: Person, *, waits: bool, apart: Collection[UUID] = ()
    ) -> Refusal | None:
        """What a person who is over a limit is told, before a question of theirs has its turn.

        `waits`: it will wait behind others, so how many are answered at once does not count.
        The runs `apart` don't count.
        """
        if self.is_admin(place, person):
            return None
        over = await self._meter.over(place, person, waits=waits, apart=apart)
        return None if over is None else Refusal(over)

    async def enter(self, run_id: UUID, asked: Asked) -> Refusal | None:
        """Lets a question in whose turn it is, or says which limit the asker is over."""
        if self.is_admin(asked.message.place, asked.person):
            return None
        over = await self._meter.enter(run_id, asked)
        return None if over is None else Refusal(over)

    def left(self, run_id: UUID) -> None:
        """A question was answered, or is not to be answered any more."""
        self._meter.left(run_id)
