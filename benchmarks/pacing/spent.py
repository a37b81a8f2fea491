"""What an eager schedule would spend: the most edits that the budget and a reader's eye allow."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from benchmarks.pacing.load import TICK_S, Answer
from bot.pacing.scheduler import FASTEST_S

_POSTED = round(0.15 / TICK_S) + 1
"""Ticks until an answer's first text is posted."""
_APART = round(FASTEST_S / TICK_S)


def most_edits(answers: Sequence[Answer], calls: int, window: int) -> int:
    """Edits while text waits, each as soon as it may be, whatever it is worth; `window` in ticks.

    An answer has one each 0.3 s while it grows, and one once it has ended. The post is no edit.
    """
    due = {number: each.start + _POSTED + _APART for number, each in enumerate(answers)}
    made: deque[int] = deque()
    tick = edits = 0
    while due:
        while made and made[0] <= tick - window:
            made.popleft()
        waiting = sorted((at, number) for number, at in due.items() if at <= tick)
        for at, number in waiting[: calls - len(made)]:
            made.append(tick)
            edits += 1
            if at >= answers[number].end:
                del due[number]
            else:
                due[number] = min(tick + _APART, max(tick + 1, answers[number].end))
        tick += 1
    return edits
