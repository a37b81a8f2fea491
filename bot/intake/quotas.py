"""Limits as numbers, the times for which they hold, and what who is over one is told.

Days and months begin at midnight UTC. Times are microseconds since the epoch.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

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


def refusal(who: str, limit: Limit, used: Sum, now_us: int) -> str | None:
    """What the asker is told where one more is over a limit; `who` as in "You have"."""
    tomorrow, next_month = day_us(now_us) + _DAY_US, _next_month_us(now_us)
    if _over(used.microusd, limit.microusd_per_month):
        most = f"{(limit.microusd_per_month or 0) / 1e6:,.2f} US dollars of this month"
        return f"{who} used up the {most}. {_ends(next_month, now_us)}"
    if _over(used.tokens, limit.tokens_per_day):
        return (
            f"{who} used up the {limit.tokens_per_day:,} tokens of today. {_ends(tomorrow, now_us)}"
        )
    if _over(used.runs, limit.runs_per_day):
        most = _count(limit.runs_per_day or 0, "answer")
        return f"{who} had the {most} of today. {_ends(tomorrow, now_us)}"
    if _over(used.at_once, limit.runs_at_once):
        most = _count(limit.runs_at_once or 0, "answer")
        return (
            f"{who} {most} under way, which is the most at once. "
            "This question is not answered: ask it again when one of them is done."
        )
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


def _ends(end_us: int, now_us: int) -> str:
    return (
        "This question is not answered: "
        f"ask it again {_in(end_us - now_us)} ({_date(end_us):%Y-%m-%d %H:%M} UTC)."
    )


def _in(us: int) -> str:
    """A time to come in words, rounded up."""
    for unit, name in ((_DAY_US, "day"), (_HOUR_US, "hour")):
        if us > unit:
            return f"in {_count(-(-us // unit), name)}"
    return f"in {_count(-(-us // _MINUTE_US), 'minute')}"


def _count(number: int, name: str) -> str:
    return f"{number:,} {name}" if number == 1 else f"{number:,} {name}s"


def _date(us: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=us)


def _us(date: datetime) -> int:
    return int(date.timestamp()) * 1_000_000
