"""What happens in a simulation, as far as it is decided beforehand."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Literal

from bot.intake import Policy
from connectors.memory import Budgets, like_discord, like_slack
from tests.simulation.calling import CALLS, Calling, calling_for
from tests.simulation.refusals import NOTHING, Refusing, refusing_for

Act = Literal[
    "ask", "delete question", "delete answer", "stop", "retry", "continue", "edit", "command",
    "kill", "close", "start", "database away", "database full", "platform away", "clock",
]  # fmt: skip

_PEOPLE: dict[Act, int] = {
    "ask": 10, "delete question": 1, "delete answer": 1, "stop": 3, "retry": 2, "continue": 2,
    "edit": 2, "command": 1,
}  # fmt: skip
_FATE: dict[Act, int] = {
    "kill": 5, "close": 2, "start": 2, "database away": 2, "database full": 1, "platform away": 1,
    "clock": 1,
}  # fmt: skip

TROUBLE_S = 10.0
"""So long things happen and go wrong; after that all is given time to come to rest."""


ODD = range(10_000, 20_000)
"""The seeds in whose courses the platform refuses what it should take, and the model's service
ends answers with words that nobody knows. Nothing else goes wrong there."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The course of one simulation; times in seconds, `…_odds` are probabilities for each call."""

    processes: int
    acts: list[tuple[float, Act]]
    channels: int
    length: int
    budgets: Budgets
    policy: Policy
    latency: float
    call_odds: float
    store_odds: float
    slow_store_odds: float
    again_odds: float
    everywhere: bool
    """Every process is told of every event, as at a rolling deploy."""
    words: int
    pace: float
    limited_edits: int = 0
    """So many edits are refused for the rate, one after the other."""
    taken_posts: int = 0
    """So many posts are taken before the platform refuses some."""
    refused_posts: int = 0
    refused_whispers: int = 0
    odd_words: bool = False
    refusing: Refusing = NOTHING
    calling: Calling | None = None
    """None where there are no tools."""


def planned_for(seed: int, chance: random.Random) -> Plan:
    """The course of a seed."""
    plan = planned(chance)
    if seed in CALLS:
        refusing = refusing_for(seed) if seed % 5 == 0 else NOTHING
        return replace(plan, refusing=replace(refusing, odd_words=False), calling=calling_for(seed))
    if seed not in ODD:
        refusing = refusing_for(seed)
        return replace(plan, odd_words=refusing.odd_words, refusing=refusing)
    odd = random.Random(f"odd {seed}")  # noqa: S311 - it has to be repeatable
    deleted: list[tuple[float, Act]] = [
        (round(odd.uniform(0.2, 3.0), 3), "delete answer") for _ in range(odd.choice([0, 0, 1, 2]))
    ]
    return replace(
        plan,
        processes=1,
        acts=sorted([(at, act) for at, act in plan.acts if act not in _FATE] + deleted),
        latency=odd.choice([plan.latency, plan.latency, 0.8, 2.0]),
        call_odds=0.0,
        store_odds=0.0,
        limited_edits=odd.choice([0, 2, 3, 5]),
        taken_posts=odd.choice([0, 0, 1, 2]),
        refused_posts=odd.choice([0, 0, 1, 2, 3, 99]),
        refused_whispers=odd.choice([0, 0, 99]),
        odd_words=odd.random() < 0.5,
    )


def planned(chance: random.Random) -> Plan:
    """Draws a course; about a third of them is without faults of one kind or another."""
    people = chance.randint(1, 6)
    fate = chance.choice([0, 0, 1, 1, 2, 3])
    acts = [(0.0, "ask"), *_acts(chance, _PEOPLE, people), *_acts(chance, _FATE, fate)]
    return Plan(
        processes=chance.choice([1, 1, 1, 2, 2, 3]),
        acts=sorted(acts, key=lambda act: act[0]),
        channels=chance.choice([1, 1, 2]),
        length=chance.choice([120, 300, 2000]),
        budgets=chance.choice([like_slack, like_slack, like_discord]),
        policy=chance.choice(["queue", "queue", "replace", "parallel"]),
        latency=chance.choice([0.0, 0.05, 0.2, 0.8]),
        call_odds=chance.choice([0.0, 0.0, 0.05, 0.2]),
        store_odds=chance.choice([0.0, 0.0, 0.0, 0.02, 0.1]),
        slow_store_odds=chance.choice([0.0, 0.0, 0.05, 0.2]),
        again_odds=chance.choice([0.0, 0.1, 0.5]),
        everywhere=chance.random() < 0.3,
        words=chance.choice([1, 8, 30, 80]),
        pace=chance.choice([0.0, 0.02, 0.1, 0.3]),
    )


def _acts(chance: random.Random, kinds: dict[Act, int], number: int) -> list[tuple[float, Act]]:
    names, weights = list(kinds), list(kinds.values())
    chosen = chance.choices(names, weights, k=number)
    return [(round(chance.uniform(0, TROUBLE_S), 3), act) for act in chosen]
