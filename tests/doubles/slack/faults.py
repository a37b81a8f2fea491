"""What goes wrong on demand, call by call."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.doubles.slack.records import Call


@dataclass(frozen=True, slots=True)
class TooMany:
    """A 429 that asks for so many seconds of quiet; nothing took effect."""

    retry_after: int = 1


@dataclass(frozen=True, slots=True)
class Says:
    """HTTP 200 with `ok: false` and this error; nothing took effect."""

    error: str
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Broken:
    """A server error without JSON; with `after` the call took effect before it."""

    status: int = 503
    after: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """The connection is held for so many seconds and closed without an answer."""

    seconds: float
    after: bool = False


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection is reset without an answer."""

    after: bool = False


@dataclass(frozen=True, slots=True)
class Slow:
    """A good answer that comes so many seconds late; the effect is late too but for `after`."""

    seconds: float
    after: bool = False


Fault = TooMany | Says | Broken | Held | Reset | Slow

KINDS: Mapping[str, Callable[..., Fault]] = {
    "too_many": TooMany,
    "says": Says,
    "broken": Broken,
    "held": Held,
    "reset": Reset,
    "slow": Slow,
}
"""How a process that drives the double names them."""


@dataclass(slots=True)
class Faults:
    """The faults that wait for their calls, by method, and rules that are asked for each call."""

    _queues: dict[str, deque[Fault | None]] = field(default_factory=lambda: defaultdict(deque))
    _rules: list[Callable[[Call], Fault | None]] = field(default_factory=list)

    def add(self, method: str, *faults: Fault | None) -> None:
        """The next calls of a method meet these, one each; None lets one pass."""
        self._queues[method].extend(faults)

    def rule(self, rule: Callable[[Call], Fault | None]) -> None:
        """Asks for a fault before each call that finds none waiting."""
        self._rules.append(rule)

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self._queues.clear()
        self._rules.clear()

    def take(self, call: Call) -> Fault | None:
        """The fault that a call meets."""
        if queue := self._queues[call.method]:
            return queue.popleft()
        return next((fault for rule in self._rules if (fault := rule(call))), None)
