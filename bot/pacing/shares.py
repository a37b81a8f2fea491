"""The part of each platform's budgets that this process may use while others use them too.

Of `n` processes that serve a platform each takes an n-th of every budget. Who they are is known
from their beats, so all of them know of a change within a beat and a look (three seconds), and it
has its effect slowly, over the budget's own window:

- A process that comes begins with one call, and its part grows evenly over one window. The parts
  of those that are there shrink just as evenly, so what they have already called falls out of the
  window while the newcomer's calls come in.
- When one goes, what it has called counts for one more window with the platform: only then the
  others' parts grow, at once.

So the parts never sum to more than the budget, except for the three seconds in which a newcomer is
not known yet: in these it may make `3 s / window` of its part. A call counts for a whole window, so
while a part shrinks it is made only if it still fits at the end of that (`Meter`): from one window
after all know of the newcomer no burst exceeds the budget. Before that, a process that used its
whole budget just before the newcomer began can let the total exceed it once, by at most the
newcomer's part; a 429 that comes of it is waited out and costs no text. Where a budget has fewer
calls than there are processes, each makes one call in a window that is so much longer: the rate is
the budget's, but calls of several can fall into one window.

Times are the event loop's, in seconds.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

_REMEMBERED_S = 900.0
"""Longer than the window of any budget."""


@dataclass(frozen=True, slots=True)
class _Change:
    """From then on another part is to be used."""

    at: float
    before: float
    after: float

    def part(self, now: float, window: float) -> float:
        """What may be used as far as this change goes; `window` is the budget's."""
        passed = (now - self.at) / window
        if passed >= 1.0:
            return self.after
        if self.before == 0.0 or self.after < self.before:
            return self.before + (self.after - self.before) * passed
        return self.before


class Share:
    """One platform's budgets: which part of each is this process's now."""

    def __init__(self) -> None:
        self._processes: int | None = None
        self._changes: deque[_Change] = deque()

    def divide(self, processes: int, now: float) -> bool:
        """So many processes share the budgets from now on; says whether that is new.

        The first to say so is this process's own beginning: among others it begins with nothing.
        """
        if processes == self._processes:
            return False
        alone = processes == 1
        before = (1.0 if alone else 0.0) if self._processes is None else 1.0 / self._processes
        self._processes = processes
        while self._changes and self._changes[0].at < now - _REMEMBERED_S:
            self._changes.popleft()
        self._changes.append(_Change(now, before, 1.0 / processes))
        return True

    def part(self, now: float, window: float) -> float:
        """The part of a budget that may be used now, from 0 to 1; `window` is its seconds."""
        if not self._changes:
            return 1.0
        # A change that is over counts no more, unless it is the last.
        counting = [c for c in self._changes if now - c.at < window] or [self._changes[-1]]
        return min(change.part(now, window) for change in counting)

    def moving(self, now: float, window: float) -> bool:
        """Whether the part of such a budget still changes by itself."""
        return any(now - change.at < window for change in self._changes)
