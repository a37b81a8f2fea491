"""Keeps the budgets that this process shares with others: their mode, its slots, and Redis.

What the modes are is told in `bot.pacing.shared`. Each process says in its heartbeat in which mode
and epoch it is, and whether it can reach Redis. Who can't says so in the database at once: from
then on nobody uses Redis. Once all can reach it again, whoever sees that first begins a new epoch
there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

import structlog

from bot.cluster.heartbeat import Heartbeat
from bot.cluster.leases import Process
from bot.pacing.shared import Mode, RedisAway, SharedBudgets
from bot.pacing.shared_limiter import SharedLimiter
from bot.store import BudgetMode, BudgetRows, SlotDemand, StoreUnavailable

log = structlog.get_logger(__name__)

_TURN_S = 1.0
"""Seconds after which slots are dealt again, and Redis hears what it may have lost."""

_PROBE_S = 3.0
"""Seconds after which Redis is tried again."""

_CALM_S = 5.0
"""Seconds in `parts` after which Redis is used again."""


class RedisProbe(Protocol):
    """The way to Redis."""

    async def ping(self, deployment: str) -> None:
        """Whether Redis can be used, with keys of this name. Raises `RedisAway`."""
        ...


class BudgetKeeper:
    """Deals with the database and Redis for `SharedBudgets`."""

    def __init__(
        self,
        rows: BudgetRows,
        shared: SharedBudgets,
        heartbeat: Heartbeat,
        now_us: Callable[[], int],
        redis: RedisProbe | None = None,
        announce: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`announce` tells the others that the mode has changed."""
        self._rows = rows
        self._shared = shared
        self._heartbeat = heartbeat
        self._now_us = now_us
        self._redis = redis
        self._announce = announce
        self._others: list[Process] = []
        self._row: BudgetMode | None = None
        self._registered: int | None = None
        self._kept: set[str] = set()
        self._changed_at = self._probed_at = float("-inf")
        self._needed = asyncio.Event()
        shared.wanted = self._needed.set
        heartbeat.budgets = self.told

    @property
    def turns(self) -> bool:
        """Whether there is anything to keep: Redis, or other processes."""
        return self._redis is not None or self._shared.mode != "alone"

    def told(self) -> dict[str, Any]:
        """What this process says of itself in each beat."""
        mode = self._shared.mode
        if mode == "parts" and self._registered != self._shared.epoch:
            mode = "alone"
        return {"mode": mode, "epoch": self._shared.epoch, "redis": self._shared.working}

    async def begin(self) -> None:
        """Before this process serves: reads the mode, and tries Redis. Raises `StoreUnavailable`.

        What else is raised is Redis' refusal; one that is away may come back.
        """
        if self._redis is not None:
            self._row = await self._rows.mode()
            await self._reached()

    def seen(self, living: Sequence[Process], modes: Sequence[BudgetMode], at: float) -> None:
        """A look saw these other processes, and the mode; it began at this time."""
        shared = self._shared
        self._others = [p for p in living if shared.connectors.intersection(p.connectors)]
        self._row = next(iter(modes), self._row)
        shared.equal = any(process.budgets is None for process in self._others)
        mode: Mode = "parts"
        epoch = 1
        if self._row is not None:
            mode = "redis" if self._row.mode == "redis" else "parts"
            epoch = self._row.epoch
        if mode == "redis" and self._redis is None:
            self._needed.set()  # who has no Redis can't be among those that use it
            mode = "parts"
        if self._alone(mode):
            return
        if shared.read(mode, epoch, at):
            log.info("budgets.mode", mode=mode, epoch=epoch)
            self._changed_at = _now()
            self._needed.set()
        if shared.mode == "parts" and self._all("mode", "parts"):
            shared.cleared()

    def _alone(self, mode: Mode) -> bool:
        """Whether this process shares with nobody: it has met no other one that knows of modes."""
        met = [process for process in self._others if process.budgets is not None]
        return mode == "parts" and self._redis is None and not met and self._shared.mode == "alone"

    def _all(self, key: str, value: object) -> bool:
        """Whether all the others say so, in this epoch where it is about the mode."""
        said = [process.budgets for process in self._others if process.budgets is not None]
        return all(
            each.get(key) == value and (key != "mode" or each.get("epoch") == self._shared.epoch)
            for each in said
        )

    async def serve(self) -> None:
        """Keeps them until cancelled."""
        while True:
            try:
                async with asyncio.timeout(_TURN_S):
                    await self._needed.wait()
            except TimeoutError:
                pass
            self._needed.clear()
            if self.turns:
                await self._safely()

    async def _safely(self) -> None:
        try:
            await self.turn()
        except StoreUnavailable as error:
            log.debug("budgets.no_store", error=str(error))
            if not self._shared.working:  # else Redis says when this epoch is over
                self._shared.lapse(surely=False)
        except Exception:
            log.exception("budgets.bug")
        await asyncio.sleep(0.02)  # several that need slots at once are one turn

    async def turn(self) -> None:
        """What is due now. Raises `StoreUnavailable`."""
        row = self._row
        if row is not None and row.mode == "redis" and not await self._redis_holds():
            await self._change("parts", row)
        if self._shared.mode == "parts":
            await self._keep_slots()
            await self._return_to_redis()
        elif self._shared.mode == "redis":
            for limiter in self._shared.limiters():
                await limiter.exchange()

    # Redis.

    async def _redis_holds(self) -> bool:
        """Whether Redis can go on: it is reached, and this epoch has not lapsed."""
        if self._redis is None or self._shared.lapsed:
            return False
        return self._shared.working or await self._reached()

    async def _reached(self) -> bool:
        self._probed_at = _now()
        if self._redis is None or self._row is None:
            return False
        try:
            await self._redis.ping(self._row.deployment)
        except RedisAway as error:
            if self._shared.working or self._shared.mode == "redis":
                log.error("budgets.redis_away", error=str(error))
            self._shared.working = False
            return False
        self._shared.working = True
        return True

    async def _return_to_redis(self) -> None:
        """Begins a new epoch in Redis once all processes can reach it."""
        if self._redis is None or self._row is None or self._row.mode == "redis":
            return
        if _now() - self._probed_at > _PROBE_S:
            await self._reached()
        if not self._shared.working:
            return
        ready = self._shared.clear and _now() - self._changed_at >= self._calm_s()
        if ready and not self._shared.equal and self._all("redis", True):
            await self._change("redis", self._row)

    def _calm_s(self) -> float:
        return _CALM_S if self._row is not None and self._row.epoch > 1 else 0.0

    async def _change(self, mode: Mode, row: BudgetMode) -> None:
        if mode != "alone" and await self._rows.change(mode, row.epoch, self._now_us()):
            log.warning("budgets.changed", mode=mode, epoch=row.epoch + 1)
        at = _now()
        self._row = await self._rows.mode()
        self.seen(self._others, (self._row,), at)
        await self._tell()

    # Slots.

    async def _keep_slots(self) -> None:
        """Holds the slots that are needed, and gives back what is not."""
        shared = self._shared
        limiters = [limiter for limiter in shared.limiters() if limiter.store]
        if self._registered != shared.epoch:
            await self._rows.register({limiter.key: limiter.held for limiter in limiters})
            self._kept = {limiter.key for limiter in limiters}
            self._registered = shared.epoch
            await self._tell()
        if not self._all("mode", "parts"):
            return
        shared.cleared()
        if gone := self._kept - {limiter.key for limiter in limiters}:
            await self._rows.drop(gone)
            self._kept -= gone
        for limiter in limiters:
            if limiter.count() or limiter.held:
                await self._deal(limiter)

    async def _deal(self, limiter: SharedLimiter) -> None:
        dealt = await self._rows.deal(self._demand(limiter), self._now_us())
        self._kept.add(limiter.key)
        limiter.hold(dealt.held, dealt.usable)

    def _demand(self, limiter: SharedLimiter) -> SlotDemand:
        old = sum(process.budgets is None for process in self._others)
        return SlotDemand(
            budget=limiter.key,
            calls=limiter.calls,
            window_us=round(limiter.seconds * 1e6),
            held=limiter.held,
            spent=limiter.spent(),
            growing=limiter.growing,
            limit=limiter.calls - limiter.calls * old // (len(self._others) + 1),
            alone=not self._others,
        )

    async def _tell(self) -> None:
        """The others hear of it now, rather than with the next beat."""
        await self._heartbeat.beat()
        if self._announce is not None:
            await self._announce()


def _now() -> float:
    return asyncio.get_running_loop().time()
