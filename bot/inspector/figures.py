"""Figures as people read them; what is not known is a dash."""

from __future__ import annotations

from datetime import UTC, datetime

UNKNOWN = "–"


def when(us: int) -> str:
    """A time, from microseconds since the epoch."""
    return _utc(us).strftime("%Y-%m-%d %H:%M:%S")


def stamp(us: int) -> str:
    """A time for machines."""
    return _utc(us).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _utc(us: int) -> datetime:
    return datetime.fromtimestamp(us / 1e6, UTC)


def seconds(us: float | None) -> str:
    """A span, from microseconds: `8 ms`, `0.42 s`, `12.3 s`, `3 min 20 s`."""
    if us is None:
        return UNKNOWN
    value = us / 1e6
    if 0 < abs(value) < 0.0995:
        return f"{us / 1000:.0f} ms"
    if abs(value) < 9.995:
        return f"{value:.2f} s"
    if abs(value) < 99.95:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(abs(value)), 60)
    return f"{'-' if value < 0 else ''}{minutes} min {rest} s"


def count(number: int | None) -> str:
    """A number with its thousands set apart."""
    return UNKNOWN if number is None else f"{number:,}"


def cost(microusd: int | None, estimated: bool | None = False) -> str:
    """A cost in US dollars; `~` where its tokens were estimated."""
    if microusd is None:
        return UNKNOWN
    dollars = microusd / 1e6
    digits = 2 if dollars >= 1 or not microusd else 4 if dollars >= 0.001 else 6
    return f"{'~' if estimated else ''}${dollars:,.{digits}f}"


def plural(number: int, one: str, many: str = "") -> str:
    """A number and its noun."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
