"""Leaves a model out for a while that fails again and again."""

from __future__ import annotations

FAILURES = 3
"""So many in a row, and the model is left out."""
REST_S = 30.0
LONGEST_REST_S = 600.0


class Breaker:
    """One model's record of failures. Times are seconds of whatever clock the caller has."""

    def __init__(self) -> None:
        self._failures = 0
        self._rest_s = REST_S
        self._until = 0.0

    def admits(self, now: float) -> bool:
        """Whether the model may be asked now.

        After a rest one request is let through to probe it; the others stay out until that one
        has come back, or for another rest where it never does.
        """
        if now < self._until:
            return False
        if self._failures >= FAILURES:
            self._until = now + self._rest_s
        return True

    def failed(self, now: float, retry_after: float | None = None) -> None:
        """The model failed; `retry_after`: it wants that many seconds of quiet."""
        self._failures += 1
        if self._failures > FAILURES:
            self._rest_s = min(2 * self._rest_s, LONGEST_REST_S)
        if self._failures >= FAILURES:
            self._until = now + self._rest_s
        if retry_after is not None:
            self._until = max(self._until, now + retry_after)

    def passed(self) -> None:
        """The model answered."""
        self._failures, self._rest_s, self._until = 0, REST_S, 0.0
