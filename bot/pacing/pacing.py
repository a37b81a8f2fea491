"""All budgets that this process draws on."""

from __future__ import annotations

import asyncio

from bot.pacing.demand import Lengths
from bot.pacing.meter import Meter
from bot.pacing.plan import Plan
from bot.pacing.scope import Scope
from bot.pacing.shares import Share
from bot.pacing.waiting import Waiting
from connectors.base import Budget


class Pacing:
    """Shares every budget among the replies that draw on it. Belongs to one event loop."""

    def __init__(self) -> None:
        self._scopes: dict[str, Scope] = {}
        self._shares: dict[str, Share] = {}
        self._expected: dict[str, int] = {}
        self._lengths = Lengths()

    @property
    def remembered(self) -> int:
        """How many budgets it knows of: those in use and those whose window still counts."""
        return len(self._scopes)

    async def turn(self, budget: Budget, waiting: Waiting) -> None:
        """Returns when this reply may make one call, and should make it now.

        Whoever is cancelled here leaves; a turn that it was already given goes to the next. What
        a reply raises when it is asked is raised for all that wait with it.
        """
        await self._scope(budget).turn(waiting)

    def nudge(self, budget: Budget) -> None:
        """Decides anew: a reply that waits has changed (it ended)."""
        if scope := self._scopes.get(budget.key):
            scope.look()

    def limited(self, budget: Budget, retry_after: float) -> None:
        """The platform refused a call: `retry_after` seconds of quiet, then a lower rate."""
        scope = self._scope(budget)
        scope.meter.limited(retry_after)
        scope.look()

    def divide(self, connector: str, processes: int) -> None:
        """So many processes, this one counted, share each budget of a connector."""
        if self._share(connector).divide(processes, asyncio.get_running_loop().time()):
            for key, scope in self._scopes.items():
                if _connector(key) == connector:
                    scope.look()

    def expect(self, budget: Budget, ends: int) -> None:
        """So many last edits are to come soon: all other calls leave room for them."""
        if self._expected.get(budget.key, 0) == ends:
            return
        self._expected[budget.key] = ends
        if scope := self._scopes.get(budget.key):
            scope.meter.expected = ends
            scope.look()

    def _scope(self, budget: Budget) -> Scope:
        key = budget.key
        if key not in self._scopes:
            meter = Meter(budget, self._share(_connector(key)), self._expected.get(key, 0))
            plan = self._plan(meter) if meter.store else None
            self._scopes[key] = Scope(meter, plan, lambda: self._scopes.pop(key))
        return self._scopes[key]

    def _plan(self, meter: Meter) -> Plan:
        return Plan(meter, self._lengths)

    def _share(self, connector: str) -> Share:
        return self._shares.setdefault(connector, Share())


def _connector(key: str) -> str:
    """The connector of a budget: its name is what the budget's key begins with."""
    return key.replace(":", "/").partition("/")[0]
