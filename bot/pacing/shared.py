"""The budgets of a process that is not alone: kept by Redis, or by the slots that it holds.

A budget of `calls` has as many *slots*; a call takes one, and it counts until the call is answered
and one window has passed, or, where no answer comes, until its deadline and one window. How the
processes of a deployment share them is its *mode*:

- `alone`: this process has all of them. (Also beside processes of a version that knows no modes:
  then each keeps to an equal part, see `Share`.)
- `redis`: one script in Redis grants each call, to the most urgent of all processes.
- `parts`: each process uses only slots that it *holds*. At the change to this mode it holds those
  that it spent in the last window, and each can be used again one window later. The others are
  dealt by demand, in the database (`bot.cluster.budget_keeper`), once a reply is there that will
  need them. So the sum over all processes stays within the budget.

What is known to exceed it is in docs/scaling.md.

The mode and its epoch are a row of the database. Redis grants calls only for `TERM_S` seconds after
any process has read that row. After a change to `parts` a process makes no call before the others
have read it, too, or that time is over.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol

from bot.pacing.limiter import Claim

if TYPE_CHECKING:
    from bot.pacing.shared_limiter import SharedLimiter

Mode = Literal["alone", "parts", "redis"]
Urgency = tuple[Claim, bool, float]
"""What a call is for, whether its reply is not behind by two rounds, and its rank among those."""

TERM_S = 4.0
"""Seconds for which Redis may be used after the mode was read."""

_ON_ITS_WAY_MS = 2000
"""Milliseconds that a question may be on its way to Redis before nobody waits for its answer."""


class RedisAway(Exception):
    """Redis can't be reached, or refuses."""


class Scripts(Protocol):
    """The script of a budget, in Redis."""

    async def ask(self, budget: str, epoch: int, told: dict[str, Any]) -> dict[str, Any]:
        """Runs it once, with the keys of an epoch. Raises `RedisAway`."""
        ...


class Observer(Protocol):
    """Hears how budgets are shared. No method waits or raises."""

    def waited(self, connector: str, seconds: float) -> None:
        """A call waited for so long until it was granted."""
        ...

    def redis_failed(self) -> None:
        """Redis could not be reached."""
        ...


class SharedBudgets:
    """What the limiters of one process have in common: the mode, and who the others are."""

    def __init__(
        self,
        me: str,
        connectors: Collection[str],
        scripts: Scripts | None = None,
        observer: Observer | None = None,
    ) -> None:
        """`me` is this process's id; the budgets of these `connectors` are shared."""
        self.me = me
        self.connectors = frozenset(connectors)
        self.scripts = scripts
        self.observer = observer
        self.mode: Mode = "alone"
        self.epoch = 0
        self.equal = False
        """Whether a process lives that knows of no modes: in `parts` nobody exceeds its `Share`."""
        self.working = scripts is not None
        """Whether Redis could be reached when it was last tried."""
        self.wanted: Callable[[], None] = lambda: None
        """Called when a limiter needs slots, or Redis has failed."""
        self._read_at = -math.inf
        self._lapsed: int | None = None
        self._heard_epoch = 0
        self._heard: tuple[int, str, float, float] | None = None
        self.clear_at = -math.inf
        """From this time of the loop on no other process can still use what this one holds."""
        self._limiters: dict[str, SharedLimiter] = {}

    @property
    def clear(self) -> bool:
        """Whether no other process can still use what this one holds."""
        return _now() >= self.clear_at

    @property
    def lapsed(self) -> bool:
        """Whether this epoch can't be Redis' any more, whatever the database says."""
        return self._lapsed == self.epoch

    @property
    def age_s(self) -> float:
        """Seconds since the mode was read."""
        return min(_now() - self._read_at, 3600.0)

    def limiters(self) -> Iterator[SharedLimiter]:
        """Those of budgets that are in use, or whose calls still count."""
        return iter(list(self._limiters.values()))

    def add(self, limiter: SharedLimiter) -> None:
        """A new limiter, which holds no slots yet."""
        self._limiters[limiter.key] = limiter

    def drop(self, key: str) -> None:
        """A budget's calls count no more."""
        if limiter := self._limiters.pop(key, None):
            limiter.changed = limiter.replies = int

    def read(self, mode: Mode, epoch: int, at: float) -> bool:
        """The mode was read, by a query that began at this time; returns whether it has changed."""
        if self._lapsed == epoch and mode == "redis":
            return False
        self._read_at = at
        if (mode, epoch) == (self.mode, self.epoch):
            return False
        clear_at = _now() + TERM_S if self.mode == "redis" else -math.inf
        self._change(mode, epoch, clear_at)
        return True

    def told_time(self, said: Mapping[str, Any], epoch: int, asked_at: float) -> None:
        """Redis said what time it is, in answer to a question of this time of the loop."""
        self._heard = (said["time"], said["of"], asked_at, _now())
        self._heard_epoch = epoch

    @property
    def heard_in_epoch(self) -> bool:
        """Whether Redis has answered in this epoch."""
        return self._heard_epoch == self.epoch

    def time_passed(self) -> list[int | str]:
        """What time it was when Redis last said so, how many milliseconds have passed since, at
        least and at most, and the generation of its keys. Empty where it never did."""
        if self._heard is None:
            return []
        time, generation, asked_at, heard_at = self._heard
        at_most = math.ceil((_now() - asked_at) * 1000) + _ON_ITS_WAY_MS
        return [time, math.floor((_now() - heard_at) * 1000), at_most, generation]

    def lapse(self, *, surely: bool) -> None:
        """The database is away: only the slots that were spent last are used.

        `surely`: Redis has said so, and grants nothing to anybody.
        """
        if self.mode == "redis":
            self._lapsed = self.epoch
            self._change("parts", self.epoch, -math.inf if surely else self._read_at + 2 * TERM_S)

    def cleared(self) -> None:
        """All other processes have read the mode as well."""
        if not self.clear:
            self.clear_at = _now()
            for limiter in self.limiters():
                limiter.hold_what_was_spent(self.clear_at)
            self._look()

    def failed(self) -> None:
        """Redis could not be reached."""
        if self.observer is not None:
            self.observer.redis_failed()
        self.working = False
        self.wanted()

    def waited(self, key: str, seconds: float) -> None:
        """A call was granted after so many seconds."""
        if self.observer is not None:
            self.observer.waited(key.replace(":", "/").partition("/")[0], seconds)

    def woken(self, budget: str) -> None:
        """Another process says that a slot of this budget is free."""
        if limiter := self._limiters.get(budget):
            limiter.wake()

    def _change(self, mode: Mode, epoch: int, clear_at: float) -> None:
        for limiter in self.limiters():
            if mode == "parts" and self.mode != "parts":
                limiter.hold_what_was_spent(clear_at)
            limiter.begin_epoch()
        self.mode, self.epoch, self.clear_at = mode, epoch, clear_at
        self._look()

    def _look(self) -> None:
        for limiter in self.limiters():
            limiter.changed()


def _now() -> float:
    return asyncio.get_running_loop().time()
