"""Processes that share one budget by the real script; `make budgets` plays thousands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis
import structlog

from bot.pacing.redis_scripts import SCRIPT
from tests.doubles.redis import redis_server
from tests.simulation.budgets import SCRIPT_BUGS, parted, play, two_modes_at_once


@pytest.fixture(scope="module")
def client() -> Iterator[redis.Redis]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with redis_server() as server, redis.Redis.from_url(server.url, decode_responses=True) as made:
        yield made


@pytest.mark.parametrize("number", [7, 18, 34, 162, 233])
def test_no_window_is_above_its_budget_and_all_go_on_at_the_end(
    number: int, client: redis.Redis
) -> None:
    assert play(number, client).wrong == ""


@pytest.mark.parametrize(("bug", "number"), list(zip(SCRIPT_BUGS, (0, 0, 18), strict=True)))
def test_each_planted_bug_is_found(bug: str, number: int, client: redis.Redis) -> None:
    assert "calls in a window" in play(number, client, SCRIPT_BUGS[bug](SCRIPT)).wrong


def test_who_leaves_redis_does_not_hold_what_it_may_grant_to_others(client: redis.Redis) -> None:
    assert [play(number, client, schedule=parted).wrong for number in range(4)] == [""] * 4
    with two_modes_at_once():
        assert "calls in a window" in play(2, client, schedule=parted).wrong
