"""The lower bound on staleness: nothing comes below it, and it is close to what can be reached."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, product
from statistics import mean

from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.pacing import reachable
from benchmarks.pacing.bound import Rules, bound, good_prices
from benchmarks.pacing.load import CHARS, TICK_S, Answer, load
from benchmarks.pacing.scene import SLACK, Ours, play

UNIT = CHARS * TICK_S
TINY = Rules(calls=2, window=6, post=1, slot=1)
TINY_SHARED = Rules(calls=2, window=4, post=None, slot=1)


def generated(answer: Answer, tick: int) -> int:
    return max(0, min(answer.tokens, tick - answer.start + 1))


def staleness(answer: Answer, calls: Sequence[int]) -> float:
    """Counted tick by tick: the tokens that are there and not shown, until all are."""
    total, shown = 0, 0
    for tick in range(answer.start, max(calls) + 1):
        if tick in calls:
            shown = generated(answer, tick)
        total += generated(answer, tick) - shown
    return UNIT * total


def fits(calls: Sequence[int], rules: Rules) -> bool:
    """Whether no window of the rules holds too many calls."""
    return all(
        sum(first <= call < first + rules.window for call in calls) <= rules.calls
        for first in calls
    )


def ways(answer: Answer, rules: Rules, horizon: int) -> Iterator[tuple[list[int], list[int]]]:
    """Every way to show an answer: all its calls, and those of them that a budget counts."""
    posts = range(answer.start, horizon)
    if rules.post is not None:
        posts = range(answer.start, answer.start + rules.post + 1)
    for post in posts:
        for count in range(answer.tokens + 1):
            for edits in combinations(range(post + 1, horizon), count):
                calls = [post, *edits]
                if calls[-1] >= answer.end and all(call < answer.end for call in calls[:-1]):
                    yield calls, calls if rules.post is None else calls[1:]


def least(answers: Sequence[Answer], rules: Rules, horizon: int) -> float:
    """What the best of all schedules leaves."""
    choices = [
        [(staleness(each, calls), counted) for calls, counted in ways(each, rules, horizon)]
        for each in answers
    ]
    return min(
        sum(cost for cost, _ in choice)
        for choice in product(*choices)
        if fits(sorted(tick for _, counted in choice for tick in counted), rules)
    )


tiny_answers = st.lists(
    st.builds(Answer, start=st.integers(0, 4), tokens=st.integers(1, 5)), min_size=1, max_size=2
)


@settings(max_examples=60, deadline=None)
@given(answers=tiny_answers, rules=st.sampled_from([TINY, TINY_SHARED]))
def test_no_schedule_of_a_tiny_load_comes_below_the_bound(
    answers: list[Answer], rules: Rules
) -> None:
    best = least(answers, rules, horizon=13)
    assert bound(answers, rules, best, grain=1) <= best + 1e-9


def test_the_bound_is_close_to_the_best_schedule_of_tiny_loads() -> None:
    found = []
    for first, second, apart in product((3, 4, 5), (3, 5), (0, 1, 3)):
        answers = [Answer(0, first), Answer(apart, second)]
        for rules in (TINY, TINY_SHARED):
            best = least(answers, rules, horizon=13)
            found.append(bound(answers, rules, best, grain=1) / best)
    assert mean(found) > 0.9
    assert max(found) > 0.999


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_no_schedule_at_all_comes_below_the_bound(data: st.DataObject) -> None:
    """Schedules are drawn: calls at any ticks, as long as every window has room."""
    answers = data.draw(
        st.lists(
            st.builds(Answer, start=st.integers(0, 400), tokens=st.integers(1, 300)),
            min_size=1,
            max_size=6,
        )
    )
    rules = Rules(calls=4, window=500, post=15, slot=50)
    counted: list[int] = []
    total = 0.0
    for answer in answers:
        post = answer.start + data.draw(st.integers(0, 15))
        edits = data.draw(st.lists(st.integers(post + 1, post + 300), max_size=4))
        calls = [post]
        for tick in sorted(set(edits)):
            if fits(sorted([*counted, tick]), rules):
                counted.append(tick)
                calls.append(tick)
        tick = max(answer.end, calls[-1])
        while calls[-1] < answer.end and not fits(sorted([*counted, tick]), rules):
            tick += 1
        if calls[-1] < answer.end:
            counted.append(tick)
            calls.append(tick)
        total += staleness(answer, calls)
    assert fits(sorted(counted), rules)
    guide = data.draw(st.floats(0.1, 2.0)) * total
    assert bound(answers, rules, guide, grain=5, rounds=40) <= total + 1e-6


def test_the_bound_is_not_beaten_by_the_bot_itself() -> None:
    answers = [Answer(0, 200), Answer(40, 90), Answer(70, 500)]
    seen = play(answers, SLACK, Ours)
    least_of_all = bound(answers, Rules(50, 3000), seen.staleness)
    assert 0 < least_of_all <= seen.staleness


def test_staleness_is_what_is_counted_character_by_character() -> None:
    answers = [Answer(3, 40)]
    seen = play(answers, SLACK, Ours)
    assert seen.refused == 0
    assert len(seen.first_text) == len(seen.last_edit) == 1
    whole = UNIT * 40 * 41 / 2
    assert 0 < seen.staleness < whole


@given(answers=tiny_answers, later=st.lists(st.integers(0, 3), min_size=1, max_size=3))
def test_staleness_in_closed_form_is_what_is_counted(
    answers: list[Answer], later: list[int]
) -> None:
    for answer in answers:
        calls = sorted({answer.start + sum(later[:i]) for i in range(len(later))} | {answer.end})
        assert abs(reachable.staleness(answer, calls) - staleness(answer, calls)) < 1e-9


@settings(max_examples=40, deadline=None)
@given(answers=tiny_answers)
def test_no_schedule_that_was_found_beats_the_best(answers: list[Answer]) -> None:
    best = least(answers, TINY, horizon=13)
    prices = good_prices(answers, TINY, best, grain=1, rounds=40)
    assert reachable.reachable(answers, TINY, prices) >= best - 1e-9


def test_the_bound_is_within_a_few_percent_of_a_schedule_that_keeps_to_the_budget() -> None:
    found = []
    for seed in range(3):
        answers = load(10, seed)
        rules = Rules(50, 3000)
        prices = good_prices(answers, rules, 30_000.0)
        least_of_all = bound(answers, rules, 30_000.0)
        found.append(reachable.reachable(answers, rules, prices) / least_of_all)
    assert min(found) >= 1.0
    assert mean(found) < 1.03


def test_the_bound_is_higher_if_no_last_edit_may_wait() -> None:
    answers = [Answer(tick, 40) for tick in range(3)] + [Answer(0, 400)]
    free, prompt = Rules(3, 400), Rules(3, 400, prompt=True)
    assert bound(answers, prompt, 5_000.0) > bound(answers, free, 5_000.0)
