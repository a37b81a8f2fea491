"""Who may make the next call of a budget, on virtual time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.pacing import Claimant, Pacing
from connectors.base import AnswerText, Budget, Part
from connectors.memory import Budgets, MemoryConnector, like_discord, like_slack
from tests.doubles.clock import VirtualTimeLoop

SLACK = Budget("workspace", 50, 60.0)
DISCORD = Budget("channel", 4, 5.0)
SINGLE = Budget("single", 1, 1.0)
FLOW = Budget("flow", 10, 1.0)
TOLERANCE = 1e-6


def now() -> float:
    return asyncio.get_running_loop().time()


def even(budget: Budget) -> float:
    """Seconds between evenly spaced calls, without the reserve for ends."""
    reserve = max((budget.calls - 1) / 6, 1 if budget.calls > 2 else 0)
    return budget.seconds / (budget.calls - reserve)


@dataclass
class Fixed:
    """A reply that stands still, for tests of the order."""

    ended: bool = False
    blank: bool = False
    unseen: int = 10
    since: float = field(default_factory=now)


class Reply:
    """A reply that streams `rate` characters a second for `length` seconds, shown by turns."""

    def __init__(self, pacing: Pacing, budget: Budget, rate: float, length: float) -> None:
        self._pacing, self._budget = pacing, budget
        self._rate = rate
        self._began = self.since = now()
        self._ends = self._began + length
        self._shown = 0
        self.calls: list[float] = []

    @property
    def ended(self) -> bool:
        return now() >= self._ends

    @property
    def blank(self) -> bool:
        return not self.calls

    @property
    def unseen(self) -> int:
        return int((min(now(), self._ends) - self._began) * self._rate) - self._shown

    @property
    def gaps(self) -> list[float]:
        """Seconds between one call and the next."""
        return [after - before for before, after in pairwise(self.calls)]

    @property
    def first_after(self) -> float:
        return self.calls[0] - self._began

    @property
    def whole_after(self) -> float:
        return self.calls[-1] - self._ends

    async def run(self) -> None:
        asyncio.get_running_loop().call_at(self._ends, self._pacing.nudge, self._budget)
        done = False
        while not done:
            await self._pacing.turn(self._budget, self)
            done = self.ended
            self._shown += self.unseen
            self.since = now()
            self.calls.append(now())
            await asyncio.sleep(1 / self._rate)


def most_in_a_window(calls: Sequence[float], seconds: float) -> int:
    """The most calls that any window of so many seconds holds."""
    calls = sorted(calls)
    return max(
        sum(1 for call in calls[i:] if call < start + seconds - TOLERANCE)
        for i, start in enumerate(calls)
    )


async def turns_in_order(pacing: Pacing, budget: Budget, waiting: Sequence[Claimant]) -> list[int]:
    """Lets all wait at once; the order in which they get their turn."""
    order: list[int] = []

    async def wait(index: int) -> None:
        await pacing.turn(budget, waiting[index])
        order.append(index)

    await asyncio.gather(*(wait(index) for index in range(len(waiting))))
    return order


async def spend(pacing: Pacing, budget: Budget, calls: int) -> None:
    """Uses up so much of a budget at once."""
    for _ in range(calls):
        await pacing.turn(budget, Fixed(ended=True))


async def test_the_first_text_of_a_lone_reply_goes_at_once() -> None:
    await Pacing().turn(SLACK, Fixed(blank=True))
    assert now() == 0


@pytest.mark.parametrize(
    ("budget", "least", "most"),
    [
        pytest.param(Budget("channel", 5, 5.25), 0.95, 1.6, id="discord"),
        pytest.param(SINGLE, 1.00, 1.01, id="one-a-second"),
        pytest.param(Budget("quick", 20, 1.0), 0.05, 0.08, id="twenty-a-second"),
    ],
)
async def test_a_lone_reply_is_edited_evenly_at_nearly_the_full_rate(
    budget: Budget, least: float, most: float
) -> None:
    reply = Reply(Pacing(), budget, rate=100, length=300 * budget.seconds / budget.calls)
    await reply.run()
    middles = reply.gaps[:-1]
    assert len(middles) > 150
    assert all(least <= gap <= most for gap in middles)


async def test_a_reply_that_has_ended_goes_before_a_blank_one_and_that_before_a_middle() -> None:
    pacing = Pacing()
    await spend(pacing, DISCORD, 4)
    middle, blank, ended = Fixed(unseen=9999), Fixed(blank=True), Fixed(ended=True)
    assert await turns_in_order(pacing, DISCORD, [middle, blank, ended]) == [2, 1, 0]


async def test_the_order_holds_also_for_those_who_come_in_one_moment() -> None:
    waiting = [Fixed(), Fixed(blank=True), Fixed(ended=True)]
    assert await turns_in_order(Pacing(), SINGLE, waiting) == [2, 1, 0]


async def test_the_reader_furthest_behind_is_served_first() -> None:
    await asyncio.sleep(2)
    little_for_long, much_for_short = Fixed(unseen=10, since=0.0), Fixed(unseen=50, since=1.0)
    nothing_new = Fixed(unseen=0, since=0.5)
    waiting = [nothing_new, little_for_long, much_for_short]
    assert await turns_in_order(Pacing(), SINGLE, waiting) == [2, 1, 0]


async def test_a_slow_stream_is_not_overtaken_for_ever_by_fast_ones() -> None:
    pacing = Pacing()
    fast = [Reply(pacing, DISCORD, rate=500, length=300) for _ in range(5)]
    slow = Reply(pacing, DISCORD, rate=0.5, length=300)
    await asyncio.gather(*(reply.run() for reply in [*fast, slow]))
    assert max(slow.gaps) <= 3 * 6 * DISCORD.seconds / 3.5


async def test_a_reply_that_ends_while_it_waits_goes_to_the_front() -> None:
    pacing = Pacing()
    await spend(pacing, DISCORD, 4)
    first, second = Fixed(unseen=9999, since=-10.0), Fixed()
    order = asyncio.ensure_future(turns_in_order(pacing, DISCORD, [first, second]))
    await asyncio.sleep(1)
    second.ended = True
    pacing.nudge(DISCORD)
    assert await order == [1, 0]


async def test_an_end_uses_the_call_that_the_middle_of_a_lone_reply_has_to_leave() -> None:
    pacing = Pacing()
    reply = Reply(pacing, SLACK, rate=100, length=120)
    streaming = asyncio.ensure_future(reply.run())
    await asyncio.sleep(100)
    began = now()
    await spend(pacing, SLACK, 1)
    assert now() == began
    await streaming


async def test_a_middle_of_a_store_leaves_four_calls_to_ends() -> None:
    pacing = Pacing()
    replies = [Reply(pacing, SLACK, rate=100, length=300) for _ in range(10)]
    streaming = [asyncio.ensure_future(reply.run()) for reply in replies]
    for _ in range(50):
        await asyncio.sleep(5.7)
        began = now()
        await spend(pacing, SLACK, 1)
        assert now() == began
    await asyncio.gather(*streaming)


async def test_replies_that_begin_together_spend_a_store_while_they_last() -> None:
    pacing = Pacing()
    replies = [Reply(pacing, SLACK, rate=100, length=25) for _ in range(4)]
    await asyncio.gather(*(reply.run() for reply in replies))
    made = [call for reply in replies for call in reply.calls]
    evenly = 25 / 60 * (50 - 49 / 6)
    assert len(made) > 1.5 * evenly
    assert max(reply.whole_after for reply in replies) == 0
    gaps = [gap for reply in replies for gap in reply.gaps[:-1]]
    assert 1.4 <= min(gaps) < max(gaps) <= 1.5 * 4 * 60 / (50 - 49 / 6) + 0.01


async def test_the_middles_of_a_lone_reply_spend_what_a_store_has() -> None:
    reply = Reply(Pacing(), SLACK, rate=100, length=12)
    await reply.run()
    late = [gap for at, gap in zip(accumulate(reply.gaps), reply.gaps, strict=True) if at > 6]
    assert len(late) > 5
    assert all(0.3 <= gap <= 1 for gap in late[:-1])
    assert reply.whole_after == 0


async def test_no_middles_of_a_reply_are_closer_than_a_reader_notices() -> None:
    reply = Reply(Pacing(fastest_s=2.0), SLACK, rate=100, length=12)
    await reply.run()
    assert all(2 <= gap < 2.1 for gap in reply.gaps[:-1])


async def test_under_steady_use_no_reply_falls_silent_and_each_end_is_at_once() -> None:
    pacing, chance = Pacing(), random.Random(1)  # noqa: S311 - lengths, not secrets
    replies = []

    async def ask(number: int) -> None:
        await asyncio.sleep(20 * number)
        replies.append(Reply(pacing, SLACK, rate=100, length=chance.uniform(3, 25)))
        await replies[-1].run()

    await asyncio.gather(*(ask(number) for number in range(30)))
    assert max(gap for reply in replies for gap in reply.gaps) < 6
    assert max(reply.whole_after for reply in replies) == 0


async def test_a_call_counts_from_its_answer_on() -> None:
    """When the platform counted it, is only known to be no later."""
    pacing, budget = Pacing(), Budget("slow", 2, 10.0)
    calls = [await pacing.turn(budget, Fixed(ended=True)) for _ in range(2)]
    await asyncio.sleep(4)
    for call in calls:
        pacing.answered(budget, call)
    await pacing.turn(budget, Fixed(ended=True))
    assert now() == 14


async def test_no_share_of_a_store_is_waited_for_longer_than_one_and_a_half_rounds() -> None:
    pacing = Pacing()
    replies = [Reply(pacing, SLACK, rate=100, length=200) for _ in range(20)]
    await asyncio.gather(*(reply.run() for reply in replies))
    a_round = 20 * 60 / (50 - 49 / 6)
    assert max(gap for reply in replies for gap in reply.gaps) <= 2 * a_round


async def test_of_two_that_have_ended_the_one_that_lacks_more_is_shown_first() -> None:
    waiting = [Fixed(ended=True, unseen=3), Fixed(ended=True, unseen=900)]
    assert await turns_in_order(Pacing(), SINGLE, waiting) == [1, 0]


@pytest.mark.parametrize("budget", [SLACK, DISCORD], ids=["slack", "discord"])
async def test_an_end_does_not_wait_behind_middles(budget: Budget) -> None:
    pacing = Pacing()
    chance = random.Random(5)  # noqa: S311 - arrivals, not secrets
    replies = []

    async def ask() -> None:
        await asyncio.sleep(chance.uniform(0, 60))
        reply = Reply(pacing, budget, chance.choice([20, 80, 200]), chance.uniform(20, 60))
        replies.append(reply)
        await reply.run()

    await asyncio.gather(*(ask() for _ in range(10)))
    assert max(reply.whole_after for reply in replies) <= even(budget)
    # A store may be empty when a reply begins; on Slack first texts have a budget of their own.
    assert max(reply.first_after for reply in replies) <= (5 if budget is SLACK else 2) * even(
        budget
    )


@pytest.mark.thorough
async def test_two_hundred_replies_on_one_budget_all_get_their_turns() -> None:
    pacing = Pacing()
    replies = [Reply(pacing, SLACK, rate=20 + index, length=1000) for index in range(200)]
    running = [asyncio.ensure_future(reply.run()) for reply in replies]
    await asyncio.sleep(999)
    a_round = 200 * 60 / (50 - 49 / 6)
    assert all(gap <= 3 * a_round for reply in replies for gap in reply.gaps)
    assert all(now() - reply.calls[-1] <= 3 * a_round for reply in replies)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


@settings(max_examples=100, deadline=None)
@given(
    calls=st.sampled_from([1, 2, 4, 5, 20, 50]),
    seconds=st.sampled_from([1.0, 5.0, 60.0]),
    replies=st.lists(
        st.tuples(st.floats(0, 2), st.floats(1, 200), st.floats(0, 2)), min_size=1, max_size=12
    ),
)
def test_no_window_ever_holds_more_calls_than_the_budget(
    calls: int, seconds: float, replies: list[tuple[float, float, float]]
) -> None:
    """Arrivals and lengths are in windows, so that bursts and steady use mix at every scale."""
    budget = Budget("any", calls, seconds)

    async def scene() -> list[float]:
        pacing = Pacing()
        all_calls: list[float] = []

        async def ask(start: float, rate: float, length: float) -> None:
            await asyncio.sleep(start * seconds)
            reply = Reply(pacing, budget, rate * calls / seconds, length * seconds)
            await reply.run()
            all_calls.extend(reply.calls)

        await asyncio.gather(*(ask(*reply) for reply in replies))
        return all_calls

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        made = runner.run(scene())
    assert most_in_a_window(made, seconds) <= calls


async def test_a_burst_and_what_follows_it_share_one_window() -> None:
    """A leaky bucket of fifty would let nearly a hundred through in the first minute."""
    pacing = Pacing()
    made = []
    for _ in range(120):
        await pacing.turn(SLACK, Fixed(ended=True))
        made.append(now())
    assert most_in_a_window(made, 60.0) == 50


@pytest.mark.parametrize("budgets", [like_slack, like_discord], ids=["slack", "discord"])
async def test_a_platform_that_keeps_count_refuses_no_paced_call(budgets: Budgets) -> None:
    pacing, connector = Pacing(), MemoryConnector(budgets=budgets, latency=0.3)
    budget = connector.budget(connector.place, "edit")

    async def answer(text: str) -> None:
        post = connector.budget(connector.place, "post")
        await pacing.turn(post, Fixed(blank=True))
        shown = await connector.post(connector.place, Part(None, 0, AnswerText(text)), key=text)
        for i in range(30):
            await pacing.turn(budget, Fixed(ended=i % 3 == 0))
            await connector.edit(shown.ref, Part(None, 0, AnswerText(f"{text} {i}")))

    await asyncio.gather(*(answer(f"answer {i}") for i in range(10)))
    assert not [call for call in connector.platform.calls if call.error]


async def test_budgets_with_different_keys_do_not_wait_for_each_other() -> None:
    pacing = Pacing()
    await spend(pacing, Budget("one", 4, 5.0), 4)
    await spend(pacing, Budget("other", 4, 5.0), 4)
    assert now() == 0


async def test_a_waiter_that_is_cancelled_leaves_and_costs_nothing() -> None:
    pacing = Pacing()
    await spend(pacing, SINGLE, 1)
    leaving = asyncio.ensure_future(pacing.turn(SINGLE, Fixed(ended=True)))
    staying = asyncio.ensure_future(pacing.turn(SINGLE, Fixed()))
    await asyncio.sleep(0.5)
    leaving.cancel()
    await staying
    assert now() == 1
    assert leaving.cancelled()


async def test_a_turn_given_to_a_waiter_in_the_moment_of_its_cancel_goes_to_the_next() -> None:
    pacing = Pacing()
    unlucky = asyncio.ensure_future(pacing.turn(SINGLE, Fixed(ended=True)))
    next_one = asyncio.ensure_future(pacing.turn(SINGLE, Fixed()))
    await asyncio.sleep(0)  # both wait now, and the decision is scheduled
    asyncio.get_running_loop().call_soon(unlucky.cancel)  # runs after it, before they wake
    await next_one
    assert unlucky.cancelled()
    assert now() == 0


async def test_a_waiter_that_is_cancelled_in_the_moment_of_a_decision_gets_no_turn() -> None:
    pacing = Pacing()
    unlucky = asyncio.ensure_future(pacing.turn(SINGLE, Fixed(ended=True)))
    next_one = asyncio.ensure_future(pacing.turn(SINGLE, Fixed()))
    await asyncio.sleep(0)  # both wait now, and the decision is scheduled
    unlucky.cancel()  # the decision comes before the waiter can leave
    await next_one
    assert unlucky.cancelled()
    assert now() == 0


async def test_a_refusal_stops_the_whole_budget_for_as_long_as_the_platform_asks() -> None:
    pacing = Pacing()
    waiting = asyncio.ensure_future(turns_in_order(pacing, SLACK, [Fixed(), Fixed(ended=True)]))
    pacing.limited(SLACK, retry_after=30)
    assert await waiting == [1, 0]
    assert now() >= 30


async def test_a_refusal_also_holds_back_those_who_come_after_it() -> None:
    pacing = Pacing()
    pacing.limited(SLACK, retry_after=30)
    await asyncio.sleep(10)
    await pacing.turn(SLACK, Fixed(ended=True))
    assert now() == 30


@pytest.mark.parametrize("budget", [SLACK, DISCORD, SINGLE], ids=["slack", "discord", "single"])
async def test_after_a_refusal_the_rate_is_lower_and_comes_back_in_steps(budget: Budget) -> None:
    pacing = Pacing()
    pacing.limited(budget, retry_after=1)
    reply = Reply(pacing, budget, rate=100, length=1 + 8 * budget.seconds)
    await reply.run()
    windows = [
        [call for call in reply.calls if 0 <= call - 1 - i * budget.seconds < budget.seconds]
        for i in range(8)
    ]
    full = even(budget)
    gaps = reply.gaps[:-1]
    assert len(windows[0]) <= 0.7 * budget.calls + 1
    assert gaps[0] >= full / 0.7
    assert gaps[-1] <= 1.15 * full
    counts = [len(window) for window in windows]
    assert counts[-1] >= counts[0]
    assert all(after >= before - 1 for before, after in pairwise(counts))


async def test_several_refusals_of_one_pause_lower_the_rate_once() -> None:
    async def first_gap(refusals: int) -> float:
        pacing, budget = Pacing(), Budget(f"refused {refusals} times", 1, 1.0)
        for _ in range(refusals):
            pacing.limited(budget, retry_after=1)
        await spend(pacing, budget, 1)
        began = now()
        await spend(pacing, budget, 1)
        return now() - began

    assert await first_gap(5) == pytest.approx(await first_gap(1))


async def test_refusals_without_end_never_stop_a_budget_for_good() -> None:
    pacing = Pacing()
    for _ in range(50):
        pacing.limited(SINGLE, retry_after=0.1)
        await asyncio.sleep(0.2)
    began = now()
    await spend(pacing, SINGLE, 2)
    assert now() - began <= 11


async def test_a_budget_that_nobody_uses_is_forgotten_once_its_window_has_passed() -> None:
    pacing = Pacing()
    for channel in range(100):
        await spend(pacing, Budget(f"channel {channel}", 4, 5.0), 2)
    pacing.limited(Budget("refused", 4, 5.0), retry_after=10)
    assert pacing.remembered == 101
    await asyncio.sleep(6)
    assert pacing.remembered == 1
    await asyncio.sleep(60)
    assert pacing.remembered == 0


async def test_a_budget_whose_last_waiter_was_cancelled_is_forgotten_too() -> None:
    pacing = Pacing()
    await spend(pacing, SINGLE, 1)
    leaving = asyncio.ensure_future(pacing.turn(SINGLE, Fixed()))
    await asyncio.sleep(0.5)
    leaving.cancel()
    await asyncio.sleep(2)
    assert pacing.remembered == 0


async def test_a_budget_is_not_forgotten_while_its_window_still_counts() -> None:
    pacing = Pacing()
    await spend(pacing, DISCORD, 4)
    await asyncio.sleep(4.9)
    await spend(pacing, DISCORD, 1)
    assert now() == 5


async def test_nothing_runs_while_nobody_waits() -> None:
    pacing = Pacing()
    before = asyncio.all_tasks()
    await pacing.turn(SINGLE, Fixed())
    assert asyncio.all_tasks() == before


async def test_nothing_runs_once_the_last_who_waited_was_cancelled() -> None:
    pacing = Pacing()
    before = asyncio.all_tasks()
    await spend(pacing, SINGLE, 1)
    leaving = asyncio.ensure_future(pacing.turn(SINGLE, Fixed()))
    await asyncio.sleep(0.5)
    leaving.cancel()
    await asyncio.sleep(0.1)
    assert asyncio.all_tasks() == before


async def test_those_who_come_and_go_do_not_change_when_the_next_middle_is_due() -> None:
    pacing = Pacing()
    await pacing.turn(FLOW, Fixed())
    staying = asyncio.ensure_future(pacing.turn(FLOW, Fixed(unseen=10**6)))
    while not staying.done():
        leaving = asyncio.ensure_future(pacing.turn(FLOW, Fixed(unseen=0)))
        await asyncio.sleep(0.01)
        leaving.cancel()
    assert now() == pytest.approx(even(FLOW), abs=0.011)


class Broken(Fixed):
    """A reply that can't say whether it has ended."""

    @property
    def ended(self) -> bool:
        raise RuntimeError("no answer")

    @ended.setter
    def ended(self, value: bool) -> None: ...


async def test_what_goes_wrong_in_a_choice_is_raised_for_all_who_wait_and_ends_there() -> None:
    pacing = Pacing()
    waiting = [pacing.turn(SINGLE, Fixed()), pacing.turn(SINGLE, Broken())]
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["no answer", "no answer"]
    await pacing.turn(SINGLE, Fixed())
    assert now() == 0


async def test_a_nudge_of_a_budget_that_nobody_waits_for_does_nothing() -> None:
    pacing = Pacing()
    pacing.nudge(SLACK)
    assert pacing.remembered == 0
