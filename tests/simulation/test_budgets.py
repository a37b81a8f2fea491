"""Processes that share one budget by the real script; `make budgets` plays thousands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis
import structlog

from bot.pacing.redis_scripts import SCRIPT
from tests.doubles.redis import redis_server
from tests.simulation.budgets import SCRIPT_BUGS, play


@pytest.fixture(scope="module")
def client() -> Iterator[redis.Redis]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with redis_server() as server, redis.Redis.from_url(server.url, decode_responses=True) as made:
        yield made


@pytest.mark.parametrize("number", [7, 13, 21])
def test_no_window_is_above_its_budget_and_all_go_on_at_the_end(
    number: int, client: redis.Redis
) -> None:
    assert play(number, client).wrong == ""


def test_each_planted_bug_changes_the_script() -> None:
    for name, planted in SCRIPT_BUGS.items():
        assert planted(SCRIPT) != SCRIPT, name
