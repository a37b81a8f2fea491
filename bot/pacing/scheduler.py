"""All budgets that this process draws on, and the queue of replies that wait on each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bot.pacing.limiter import Claim, Claimant, RateLimiter, Share
from bot.pacing.plan import Lengths, Plan
from bot.pacing.shared import SharedBudgets, Urgency
from bot.pacing.shared_limiter import SharedLimiter
from connectors.base import Budget

_ROUNDS = 2
"""Rounds of all waiting replies after which one goes before those that are further behind."""

_LOOK_S = 0.5
"""Seconds after which a store's plan is made again while replies wait."""

FASTEST_S = 0.3
"""Fewest seconds between two middles of a reply, unless told otherwise: what readers notice."""


def _now() -> float:
    return asyncio.get_running_loop().time()


class Waiter:
    """One reply in the queue."""

    def __init__(self, waiting: Claimant) -> None:
        self.waiting = waiting
        self.granted: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def claim(self) -> Claim:
        """What it wants a call for now."""
        return Claim.of(self.waiting)

    def rank(self, patience: float) -> tuple[Claim, bool, float]:
        """Sort key, the most urgent first; `patience` is in seconds."""
        claim, since = self.claim(), self.waiting.since
        waited = _now() - since
        if claim is Claim.FIRST or waited > patience:
            return claim, False, since
        weight = 1.0 if claim is Claim.END else waited
        return claim, True, -weight * (self.waiting.unseen + 1)


