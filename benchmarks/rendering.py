"""Rendering: what laying out an answer costs that arrives token by token."""

from __future__ import annotations

import time
from math import inf
from statistics import mean, median
from uuid import UUID

from benchmarks.figures import Figure
from bot.reply.screen import Screen
from connectors.base import Limits, MessageRef, Place, Shown

AIM = 11.0
_TOKENS_PER_EDIT = 50
"""An edit a second at 50 tokens/s."""
_PASSAGE = """
## A heading

A paragraph of **bold** and `code` words that goes on for a while, and then [a link](https://e.x/).

- a point
- another point, with *stress*
  1. and one below it

| name | value |
|---|---|
| one | 1 |
| two | 2 |

```python
def answer(question: str) -> str:
    return question[::-1]
```
"""


def measure(*, short: bool = False) -> list[Figure]:
    """The time for 200,000 characters as a ratio to that for 20,000, taken before and after it."""
    length, rounds = (2_000, 1) if short else (20_000, 3)
    ratios, best = [], inf
    for _ in range(rounds):
        few = [render(length) for _ in range(5)]
        many = render(10 * length)
        few += [render(length) for _ in range(5)]
        ratios.append(many / mean(few))
        best = min(best, many)
    return [
        Figure("render_200k_vs_20k_ratio", round(median(ratios), 2), "x", AIM),
        Figure("render_us_per_character", round(best / (10 * length) * 1e6, 2), "us"),
    ]


def render(length: int, limits: Limits = Limits(length=4000)) -> float:  # noqa: B008 - a constant
    """CPU seconds for an answer of so many characters: five to a token, fifty tokens to an edit."""
    text = (_PASSAGE * (length // len(_PASSAGE) + 1))[:length]
    tokens = [text[at : at + 5] for at in range(0, length, 5)]
    screen, place = Screen(UUID(int=1), limits), Place("memory", "W", "C")
    began = time.process_time()
    for number, token in enumerate(tokens, 1):
        screen.append(token)
        if number % _TOKENS_PER_EDIT and number < len(tokens):
            continue
        while (step := screen.next()) is not None:
            screen.confirm(step, Shown(MessageRef(place, str(step.at)), step.part.text.strip()))
    return time.process_time() - began
