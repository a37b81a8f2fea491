"""When servers are started: once, when first needed, and less and less often where they fail."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from bot.tools import CallNotSent, ServerConfig, ServerDown, Servers, ToolAnswer, ToolInfo
from bot.tools.connection import OnLate
from bot.words import Sentence
from tests.doubles.tools import CONFIG, SEND, answered

OTHER = ToolInfo("mail", "delete", "Deletes.", {}, {})


class _Standing:
    """A connection that stands until it is told otherwise."""

    def __init__(self, listing_s: float = 0.0) -> None:
        self.ended = False
        self.listing_s = listing_s
        self.changed = False
        self.closed = 0
        self.listed = 0

    async def tools(self) -> list[ToolInfo]:
        self.listed += 1
        self.changed = False
        if self.listing_s:
            await asyncio.sleep(self.listing_s)
        return [SEND, OTHER]

    async def call(self, _token: str, _tool: str, _arguments: Mapping[str, Any]) -> ToolAnswer:
        return answered()

    async def aclose(self) -> None:
        self.closed += 1


class _Starts:
    """Counts starts; fails while it is told to."""

    def __init__(self) -> None:
        self.at: list[float] = []
        self.fails = False
        self.starting_s = 0.5
        self.listing_s = 0.0
        self.made: list[_Standing] = []

    async def __call__(self, config: ServerConfig, _late: OnLate) -> _Standing:
        self.at.append(asyncio.get_running_loop().time())
        await asyncio.sleep(self.starting_s)
        if self.fails:
            raise ServerDown(
                Sentence("mcp.silent", {"server": config.name}), Sentence("cure.mcp.silent")
            )
        self.made.append(_Standing(self.listing_s))
        return self.made[-1]


async def test_a_server_is_started_once_however_many_need_it_first() -> None:
    starts = _Starts()
    servers = Servers({"mail": CONFIG}, connect=starts)
    with pytest.raises(CallNotSent):
        await servers.call("mail", "t", "send", {})
    assert starts.at == []
    await asyncio.gather(*(servers.tools("mail") for _ in range(5)))
    assert len(starts.at) == 1
    assert starts.made[0].listed == 1


async def test_only_tools_that_are_named_exist() -> None:
    servers = Servers({"mail": CONFIG}, connect=_Starts())
    assert await servers.tools("mail") == [SEND]
    assert await servers.listed("mail") == [SEND, OTHER]
    assert await servers.tool("mail", "delete") is None


async def test_a_server_that_fails_is_tried_less_and_less_often() -> None:
    starts = _Starts()
    starts.fails = True
    servers = Servers({"mail": CONFIG}, connect=starts)
    for _ in range(3_000):
        with pytest.raises(ServerDown):
            await servers.tools("mail")
        await asyncio.sleep(0.1)
    pauses = [round(b - a) for a, b in zip(starts.at, starts.at[1:], strict=False)]
    assert pauses[:6] == [2, 3, 5, 9, 17, 33]
    assert max(pauses) <= 62
    starts.fails = False
    await asyncio.sleep(60)
    assert await servers.tools("mail")


async def test_a_server_that_died_is_closed_and_started_again_when_it_is_needed() -> None:
    starts = _Starts()
    servers = Servers({"mail": CONFIG}, connect=starts)
    await servers.tools("mail")
    await asyncio.sleep(100)
    starts.made[0].ended = True
    with pytest.raises(CallNotSent):
        await servers.call("mail", "t", "send", {})
    await servers.tools("mail")
    assert (len(starts.made), starts.made[0].closed, starts.made[1].listed) == (2, 1, 1)


async def test_tools_are_listed_again_when_the_server_says_that_they_changed() -> None:
    starts = _Starts()
    servers = Servers({"mail": CONFIG}, connect=starts)
    await servers.tools("mail")
    starts.made[0].changed = True
    await servers.tools("mail")
    await servers.tools("mail")
    await servers.tools("mail", fresh=True)
    assert starts.made[0].listed == 3


async def waited(servers: Servers) -> tuple[float, int]:
    """How long a question waits for the tools of a server, in seconds, and how many it has."""
    began = asyncio.get_running_loop().time()
    found = await servers.offered("mail")
    return round(asyncio.get_running_loop().time() - began, 1), len(found)


@pytest.mark.parametrize("slow", ["starting_s", "listing_s"])
async def test_questions_wait_three_seconds_for_a_slow_server_and_once(slow: str) -> None:
    """All that ask meanwhile wait for the same start, and have its tools once it has come."""
    starts = _Starts()
    setattr(starts, slow, 20)
    servers = Servers({"mail": CONFIG}, connect=starts)
    first = asyncio.gather(*(waited(servers) for _ in range(3)))
    await asyncio.sleep(2)
    assert await waited(servers) == (1.0, 0)
    assert await first == [(3.0, 0)] * 3
    assert await waited(servers) == (0.0, 0)
    await asyncio.sleep(20)
    assert await waited(servers) == (0.0, 1)
    assert len(starts.at) == 1


async def test_a_server_that_hangs_at_its_start_delays_one_question_and_no_more() -> None:
    """It is given up after a minute, and tried again: nobody waits for that."""
    starts = _Starts()
    starts.fails, starts.starting_s = True, 60
    servers = Servers({"mail": CONFIG}, connect=starts)
    waits = []
    for _ in range(600):
        waits.append(await waited(servers))
        await asyncio.sleep(1)
    assert waits[0] == (3.0, 0)
    assert set(waits[1:]) == {(0.0, 0)}
    assert len(starts.at) > 5
    starts.fails, starts.starting_s = False, 0.5
    await asyncio.sleep(120)
    assert await waited(servers) == (0.0, 0), "the question that has it started again"
    await asyncio.sleep(1)
    assert await waited(servers) == (0.0, 1)


async def test_a_server_that_died_is_waited_for_as_at_first() -> None:
    starts = _Starts()
    servers = Servers({"mail": CONFIG}, connect=starts)
    assert await waited(servers) == (0.5, 1)
    await asyncio.sleep(100)
    starts.made[0].ended = True
    assert await waited(servers) == (0.5, 1)


async def test_a_question_that_gives_up_leaves_the_start_to_the_others() -> None:
    starts = _Starts()
    servers = Servers({"mail": CONFIG}, connect=starts)
    stopped = asyncio.create_task(servers.offered("mail"))
    other = asyncio.create_task(waited(servers))
    await asyncio.sleep(0.1)
    stopped.cancel()
    assert await other == (0.5, 1)
    assert len(starts.at) == 1


async def test_what_answers_one_question_waits_for_all_servers_as_long_as_it_says() -> None:
    starts = _Starts()
    starts.starting_s = 20
    servers = Servers({"mail": CONFIG}, connect=starts)
    await servers.ready(30)
    assert await waited(servers) == (0.0, 1)


async def test_nothing_is_left_to_wait_for_once_all_are_closed() -> None:
    starts = _Starts()
    starts.listing_s = 20
    servers = Servers({"mail": CONFIG}, connect=starts)
    assert await waited(servers) == (3.0, 0)
    await servers.aclose()
    await asyncio.sleep(0)
    assert [task for task in asyncio.all_tasks() if "Servers" in repr(task)] == []


async def test_nothing_starts_once_all_are_closed() -> None:
    starts = _Starts()
    servers = Servers({"mail": CONFIG}, connect=starts)
    starting = asyncio.create_task(servers.tools("mail"))
    await asyncio.sleep(0.1)
    await servers.aclose()
    with pytest.raises(ServerDown):
        await starting
    with pytest.raises(ServerDown):
        await servers.tools("mail")
    assert (len(starts.at), starts.made) == (1, [])
