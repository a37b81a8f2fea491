"""The rate limiter of a budget that processes share: see `bot.pacing.shared`."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from bot.pacing.limiter import Claim, RateLimiter, Share, reserve_of
from bot.pacing.shared import TERM_S, RedisAway, SharedBudgets, Urgency
from connectors.base import Budget

UNANSWERED_S = 60.0
"""Seconds after which nobody waits for a call's answer any more; see `bot.reply.calls`."""

BEAT_S = 3.0
"""Seconds for which a window that Redis has lost counts as full: each process has told its own
slots by then."""

_LOST_S = 6.0
"""As much for a window that was there in this epoch, where that is over by then: somebody who spent
some of it may have died since."""

_LOOK_S = 0.5
"""Seconds after which Redis is asked again, whatever it said; it wakes who can go on earlier."""

_SOON_S = 0.05
"""Seconds after which a process asks again that is not the most urgent, though a slot is free."""

_ROUNDED_MS = 2
"""Milliseconds that rounding may cost a window."""

_PATIENCE_S = 1.5
"""Seconds after which a process that asks no more waits no more."""

_UNUSED_S = 0.05
"""Seconds after which a slot that was granted, and that no reply needs any more, is given back."""


@dataclass(slots=True)
class _Slot:
    at: float
    """When it was granted, or else answered."""
    answered: bool = False


