"""Faults on demand: which calls go wrong, and how."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal


@dataclass(frozen=True, slots=True)
class Refuse:
    """An answer with an error. With a `retry_after` it is a rate limit's, in seconds.

    `scope` says whose limit it is: the bot's own, or one that a resource has for everybody.
    """

    status: int
    code: int = 0
    message: str = ""
    retry_after: float | None = None
    is_global: bool = False
    scope: Literal["user", "shared"] = "user"
    html: bool = False
    """The body is a page, as from the proxies before the platform, and no `Via` stands above."""


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection is cut, without an answer."""


@dataclass(frozen=True, slots=True)
class Hang:
    """No answer for so many seconds; then the connection is cut."""

    seconds: float = 600.0


@dataclass(frozen=True, slots=True)
class Slow:
    """The answer comes, so many seconds late."""

    seconds: float


Outcome = Refuse | Reset | Hang | Slow


@dataclass(slots=True)
class Fault:
    """One outcome for the calls that fit.

    `path` is a pattern below the base URL (`/channels/*/messages`), where `*` stands for any
    text and a question mark for one character. `skip` calls are let through first, then `times` of
    them go wrong (None: all). `applied`: the call takes effect before it goes wrong.
    """

    outcome: Outcome
    method: str = "*"
    path: str = "*"
    times: int | None = 1
    skip: int = 0
    applied: bool = False

    def strikes(self, method: str, path: str) -> bool:
        """Whether it strikes this call; counts it if it fits."""
        if not (fnmatchcase(method, self.method) and fnmatchcase(path, self.path)):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True

    @property
    def spent(self) -> bool:
        """It has struck as often as it was to."""
        return self.times is not None and self.times <= 0

    @property
    def name(self) -> str:
        """What a record calls it."""
        when = "after" if self.applied else "before"
        return f"{type(self.outcome).__name__.lower()} {when}"


@dataclass(slots=True)
class Faults:
    """The faults that wait for their calls, first come first served."""

    waiting: list[Fault] = field(default_factory=list)

    def add(
        self,
        outcome: Outcome,
        method: str = "*",
        path: str = "*",
        *,
        times: int | None = 1,
        skip: int = 0,
        applied: bool = False,
    ) -> Fault:
        """Adds a fault; see `Fault`."""
        fault = Fault(outcome, method, path, times, skip, applied)
        self.waiting.append(fault)
        return fault

    def clear(self) -> None:
        """No more faults."""
        self.waiting.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that strikes this call, if any."""
        struck = next((fault for fault in self.waiting if fault.strikes(method, path)), None)
        self.waiting = [fault for fault in self.waiting if not fault.spent]
        return struck
