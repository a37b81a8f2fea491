"""What the figures of pacing say: a policy that is worse on purpose makes them worse.

Virtual time takes always the same course, so here figures may be judged.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import mean

import pytest

from benchmarks.figures import percentile
from benchmarks.pacing.load import load
from benchmarks.pacing.others import Every, NoReserve, RoundRobin
from benchmarks.pacing.scene import DISCORD, SLACK, Ours, Seen, Way, play
from bot.pacing import limiter
from bot.pacing.plan import Plan
from bot.pacing.scheduler import Waiter

pytestmark = pytest.mark.thorough

SEEDS = range(3)


def shown(answers: int, way: Callable[[], Way] = Ours) -> list[Seen]:
    return [play(load(answers, seed), SLACK, way) for seed in SEEDS]


def staleness(seen: list[Seen]) -> float:
    return mean(each.staleness for each in seen)


def last_edit_p99(seen: list[Seen]) -> float:
    return percentile([seconds for each in seen for seconds in each.last_edit], 0.99)


def test_round_robin_in_place_of_the_index_leaves_readers_further_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    well = shown(30)
    by_waiting = lambda self, _patience: (0, False, self.waiting.since)  # noqa: E731 - one line of policy
    monkeypatch.setattr(Waiter, "rank", by_waiting)
    monkeypatch.setattr(Plan, "waits", lambda _self, _now: lambda _waiting: 0.0)
    badly = shown(30)
    assert staleness(badly) > 1.05 * staleness(well)
    assert last_edit_p99(badly) > last_edit_p99(well)


def test_without_a_reserve_ends_wait() -> None:
    well = shown(30)
    badly = shown(30, lambda: Ours(NoReserve()))
    assert last_edit_p99(well) < 2.0
    assert last_edit_p99(badly) > 10.0
    assert staleness(badly) > 1.1 * staleness(well)


def test_a_store_that_is_spent_evenly_leaves_readers_further_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    well = shown(10)
    monkeypatch.setattr(limiter, "_STORE_S", 3600.0)
    assert staleness(shown(10)) > 1.2 * staleness(well)


def test_the_bot_draws_no_429_and_shows_first_texts_at_once() -> None:
    for scope, answers in ((SLACK, 30), (DISCORD, 20)):
        assert play(load(answers, 1), scope, Ours).refused == 0
    seen = shown(10)
    assert percentile([first for each in seen for first in each.first_text], 0.99) <= 0.3


def test_others_draw_429s_or_leave_readers_further_behind() -> None:
    ours = play(load(10, 0), SLACK, Ours)
    every = play(load(10, 0), SLACK, lambda: Every(1.0))
    circle = play(load(10, 0), SLACK, RoundRobin)
    assert every.refused > 0
    assert every.staleness > ours.staleness
    assert circle.refused == 0
    assert circle.staleness > ours.staleness