class SharedLimiter(RateLimiter):
    """A budget of a process that may not be alone."""

    def __init__(self, budget: Budget, share: Share, expected: int, shared: SharedBudgets) -> None:
        self._shared = shared
        self.held = 0
        """Slots that this process holds, in the mode `parts`."""
        self.usable = 0
        """How many of them it uses: fewer, while it gives some back."""
        self.changed: Callable[[], object] = lambda: None
        """Called when more may be possible than was."""
        self.replies: Callable[[], int] = lambda: 0
        """Counts the replies that draw on it."""
        self.growing = 0
        """How many there were when they were last counted."""
        self._slots: dict[str, _Slot] = {}
        self._answered: list[str] = []
        self._returned: list[str] = []
        self._limited_s = 0.0
        self._granted: list[str] = []
        self._want: Callable[[], Urgency] | None = None
        self._asking = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._woken = asyncio.Event()
        self._generation = ""
        self.unknown = True
        """Whether Redis has to be told all of this process's slots."""
        self._seen: tuple[float, list[float], int, float] = (-math.inf, [], 0, 1.0)
        super().__init__(budget, share, expected)

    @property
    def key(self) -> str:
        """The budget's."""
        return self._budget.key

    @property
    def calls(self) -> int:
        """How many slots the budget has."""
        return self._budget.calls

    @property
    def seconds(self) -> float:
        """The budget's window."""
        return self._budget.seconds

    def count(self) -> int:
        """How many replies draw on it now."""
        self.growing = self.replies()
        return self.growing

    # Slots that are held.

    def spent(self) -> int:
        """How many slots this process's calls still take."""
        return sum(at > _now() - self.window() for at in self._made)

    def hold_what_was_spent(self, clear_at: float) -> None:
        """From now on only the slots are used again that still count at this time of the loop.

        What counts no more by then Redis may have granted to others, who did not know yet.
        """
        later = max(clear_at, _now())
        spent = sum(at > later - self.window() for at in self._made)
        self.held = self.usable = min(self._budget.calls, spent)

    def begin_epoch(self) -> None:
        """What Redis granted and was not used, nobody counts any more."""
        self._granted.clear()
        self.unknown = True

    def hold(self, held: int, usable: int) -> None:
        """Sets how many slots this process holds, and uses."""
        more = usable > self.usable
        self.held, self.usable = held, usable
        if more:
            self.changed()

    # What a rate limiter does.

    async def draw(
        self,
        claim: Claim,
        leaves: int | None = None,
        urgency: Callable[[], Urgency] | None = None,
    ) -> float:
        """Waits until a call may be made, as `RateLimiter` does; `urgency` is asked each time."""
        began = _now()
        if self._shared.mode != "redis":
            call = await super().draw(claim, leaves)
            self._slots[uuid4().hex] = _Slot(call)
        else:
            if not self.store and claim is Claim.MIDDLE:
                await self._even()
            call = await self._drawn(urgency or (lambda: (claim, True, 0.0)))
        self._shared.waited(self.key, _now() - began)
        return call

    async def _drawn(self, urgency: Callable[[], Urgency]) -> float:
        self._want = urgency
        try:
            while not self._granted:
                self._woken.clear()
                task = self._task(self._exchange())
                wait = await asyncio.shield(task)
                if not self._granted:
                    await self._pause(wait)
        finally:
            self._want = None
        call, slot = _now(), self._granted.pop(0)
        self._slots[slot] = _Slot(call)
        self._made.append(call)
        return call

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(min(max(seconds, _SOON_S), _LOOK_S)):
                await self._woken.wait()
        except TimeoutError:
            pass

    def wake(self) -> None:
        """Asks Redis again now."""
        self._woken.set()

    def give_back(self, call: float) -> None:
        """Takes back a call that was not made after all."""
        super().give_back(call)
        if slot := self._slot_at(call):
            del self._slots[slot]
            if self._shared.mode == "redis":
                self._returned.append(slot)
                self.tell()

    def answered(self, call: float) -> None:
        """A call that was made at this time counts from now on."""
        super().answered(call)
        if slot := self._slot_at(call):
            self._slots[slot] = _Slot(_now(), answered=True)
            if self._shared.mode == "redis":
                self._answered.append(slot)
                self.tell()

    def limited(self, retry_after: float) -> None:
        """Pauses for `retry_after` seconds and lowers the rate, in all processes."""
        super().limited(retry_after)
        if self._shared.mode == "redis":
            self._limited_s = max(self._limited_s, retry_after)
            self.tell()

    def left(self, within: float) -> float:
        """How many calls this process's part allows within this many seconds from now on."""
        if self._shared.mode != "redis":
            return super().left(within)
        at, used, _, _ = self._seen
        since = _now() - at
        taken = sum(remaining - since > within for remaining in used)
        return (self._budget.calls - taken) * self._of_all()

    def forgettable_at(self) -> float:
        """When this can be dropped if no further call is made."""
        latest = max((self._counts_until(slot) for slot in self._slots.values()), default=0.0)
        return max(super().forgettable_at(), latest)

    def _moving(self) -> bool:
        return self._shared.mode != "alone" or super()._moving()

    def _part(self, at: float) -> float:
        mode = self._shared.mode
        if mode == "alone" or (mode == "parts" and not self.store):
            return super()._part(at)
        if mode == "redis":
            return self._budget.calls * self._of_all()
        usable = min(self.usable, super()._part(at)) if self._shared.equal else self.usable
        return max(1.0, usable)

    def _rate(self) -> float:
        return min(super()._rate(), self._seen[3])

    def _room_at(self, claim: Claim, leaves: int | None) -> float:
        room = super()._room_at(claim, leaves)
        if self._shared.mode != "parts":
            return room
        if not self.store:  # flows are divided evenly, once what Redis granted counts no more
            return max(room, self._shared.clear_at + self._budget.seconds)
        if self.usable and self._shared.clear:
            return room
        self._shared.wanted()
        return math.inf

    def _of_all(self) -> float:
        """This process's replies among those of all."""
        mine = max(1, self.growing)
        return mine / max(mine, self._seen[2])

    # What is told to Redis, and what it says.

    def tell(self) -> None:
        """Tells Redis soon what has happened."""
        self._task(self._exchange())

    async def exchange(self) -> None:
        """Tells Redis of this process's slots, where it has lost them, and hears of the others."""
        await self._exchange()

    def _task(self, work: Any) -> asyncio.Task[float]:
        task = asyncio.get_running_loop().create_task(work, name="redis")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _exchange(self) -> float:
        """One step in Redis; returns the seconds after which it may be of use to ask again."""
        async with self._asking:
            if self._shared.mode != "redis" or self._shared.scripts is None:
                return _LOOK_S
            told, epoch, asked_at = self._told(), self._shared.epoch, _now()
            answered, returned, limited_s = self._answered, self._returned, self._limited_s
            self._answered, self._returned, self._limited_s = [], [], 0.0
            try:
                said = await self._shared.scripts.ask(self.key, epoch, told)
            except RedisAway:
                self._answered += answered
                self._returned += returned
                self._limited_s = max(limited_s, self._limited_s)
                self._shared.failed()
                return _LOOK_S
            self._shared.told_time(said, epoch, asked_at)
            if (self._shared.mode, self._shared.epoch) != ("redis", epoch):
                return _LOOK_S
            return self._hear(said, str(told["slot"]))

    def _hear(self, said: dict[str, Any], slot: str) -> float:
        used = [remaining / 1000 for remaining in said["used"] or ()]
        self._seen = (_now(), used, int(said["growing"]), float(said["rate"]))
        if said["lapsed"]:
            self._shared.lapse(surely=True)
        if said["granted"]:
            self._granted.append(slot)
            if self._want is None:
                asyncio.get_running_loop().call_later(_UNUSED_S, self._return_unused)
        if said["generation"] != self._generation:
            self._generation = said["generation"]
            self.unknown = True
            self.tell()
        return float(said["wait"]) / 1000

    def _return_unused(self) -> None:
        if self._want is None and self._granted:
            self._returned += self._granted
            self._granted.clear()
            self.tell()

    def _told(self) -> dict[str, Any]:
        now, window_ms = _now(), math.ceil(self._budget.seconds * 1000) + _ROUNDED_MS
        self._forget_slots(now)
        claim, later, rank = (-1, True, 0.0) if self._want is None else self._want()
        counted: Iterable[tuple[str, _Slot]] = self._slots.items() if self.unknown else ()
        self.unknown = False
        return {
            "process": self._shared.me,
            "slot": uuid4().hex,
            "calls": self._budget.calls,
            "window": window_ms,
            "deadline": round(UNANSWERED_S * 1000),
            "beat": round(self._beat_s() * 1000),
            "age": round(self._shared.age_s * 1000),
            "term": round(TERM_S * 1000),
            "patience": round(_PATIENCE_S * 1000),
            "spare": max(1, round(reserve_of(self._budget.calls) / 2)) if self.store else 0,
            "limited": math.ceil(self._limited_s * 1000),
            "heard": self._shared.time_passed(),
            "counted": [
                [name, math.ceil((self._counts_until(slot) - now) * 1000) + _ROUNDED_MS]
                for name, slot in counted
            ],
            "answered": [
                [name, math.floor((now - self._slots[name].at) * 1000)]
                for name in self._answered
                if name in self._slots
            ],
            "returned": self._returned,
            "waits": {
                "claim": int(claim), "behind": later, "rank": rank,
                "growing": self.count(), "expected": self.expected,
            },
        }  # fmt: skip

    def _beat_s(self) -> float:
        if self._shared.heard_in_epoch:
            return max(BEAT_S, min(self.window_s(), _LOST_S))
        return BEAT_S

    def _slot_at(self, call: float) -> str | None:
        found = (n for n, slot in self._slots.items() if slot.at == call and not slot.answered)
        return next(found, None)

    def _forget_slots(self, now: float) -> None:
        for name in [n for n, slot in self._slots.items() if self._counts_until(slot) <= now]:
            del self._slots[name]

    def _counts_until(self, slot: _Slot) -> float:
        return slot.at + self.window_s() + (0.0 if slot.answered else UNANSWERED_S)

    def window_s(self) -> float:
        """The budget's window, and longer after a 429."""
        return self._budget.seconds / self._rate()


def _now() -> float:
    return asyncio.get_running_loop().time()
