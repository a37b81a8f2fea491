"""Limits as numbers, the times for which they hold, and what who is over one is told.

Days and months begin at midnight UTC. Times are microseconds since the epoch.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.words import Sentence

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
