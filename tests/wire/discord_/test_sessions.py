"""Sessions begin only as often as Discord allows, and nothing unreadable ends one."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.base import Asked
from connectors.discord.gateway import PAUSES_S, STABLE_S, Client, SessionBudget, TooSoon
from tests.doubles.discord import DiscordServer
from tests.doubles.discord.platform import Event
from tests.doubles.discord_way import listening
from tests.doubles.waiting import until

DAY_S = 86_400.0


class Clock:
    """A time that stands until it is moved: seconds."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def begun(clock: Clock, starts: SessionBudget, *, for_s: float) -> float:
    """A session begins as soon as it may, and is lost after so long. Returns what was waited."""
    waited = starts.wait()
    clock.now += waited
    starts.begins()
    starts.ready()
    clock.now += for_s
    starts.lost()
    return waited


def test_reconnects_back_off_until_a_session_was_stable_for_minutes() -> None:
    clock = Clock()
    starts = SessionBudget(clock)
    waits = [begun(clock, starts, for_s=10.0) for _ in range(8)]
    assert waits == [0.0, *PAUSES_S, PAUSES_S[-1]]
    begun(clock, starts, for_s=STABLE_S)
    assert [begun(clock, starts, for_s=10.0) for _ in range(3)] == [0.0, *PAUSES_S[:2]]


def test_a_day_of_sessions_that_are_lost_at_once_keeps_within_the_budget() -> None:
    clock = Clock()
    starts = SessionBudget(clock)
    starts.told(1000, 1000, DAY_S)
    count = 0
    while clock.now < DAY_S:
        begun(clock, starts, for_s=0.1)
        count += 1
    assert count < 300


@pytest.mark.parametrize(("left", "waits"), [(51, 0.0), (50, 600.0), (0, 600.0)])
def test_one_session_in_twenty_is_kept_for_a_persons_restarts(left: int, waits: float) -> None:
    starts = SessionBudget(Clock())
    starts.told(left, 1000, 600.0)
    assert starts.wait() == waits


def test_stable_sessions_that_are_used_up_wait_for_the_day_to_end() -> None:
    clock = Clock()
    starts = SessionBudget(clock)
    starts.told(52, 1000, DAY_S)
    for _ in range(2):
        assert begun(clock, starts, for_s=STABLE_S) == 0.0
    assert starts.wait() == DAY_S - 2 * STABLE_S
    clock.now = DAY_S
    assert starts.wait() == 0.0


async def test_the_library_begins_no_session_that_has_to_wait_long() -> None:
    starts = SessionBudget(Clock())
    client = Client(
        "http://127.0.0.1", None, content=True, heard=ignored, anew=ignored, starts=starts
    )
    await client.before_identify_hook(0, initial=True)
    starts.told(0, 1000, 600.0)
    with pytest.raises(TooSoon):
        await client.before_identify_hook(0)
    await client.http.connector.close()


def ignored(*_: Any) -> None:
    """Whatever it is."""


# With a Discord.


@pytest.mark.real_time
async def test_no_session_begins_once_few_are_left(server: DiscordServer) -> None:
    server.platform.limits = server.platform.limits.but(session_starts=3)
    async with listening(server):
        server.gateway.invalidate()
        await server.record.until(lambda: len(server.record.linked("identify")) == 2)
        assert not server.record.linked("token reset")


@pytest.mark.real_time
@pytest.mark.parametrize("name", ["GUILD_UPDATE", "CHANNEL_UPDATE", "THREAD_LIST_SYNC"])
@pytest.mark.parametrize("data", [{}, [], {"id": "x", "guild_id": "y"}])
async def test_what_the_library_cant_read_ends_no_session(
    server: DiscordServer, name: str, data: Any
) -> None:
    async with listening(server) as (_, heard):
        server.platform.emit(Event(name, data))
        server.people.dm("hello")
        await until(lambda: heard)
        assert isinstance(heard[0], Asked)
        assert len(server.record.linked("identify")) == 1
        assert not server.record.linked("resume")
