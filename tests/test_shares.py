"""Several processes share one budget, on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bot.pacing import Pacing
from bot.shares import Share
from connectors.base import Budget
from tests.test_pacing import Fixed

SLACK = Budget("slack/T/chat.update", 50, 60.0)
DISCORD = Budget("discord/C", 4, 5.0)


async def spending(pacing: Pacing, budget: Budget, calls: list[float], seconds: float) -> None:
    """A process that makes every call that it may."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while loop.time() < until:
        await pacing.turn(budget, Fixed())
        calls.append(loop.time())


def most(calls: Sequence[float], window: float) -> int:
    """The most calls that any window holds."""
    return max(sum(at - window < other <= at for other in calls) for at in calls)


async def test_processes_share_a_budget_and_each_has_a_fair_part() -> None:
    for budget in (SLACK, DISCORD):
        each: list[list[float]] = [[], [], []]
        processes = [Pacing() for _ in each]
        for pacing in processes:
            pacing.divide(budget.key.partition("/")[0], 3)
        await asyncio.gather(
            *(spending(p, budget, c, 300.0) for p, c in zip(processes, each, strict=True))
        )
        assert most(sorted(at for calls in each for at in calls), budget.seconds) <= budget.calls
        assert min(map(len, each)) > 0.8 * max(map(len, each))


async def test_one_that_comes_and_goes_costs_no_call_over_the_budget() -> None:
    calls: list[float] = []
    old, new = Pacing(), Pacing()
    old.divide("slack", 1)
    working = asyncio.create_task(spending(old, SLACK, calls, 600.0))
    await asyncio.sleep(120)
    new.divide("slack", 2)
    joining = asyncio.create_task(spending(new, SLACK, calls, 120.0))
    await asyncio.sleep(2)  # a beat and a look
    old.divide("slack", 2)
    await joining
    old.divide("slack", 1)
    left = asyncio.get_running_loop().time()
    await working
    assert most(sorted(calls), SLACK.seconds) <= SLACK.calls + 1
    assert sum(at > left + 2 * SLACK.seconds for at in calls) / 240 > 0.6, "its own again"


def test_a_newcomers_part_grows_evenly_and_the_others_shrink_as_evenly() -> None:
    old, new = Share(), Share()
    old.divide(1, 0.0)
    assert old.part(0.0, 60.0) == 1.0
    old.divide(2, 100.0)
    new.divide(2, 100.0)
    for after in (0.0, 15.0, 30.0, 45.0, 60.0, 600.0):
        assert abs(old.part(100.0 + after, 60.0) + new.part(100.0 + after, 60.0) - 1.0) < 1e-9
    assert new.part(100.0, 60.0) == 0.0
    assert new.part(160.0, 60.0) == 0.5


def test_a_part_grows_again_only_once_the_calls_of_who_went_count_no_more() -> None:
    share = Share()
    share.divide(2, 0.0)
    share.divide(1, 100.0)
    assert share.part(159.0, 60.0) == 0.5
    assert share.part(160.0, 60.0) == 1.0
