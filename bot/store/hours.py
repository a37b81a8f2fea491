"""What an hour's runs were, in figures.

A time is kept as the number of runs in its bucket: buckets grow by 5 %, so a percentile is right
to 5 %. Of people and models the hour's costliest are named, the others are counted together.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from bot.identity import Account

OTHERS = ""
"""The key of the people, or models, that an hour does not name."""

_GROWTH = math.log(1.05)
_NAMED = 20
_UNENDED = "running"
_UNSAID = "none"


@dataclass(slots=True)
class Expense:
    """What a model or a person took. `unpriced` runs have no known cost."""

    runs: int = 0
    tokens: int = 0
    microusd: int = 0
    unpriced: int = 0
    estimated: int = 0
    name: str = ""

    def add(self, other: Expense) -> None:
        """Adds another's."""
        self.runs += other.runs
        self.tokens += other.tokens
        self.microusd += other.microusd
        self.unpriced += other.unpriced
        self.estimated += other.estimated
        self.name = other.name or self.name


@dataclass(slots=True)
class Hour:
    """The runs that began in an hour, or in several hours together."""

    runs: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    first_token: Counter[int] = field(default_factory=Counter)
    """Runs by bucket of the time to the first token; see `percentile`."""
    first_text: Counter[int] = field(default_factory=Counter)
    lag: Counter[int] = field(default_factory=Counter)
    """Of the time from the last token to the run's end: when the screen was whole."""
    limited: int = 0
    """Calls that a platform refused with a 429."""
    models: dict[str, Expense] = field(default_factory=dict)
    people: dict[str, Expense] = field(default_factory=dict)
    """By `person_key`."""

    def take(self, run: Mapping[Any, Any]) -> None:
        """Counts a run: its columns, and `last_us`, when its last token came."""
        self.runs += 1
        self.outcomes[run["outcome"] or _UNENDED] += 1
        self.verdicts[run["verdict"] or _UNSAID] += 1
        for name in ("first_token", "first_text"):
            if (us := run[f"{name}_us"]) is not None:
                getattr(self, name)[bucket(us)] += 1
        if run["ended_us"] is not None and run["last_us"] is not None:
            self.lag[bucket(run["ended_us"] - run["started_us"] - run["last_us"])] += 1
        cost = run["cost_microusd"]
        spent = Expense(
            1, run["tokens"] or 0, cost or 0, int(cost is None), int(bool(run["usage_estimated"]))
        )
        self.models.setdefault(run["model"], Expense()).add(spent)
        spent.name = run["person_name"]
        who = person_key(Account(run["connector"], run["person_realm"] or "", run["person_id"]))
        self.people.setdefault(who, Expense()).add(spent)

    def forget(self, who: str) -> bool:
        """Counts a person with those that are not named; false where they were not named."""
        spent = self.people.pop(who, None)
        if spent is None:
            return False
        others = self.people.setdefault(OTHERS, Expense())
        others.add(spent)
        others.name = ""
        return True

    def add(self, other: Hour) -> None:
        """Adds another's."""
        self.add_figures(other)
        self.add_spent(other)

    def add_figures(self, other: Hour) -> None:
        """Adds another's, save what models and people took."""
        self.runs += other.runs
        self.limited += other.limited
        for name in ("outcomes", "verdicts", "first_token", "first_text", "lag"):
            getattr(self, name).update(getattr(other, name))

    def add_spent(self, other: Hour) -> None:
        """Adds what models and people took."""
        for name in ("models", "people"):
            mine = getattr(self, name)
            for key, spent in getattr(other, name).items():
                mine.setdefault(key, Expense()).add(spent)

    def as_dict(self) -> dict[str, Any]:
        """As it is stored: the costliest named, the others together."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        named = {name: _named(getattr(self, name)) for name in ("models", "people")}
        return values | named

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Hour:
        """As it was stored."""
        hour = cls(runs=stored["runs"], limited=stored["limited"])
        for name in ("outcomes", "verdicts"):
            setattr(hour, name, Counter(stored[name]))
        for name in ("first_token", "first_text", "lag"):
            setattr(hour, name, Counter({int(key): n for key, n in stored[name].items()}))
        for name in ("models", "people"):
            setattr(hour, name, {key: Expense(**spent) for key, spent in stored[name].items()})
        return hour


def person_key(account: Account) -> str:
    """A person as a key; `account_of` reads it."""
    return "\n".join((account.connector, account.realm, account.id))


def account_of(key: str) -> Account:
    """The account that a key stands for; an older version's says no realm."""
    connector, _, rest = key.partition("\n")
    realm, _, id_ = rest.rpartition("\n")
    return Account(connector, realm, id_)


def bucket(us: int) -> int:
    """The bucket of a time in microseconds: 0 up to a millisecond, then 5 % each."""
    return 0 if us <= 1000 else math.ceil(math.log(us / 1000) / _GROWTH)


def percentile(counts: Mapping[int, int], share: float) -> float | None:
    """The time, in seconds, within which this share of the counted stayed; None of nothing."""
    left = math.ceil(sum(counts.values()) * share)
    for number in sorted(counts):
        left -= counts[number]
        if left <= 0:
            return math.exp(number * _GROWTH) / 1000
    return None


def costliest(spent: Mapping[str, Expense]) -> list[tuple[str, Expense]]:
    """By cost, then by tokens; those that are not named last."""
    return sorted(
        spent.items(),
        key=lambda item: (item[0] == OTHERS, -item[1].microusd, -item[1].tokens, item[0]),
    )


def _named(spent: Mapping[str, Expense]) -> dict[str, dict[str, Any]]:
    return together(costliest(spent), _NAMED)


def together(ordered: Iterable[tuple[str, Expense]], most: int) -> dict[str, dict[str, Any]]:
    """The first `most` by name, and what is left as `OTHERS`."""
    found: dict[str, Expense] = {}
    for number, (key, each) in enumerate(ordered):
        named = key if number < most else OTHERS
        found.setdefault(named, Expense()).add(each)
    if OTHERS in found:
        found[OTHERS].name = ""
    return {key: asdict(each) for key, each in found.items()}