class BudgetQueue:
    """The replies that wait on one budget, and the dispatcher, a task that grants one call.

    The dispatcher is started again whenever something has changed; without waiting replies, none
    runs, and `forget` is called once the budget's past doesn't matter any more.
    """

    def __init__(self, meter: RateLimiter, plan: Plan | None, forget: Callable[[], object]) -> None:
        self.meter = meter
        self._plan = plan
        self._forget = forget
        self._waiters: list[Waiter] = []
        self.coming = 0
        """How many replies will draw on it, whether they wait or not."""
        self._loop = asyncio.get_running_loop()
        self._next: asyncio.Task[None] | asyncio.Handle = self._loop.call_soon(forget)

    async def turn(self, waiting: Claimant) -> float:
        """Returns when this reply may make a call, which counts as made then: that time."""
        waiter = Waiter(waiting)
        self._waiters.append(waiter)
        self.look()
        try:
            return await waiter.granted
        except asyncio.CancelledError:
            # The call may have been granted at the moment of the cancel. It was not made, so it is
            # given back to the others.
            if not (waiter.granted.cancelled() or waiter.granted.exception()):
                self.meter.give_back(waiter.granted.result())
            raise
        finally:
            self._waiters.remove(waiter)
            self.look()

    def look(self) -> None:
        """Starts the dispatcher again. As a task, it decides after everything of this moment."""
        self._next.cancel()
        if self._waiters:
            self._next = self._loop.create_task(self._dispatch(), name="pacing")
            self._next.add_done_callback(self._dispatched)
        elif not self.coming:
            self._next = self._loop.call_at(self.meter.forgettable_at(), self._forget)

    async def _dispatch(self) -> None:
        """Grants one call, to the reply that is the most urgent when the call may be made."""
        while (wait := self._until_due()) > 0:  # noqa: ASYNC110 - it waits for a time
            await asyncio.sleep(min(wait, _LOOK_S))
        if first := self._most_urgent():
            claim = first.claim()
            if isinstance(self.meter, SharedLimiter):
                call = await self.meter.draw(claim, self._leaves(claim), self._urgency)
            else:
                call = await self.meter.draw(claim, self._leaves(claim))
            if waiter := self._most_urgent():
                waiter.granted.set_result(call)
            else:
                self.meter.give_back(call)

    def _until_due(self) -> float:
        """Seconds until the first of the waiting replies is due, by the plan; 0 for a flow."""
        queue = self._queue()
        if self._plan is None or not queue:
            return 0.0
        self._plan.look([each.waiting for each in queue], _now())
        due_in = self._due_in()
        return min(map(due_in, queue))

    def growing(self) -> int:
        """How many replies draw on this budget now, whether they wait or not."""
        queue = self._queue()
        there = max(len(queue), self.coming)
        if self._plan is None:
            return there
        return max(there, self._plan.growing([each.waiting for each in queue], _now()))

    def _urgency(self) -> Urgency:
        """What the most urgent reply wants a call for, for other processes to compare."""
        first = self._most_urgent()
        if first is None:
            return Claim.MIDDLE, True, 0.0
        patience = _ROUNDS * len(self._queue()) * self.meter.spacing()
        claim, later, rank = first.rank(patience)
        return claim, later, rank if later else rank - _now()

    def _due_in(self) -> Callable[[Waiter], float]:
        """Seconds until a reply is due, as of now."""
        plan, now = self._plan, _now()
        if plan is None:
            return lambda _waiter: 0.0
        waits = plan.waits(now)

        def due_in(waiter: Waiter) -> float:
            if waiter.claim() is not Claim.MIDDLE:
                return 0.0
            return waiter.waiting.since + waits(waiter.waiting) - now

        return due_in

    def _leaves(self, claim: Claim) -> int | None:
        if self._plan is None:
            return None
        leaves = self._plan.leaves
        return {Claim.END: 0, Claim.FIRST: min(1, leaves // 2), Claim.MIDDLE: leaves}[claim]

    def _dispatched(self, dispatcher: asyncio.Task[None]) -> None:
        """If the dispatcher failed, raises its error in all waiting replies."""
        if not dispatcher.cancelled() and (error := dispatcher.exception()):
            for waiter in self._queue():
                waiter.granted.set_exception(error)

    def _most_urgent(self) -> Waiter | None:
        queue = self._queue()
        patience = _ROUNDS * len(queue) * self.meter.spacing()
        due_in = self._due_in()
        due = [waiter for waiter in queue if due_in(waiter) <= 0] or queue
        return min(due, key=lambda waiter: waiter.rank(patience), default=None)

    def _queue(self) -> list[Waiter]:
        # A granted or cancelled reply stays among the waiters until its own task runs next.
        return [waiter for waiter in self._waiters if not waiter.granted.done()]


# All budgets that this process draws on.


class Pacing:
    """Divides every budget among the replies that draw on it. Use it in one event loop only."""

    def __init__(self, fastest_s: float = FASTEST_S, shared: SharedBudgets | None = None) -> None:
        """`fastest_s` are the fewest seconds between two middles of a reply.

        `shared` is what this process shares with others; None where it is always alone.
        """
        self._fastest_s = fastest_s
        self._shared = shared
        self._scopes: dict[str, BudgetQueue] = {}
        self._shares: dict[str, Share] = {}
        self._expected: dict[str, int] = {}
        self._lengths = Lengths()

    @property
    def remembered(self) -> int:
        """How many budgets are kept: those in use, and those whose last calls still count."""
        return len(self._scopes)

    async def turn(self, budget: Budget, waiting: Claimant) -> float:
        """Returns when this reply may make one call; it should make it at once.

        What it returns is that time, by which `answered` knows the call.

        If it is cancelled, a call that was already granted goes to the next reply. An error that a
        reply's `Claimant` raises is raised in all replies that wait with it.
        """
        return await self._scope(budget).turn(waiting)

    def foresee(self, budget: Budget) -> None:
        """A reply will draw on a budget until `leave`: its part is dealt before it is needed, while
        there is somebody to deal it.
        """
        if (shared := self._shared) is not None and _connector(budget.key) in shared.connectors:
            scope = self._scope(budget)
            scope.coming += 1
            scope.look()
            shared.wanted()

    def leave(self, budget: Budget) -> None:
        """A reply that `foresee` told of has ended."""
        scope = self._scopes.get(budget.key)
        if scope is not None and scope.coming:
            scope.coming -= 1
            scope.look()

    def answered(self, budget: Budget, call: float) -> None:
        """The platform has answered a call, or nobody waits for that any more.

        When the platform counted it, is only known to be no later: so it counts from now on.
        """
        if scope := self._scopes.get(budget.key):
            scope.meter.answered(call)

    def nudge(self, budget: Budget) -> None:
        """Decides again, because a waiting reply has changed (it ended)."""
        if scope := self._scopes.get(budget.key):
            scope.look()

    def limited(self, budget: Budget, retry_after: float) -> None:
        """The platform refused a call: pauses for `retry_after` seconds, then uses a lower rate."""
        scope = self._scope(budget)
        scope.meter.limited(retry_after)
        scope.look()

    def divide(self, connector: str, processes: int) -> None:
        """Sets how many processes, including this one, share each budget of a connector."""
        if self._share(connector).divide(processes, asyncio.get_running_loop().time()):
            for key, scope in self._scopes.items():
                if _connector(key) == connector:
                    scope.look()

    def expect(self, budget: Budget, ends: int) -> None:
        """Sets how many ends will come soon; first texts and middles leave room for them."""
        if self._expected.get(budget.key, 0) == ends:
            return
        self._expected[budget.key] = ends
        if scope := self._scopes.get(budget.key):
            scope.meter.expected = ends
            scope.look()

    def _scope(self, budget: Budget) -> BudgetQueue:
        key = budget.key
        if key not in self._scopes:
            share, expected = self._share(_connector(key)), self._expected.get(key, 0)
            shared = self._shared
            meter: RateLimiter
            if shared is None or _connector(key) not in shared.connectors:
                meter = RateLimiter(budget, share, expected)
            else:
                meter = SharedLimiter(budget, share, expected, shared)
                shared.add(meter)
            plan = self._plan(meter) if meter.store else None
            queue = BudgetQueue(meter, plan, lambda: self._drop(key))
            if isinstance(meter, SharedLimiter):
                meter.changed, meter.replies = queue.look, queue.growing
            self._scopes[key] = queue
        return self._scopes[key]

    def _drop(self, key: str) -> None:
        del self._scopes[key]
        if self._shared is not None:
            self._shared.drop(key)

    def _plan(self, meter: RateLimiter) -> Plan:
        return Plan(meter, self._lengths, self._fastest_s)

    def _share(self, connector: str) -> Share:
        return self._shares.setdefault(connector, Share())


def _connector(key: str) -> str:
    """The connector of a budget, with whose name the budget's key begins."""
    return key.replace(":", "/").partition("/")[0]
