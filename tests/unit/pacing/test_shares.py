"""Several processes share one budget, on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.pacing import Pacing
from bot.pacing.limiter import Share
from connectors.base import Budget
from tests.unit.pacing.test_pacing import Fixed

SLACK = Budget("slack/T/chat.update", 50, 60.0)
DISCORD = Budget("discord/C", 4, 5.0)


async def spending(pacing: Pacing, budget: Budget, calls: list[float], seconds: float) -> None:
    """A process that makes every call that it may."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    reply = Fixed()
    while loop.time() < until:
        await pacing.turn(budget, reply)
        calls.append(loop.time())
        reply.since = loop.time()


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


async def burst(pacing: Pacing, budget: Budget, calls: list[float]) -> None:
    """A process that makes all its calls at once whenever it may."""
    for _ in range(3 * budget.calls):
        await pacing.turn(budget, Fixed(ended=True))
        calls.append(asyncio.get_running_loop().time())


@pytest.mark.parametrize("budget", [SLACK, DISCORD], ids=["slack", "discord"])
@pytest.mark.parametrize("before", [0.0, 0.25, 0.5, 0.75, 0.99])
@pytest.mark.parametrize("after", [0.01, 0.1, 0.5, 0.9])
async def test_bursts_around_a_newcomers_start_stay_within_the_budget_once_all_know(
    budget: Budget, before: float, after: float
) -> None:
    """From one window after the old process knows of the new one, whenever each calls."""
    old_calls: list[float] = []
    new_calls: list[float] = []
    old, new = Pacing(), Pacing()
    old.divide("slack", 1)
    old.divide("discord", 1)
    await asyncio.sleep(600)
    for _ in range(budget.calls):
        await old.turn(budget, Fixed(ended=True))
    await asyncio.sleep(before * budget.seconds)
    known = asyncio.get_running_loop().time()
    for pacing in (old, new):
        pacing.divide(budget.key.partition("/")[0], 2)
    bursts = [asyncio.create_task(burst(new, budget, new_calls))]
    await asyncio.sleep(after * budget.seconds)
    bursts.append(asyncio.create_task(burst(old, budget, old_calls)))
    await asyncio.gather(*bursts)
    calls = [at for at in (*old_calls, *new_calls) if at > known]
    assert most(sorted(calls), budget.seconds) <= budget.calls + 1
    late = sorted(calls)
    settled = [
        sum(at - budget.seconds < other <= at for other in late)
        for at in late
        if at > known + budget.seconds
    ]
    assert max(settled) <= budget.calls


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


@given(
    st.lists(st.tuples(st.booleans(), st.floats(0.0, 100.0)), max_size=12),
    st.sampled_from([1.0, 60.0]),
)
def test_the_parts_of_all_who_live_never_sum_to_more_than_the_budget(
    changes: list[tuple[bool, float]], window: float
) -> None:
    """Processes come and go at any time, and all know of it at once."""
    living = [Share()]
    living[0].divide(1, 0.0)
    at = 0.0
    for comes, later in [*changes, (True, 200.0)]:
        for step in range(21):
            now = at + later * step / 20
            assert sum(share.part(now, window) for share in living) <= 1.0 + 1e-9
        at += later
        if comes:
            living.append(Share())
        elif len(living) > 1:
            living.pop(0)
        for share in living:
            share.divide(len(living), at)
    for share in living:
        assert share.part(at + 2 * window, window) == 1 / len(living)


async def test_more_processes_than_calls_keep_to_the_rate_of_the_budget() -> None:
    calls: list[float] = []
    processes = [Pacing() for _ in range(6)]
    for pacing in processes:
        pacing.divide("discord", 6)
    await asyncio.sleep(DISCORD.seconds)
    await asyncio.gather(*(spending(pacing, DISCORD, calls, 150.0) for pacing in processes))
    assert 0.8 * 4 / 5 <= len(calls) / 150 <= 1.1 * 4 / 5


async def test_while_ends_are_expected_all_other_calls_leave_them_room() -> None:
    for budget, ends in ((SLACK, 20), (DISCORD, 3)):
        pacing = Pacing()
        pacing.expect(budget, ends)
        growing = asyncio.create_task(spending(pacing, budget, [], 5 * budget.seconds))
        await asyncio.sleep(2.9 * budget.seconds)
        began = asyncio.get_running_loop().time()
        for _ in range(ends):
            await pacing.turn(budget, Fixed(ended=True))
        assert asyncio.get_running_loop().time() == began
        await growing


async def test_ends_that_are_expected_no_more_are_left_no_room() -> None:
    pacing = Pacing()
    pacing.expect(DISCORD, 3)
    await pacing.turn(DISCORD, Fixed())
    waiting = asyncio.create_task(pacing.turn(DISCORD, Fixed()))
    await asyncio.sleep(3)
    assert not waiting.done()
    pacing.expect(DISCORD, 0)
    await waiting
    assert 3 <= asyncio.get_running_loop().time() < DISCORD.seconds
