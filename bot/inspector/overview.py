"""The overview: what the runs of a day, a week or a month were."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.identity import Account
from bot.inspector.charts import (
    OUTCOMES,
    SPANS,
    VERDICTS,
    Bar,
    Span,
    bars,
    plain_bars,
    spread,
    stacked,
)
from bot.store import HOUR_US, Expense, Hour
from bot.store.hours import OTHERS, account_of, costliest

Hourly = dict[int, Hour]
"""Hours by their beginning, in microseconds since the epoch."""

_MOST = 20


def since_us(span: Span, now_us: int) -> int:
    """When a range begins that ends now."""
    return now_us - span.hours * HOUR_US


def overview_values(span: Span, now_us: int, hours: Hourly, lacking: int) -> dict[str, Any]:
    """What the overview says of these hours, of which so many lack."""
    some = bars(hours, since_us(span, now_us), span)
    total = Hour()
    for bar in some:
        total.add_figures(bar.hour)
    for hour in hours.values():
        total.add_spent(hour)
    return {
        "spans": SPANS,
        "span": span,
        "total": total,
        "whole": Bar(0, total),
        "lacking": lacking,
        "bars": some,
        "outcomes": [kind for kind in OUTCOMES if total.outcomes[kind]],
        "verdicts": [kind for kind in VERDICTS if total.verdicts[kind]],
        "pictures": {
            "outcomes": stacked("Answers by outcome", some, "outcomes", OUTCOMES),
            "verdicts": stacked("Answers by verdict", some, "verdicts", VERDICTS),
            "first_token": spread("Time to the first token", some, "first_token"),
            "first_text": spread("Time to the first text on the screen", some, "first_text"),
            "lag": spread("Time from the last token to the whole screen", some, "lag"),
            "limited": plain_bars("Calls refused with 429", some, lambda hour: hour.limited),
        },
        "percent": _percent,
        "models": _first(total.models),
        "people": _first(total.people),
        "spent_all": sum(spent.microusd for spent in total.models.values()),
        "tokens": sum(spent.tokens for spent in total.models.values()),
    }


def _percent(bar: Bar, what: str, share: float) -> float | None:
    """A percentile in microseconds."""
    value = bar.percentile(what, share)
    return None if value is None else value * 1e6


def _first(spent: Mapping[str, Expense]) -> list[tuple[str, str, Expense]]:
    """The costliest: connector (where there is one), name, and what they took."""
    ordered = costliest(spent)
    left = Expense()
    found: list[tuple[str, str, Expense]] = []
    for number, (key, each) in enumerate(ordered):
        who = account_of(key) if "\n" in key else Account("", "", key)
        if key == OTHERS or number >= _MOST:
            left.add(each)
        else:
            found.append((who.connector, each.name or who.name, each))
    return [*found, ("", "all others", left)] if left.runs else found
