"""What is planned of tool calls in one simulation: drawn from a stream of its own."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

CALLS = range(20_000, 100_000)
"""The seeds in whose courses the model calls tools, and people allow them or not."""

Moment = Literal[
    "asked", "waiting", "approved", "sending", "answered", "listed", "counted", "returned",
]  # fmt: skip
"""A state that a call has just come to, or what has just happened between two of them."""
Turn = Literal["tamper", "redescribe", "tools off", "tools on", "stall"]
"""What happens to a deployment that has tools."""


@dataclass(frozen=True, slots=True)
class Strike:
    """At a moment, and so many seconds after it, the process that is about it dies or stalls."""

    moment: Moment
    after: float
    kills: bool


@dataclass(frozen=True, slots=True)
class Calling:
    """The tools of one simulation; `…_odds` are probabilities, times in seconds."""

    seed: int
    odds: float
    """That a model that may call tools does."""
    rounds: int
    seconds: float
    """How long a call waits for somebody to allow it."""
    latency: float
    """Of the server of tools."""
    fault_odds: float
    remember: bool
    """Whether a rule can be made."""
    deny_odds: float
    ignore_odds: float
    """That nobody presses anything."""
    again_odds: float
    """That somebody presses once more."""
    strikes: tuple[Strike, ...]
    turns: tuple[tuple[float, Turn], ...]

    @property
    def calm(self) -> bool:
        """Whether nothing of this goes wrong."""
        return not (self.strikes or self.turns or self.fault_odds)


_MOMENTS: tuple[Moment, ...] = (
    "asked", "waiting", "waiting", "approved", "approved", "sending", "sending", "listed",
    "counted", "counted", "returned", "answered",
)  # fmt: skip
_TURNS: tuple[Turn, ...] = ("tamper", "redescribe", "tools off", "tools on", "stall", "stall")


def calling_for(seed: int) -> Calling:
    """The tools of a seed; a quarter of the courses have no trouble of their own."""
    chance = random.Random(f"{seed}/calls")  # noqa: S311 - it has to be repeatable
    wild = chance.random() < 0.75
    return Calling(
        seed,
        odds=chance.choice([0.5, 0.8, 1.0]),
        rounds=chance.choice([1, 2, 3]),
        seconds=chance.choice([4.0, 12.0, 60.0, 60.0]),
        latency=chance.choice([0.0, 0.1, 0.5, 2.0]),
        fault_odds=chance.choice([0.0, 0.0, 0.3, 0.6]) if wild else 0.0,
        remember=chance.random() < 0.3,
        deny_odds=chance.choice([0.0, 0.1, 0.5]),
        ignore_odds=chance.choice([0.0, 0.0, 0.2]),
        again_odds=chance.choice([0.0, 0.5, 1.0]),
        strikes=tuple(_strike(chance) for _ in range(chance.choice([0, 1, 1, 2, 3]) * wild)),
        turns=tuple(_turn(chance) for _ in range(chance.choice([0, 0, 1, 2]) * wild)),
    )


def _strike(chance: random.Random) -> Strike:
    after = chance.choice([0.0, 0.0, 0.001, chance.uniform(0.0, 1.5)])
    return Strike(chance.choice(_MOMENTS), after, kills=chance.random() < 0.75)


def _turn(chance: random.Random) -> tuple[float, Turn]:
    return round(chance.uniform(0.3, 9.0), 3), chance.choice(_TURNS)
