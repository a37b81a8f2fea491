"""The answers that are to be shown: when each begins and how long it is."""

from __future__ import annotations

import random
from dataclasses import dataclass
from math import exp

TICK_S = 0.02
"""Seconds from one token to the next: 50 tokens/s. All times of a load are in ticks."""
WORD = " abcd"
"""What each token says."""
CHARS = len(WORD)
SPREAD_S = 30.0
MEDIAN_TOKENS = 300
SIGMA = 1.0


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: its first token comes at tick `start`, one more with each tick after it."""

    start: int
    tokens: int

    @property
    def end(self) -> int:
        """The tick of its last token."""
        return self.start + self.tokens - 1


def load(count: int, seed: int) -> list[Answer]:
    """Starts at random within 30 s, lengths log-normal with a median of 300 tokens and sigma 1."""
    chance = random.Random(f"{count} answers, seed {seed}")  # noqa: S311 - a load, no secret
    starts = sorted(chance.randrange(round(SPREAD_S / TICK_S)) for _ in range(count))
    return [
        Answer(start, max(1, round(MEDIAN_TOKENS * exp(chance.gauss(0.0, SIGMA)))))
        for start in starts
    ]


STEADY = "steady"
_STEADY_EACH_S = 20.0
_STEADY_ANSWERS = 30


def steady(seed: int) -> list[Answer]:
    """An answer each 20 s for ten minutes, with lengths as above."""
    chance = random.Random(f"steady, seed {seed}")  # noqa: S311 - a load, no secret
    return [
        Answer(
            round(_STEADY_EACH_S * number / TICK_S),
            max(1, round(MEDIAN_TOKENS * exp(chance.gauss(0.0, SIGMA)))),
        )
        for number in range(_STEADY_ANSWERS)
    ]
