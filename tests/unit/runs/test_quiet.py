"""A model that is quiet for long: the reader sees that it is still at it."""

from __future__ import annotations

from connectors.base import Status
from providers.scripted import Pause
from tests.doubles.way import Way, a_way


def signals(way: Way) -> list[Status]:
    """The statuses that were shown, in order."""
    return [status for _, status in way.connector.platform.signals]


async def test_a_quick_answer_shows_that_the_bot_thinks_once() -> None:
    async with a_way(["One", Pause(5), " two."]) as way:
        await way.answer()
    assert signals(way) == [Status.THINKING, Status.IDLE]


async def test_after_a_quarter_of_a_minute_without_a_token_the_bot_shows_that_it_thinks() -> None:
    async with a_way(["One", Pause(20), " two", Pause(5), " three."]) as way:
        await way.answer()
    assert signals(way) == [
        Status.THINKING, Status.THINKING, Status.WRITING, Status.IDLE,
    ]  # fmt: skip


async def test_a_long_wait_is_shown_again_and_again_for_platforms_forget() -> None:
    async with a_way([Pause(50), "One."]) as way:
        await way.answer()
    assert signals(way).count(Status.THINKING) == 4
