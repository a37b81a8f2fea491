"""What is expected of replies, and how a store is spent by it."""

from __future__ import annotations

import asyncio

import pytest

from bot.pacing import Pacing
from bot.pacing.plan import Demand, Lengths
from tests.unit.pacing.test_pacing import SLACK, Fixed, Reply, now, spend


def test_the_longer_a_reply_has_gone_on_the_longer_it_is_expected_to() -> None:
    demand, reply = Demand(Lengths()), Fixed(since=0.0)
    demand.look([reply], 0.0)
    young = demand.left(reply, 0.0)
    demand.look([reply], 12.0)
    assert demand.left(reply, 12.0) > young + 3


def test_how_long_replies_go_on_is_learnt_from_those_that_have_ended() -> None:
    lengths = Lengths()
    before = lengths.mean([])
    for _ in range(200):
        lengths.ended(60.0)
    assert before < 10
    assert 50 < lengths.mean([]) < 60


def test_within_a_longer_time_more_ends_are_expected_and_never_more_than_there_are() -> None:
    demand = Demand(Lengths())
    replies = [Fixed(since=0.0) for _ in range(4)]
    for second in range(0, 140, 10):
        demand.look(replies, float(second))
    outlook = demand.outlook(130.0)
    ends = [outlook.within(seconds)[1] for seconds in (5.0, 20.0, 60.0)]
    assert ends == sorted(ends)
    assert 0 < ends[0] < ends[-1] < 4.5
    growing = [outlook.within(seconds)[0] for seconds in (5.0, 20.0, 60.0)]
    assert all(
        0 < each <= 4.5 * seconds for each, seconds in zip(growing, (5, 20, 60), strict=True)
    )


def test_replies_are_expected_to_come_as_they_came_and_no_more_once_they_have_stopped() -> None:
    few, many = Demand(Lengths()), Demand(Lengths())
    came = [Fixed(since=0.0) for _ in range(20)]
    for second in range(10):
        few.look(came[: 1 + second // 5], float(second))
        many.look(came[: 2 * second + 2], float(second))
    assert many.outlook(10.0).within(30.0)[1] > 4 * few.outlook(10.0).within(30.0)[1]
    for reply in came:
        reply.ended = True
    many.look([], 60.0)
    assert many.growing == 0
    assert many.outlook(60.0).within(30.0)[1] < 1


def test_a_reply_that_waits_no_more_without_an_end_is_forgotten() -> None:
    demand = Demand(Lengths())
    demand.look([Fixed(since=0.0)], 0.0)
    demand.look([], 10.0)
    assert demand.growing == 1
    demand.look([], 16.0)
    assert demand.growing == 0


async def test_where_first_texts_and_ends_use_up_a_store_middles_leave_them_nearly_all() -> None:
    """Here both are calls of one budget: 22 of each."""
    pacing, replies = Pacing(), []

    async def ask(second: float) -> None:
        await asyncio.sleep(second)
        replies.append(Reply(pacing, SLACK, rate=100, length=4 + second % 7))
        await replies[-1].run()

    await asyncio.gather(*(ask(i * 1.4) for i in range(22)))
    assert sum(reply.whole_after > 0.01 for reply in replies) <= 2


@pytest.mark.parametrize("together", [2, 5, 10])
async def test_replies_that_go_on_for_long_never_fall_silent(together: int) -> None:
    pacing = Pacing()
    replies = [Reply(pacing, SLACK, rate=100, length=300) for _ in range(together)]
    await asyncio.gather(*(reply.run() for reply in replies))
    even = 60 / (50 - 49 / 6)
    assert max(gap for reply in replies for gap in reply.gaps) <= 3.5 * together * even + 2


async def test_a_lone_reply_after_a_burst_still_has_its_end_at_once() -> None:
    pacing = Pacing()
    await spend(pacing, SLACK, 40)
    reply = Reply(pacing, SLACK, rate=100, length=30)
    await reply.run()
    assert reply.whole_after == pytest.approx(0.0, abs=1e-6)
    assert now() < 31
