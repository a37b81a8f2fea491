"""Rate limits: how many calls a window takes, and what a caller is told about it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a call may go on, and what its headers say. `reset_after` is in seconds."""

    allowed: bool
    limit: int
    remaining: int
    reset_after: float


class Window(Protocol):
    """Counts the calls of one bucket."""

    def take(self, now: float) -> Verdict:
        """Counts a call at `now` (monotonic seconds) unless the bucket is empty."""
        ...


@dataclass(slots=True)
class FixedWindow:
    """So many calls from the first one on; then the window is over, and the next call opens one."""

    calls: int
    seconds: float
    _ends: float = 0.0
    _taken: int = 0

    def take(self, now: float) -> Verdict:
        """Counts a call at `now` (monotonic seconds) unless the bucket is empty."""
        if now >= self._ends:
            self._ends, self._taken = now + self.seconds, 0
        allowed = self._taken < self.calls
        self._taken += allowed
        return Verdict(allowed, self.calls, self.calls - self._taken, self._ends - now)


@dataclass(slots=True)
class SlidingWindow:
    """So many calls in any stretch of so many seconds."""

    calls: int
    seconds: float
    _times: deque[float] = field(default_factory=deque)

    def take(self, now: float) -> Verdict:
        """Counts a call at `now` (monotonic seconds) unless the bucket is empty."""
        while self._times and now - self._times[0] >= self.seconds:
            self._times.popleft()
        allowed = len(self._times) < self.calls
        if allowed:
            self._times.append(now)
        reset_after = self._times[0] + self.seconds - now
        return Verdict(allowed, self.calls, self.calls - len(self._times), reset_after)


def new_window(kind: Literal["fixed", "sliding"], calls: int, seconds: float) -> Window:
    """An empty bucket."""
    return FixedWindow(calls, seconds) if kind == "fixed" else SlidingWindow(calls, seconds)
