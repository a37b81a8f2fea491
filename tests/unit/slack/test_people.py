"""What people are called, on virtual time."""

from __future__ import annotations

import asyncio
from typing import Any

from connectors.base import RateLimited, Unavailable
from connectors.slack.api import Api, OneToken
from connectors.slack.people import UserNames, name_in


class NamesApi(Api):
    """Answers `users.info` after a while; `fault` is raised instead while it is set."""

    def __init__(self, seconds: float = 0.1) -> None:
        super().__init__("http://slack.invalid/api/", OneToken("xoxb-test"))
        self.seconds = seconds
        self.fault: Exception | None = None
        self.asked: list[tuple[str, str]] = []
        self.names: dict[str, str] = {}
        self.most_at_once = 0
        self._now = 0

    async def call(self, team: str, method: str, **arguments: Any) -> dict[str, Any]:
        assert method == "users.info"
        user = arguments["user"]
        self.asked.append((team, user))
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        await asyncio.sleep(self.seconds)
        self._now -= 1
        if self.fault is not None:
            raise self.fault
        return {"user": {"profile": {"display_name": self.names.get(user, f"Name of {user}")}}}


def test_the_display_name_comes_first_and_then_the_real_one() -> None:
    both = {"display_name": "ada", "real_name": "Ada Lovelace", "name": "al"}
    assert name_in(both) == "ada"
    assert name_in(both | {"display_name": " "}) == "Ada Lovelace"
    assert name_in({"name": "al", "real_name": None}) == "al"
    assert name_in({}) == ""


async def test_a_name_is_asked_for_once_an_hour() -> None:
    api = NamesApi()
    people = UserNames(api)
    assert await people.names("T1", ["U1", "U1"]) == {"U1": "Name of U1"}
    await people.names("T1", ["U1"])
    assert len(api.asked) == 1
    api.names["U1"] = "Ada"
    await asyncio.sleep(3700)
    assert await people.names("T1", ["U1"]) == {"U1": "Ada"}


async def test_each_workspace_has_its_own_people() -> None:
    api = NamesApi()
    people = UserNames(api)
    await people.names("T1", ["U1"])
    await people.names("T2", ["U1"])
    assert api.asked == [("T1", "U1"), ("T2", "U1")]


async def test_several_are_looked_up_at_once_but_not_all() -> None:
    api = NamesApi()
    started = asyncio.get_running_loop().time()
    found = await UserNames(api).names("T1", [f"U{i}" for i in range(16)])
    assert len(found) == 16
    assert api.most_at_once == 8
    assert asyncio.get_running_loop().time() - started < 0.25


async def test_a_failure_falls_back_to_the_id_and_is_not_remembered() -> None:
    api = NamesApi()
    people = UserNames(api)
    for fault in (Unavailable("down"), RateLimited("too many", 30)):
        api.fault = fault
        assert await people.names("T1", ["U1"]) == {"U1": "U1"}
    api.fault = None
    assert await people.names("T1", ["U1"]) == {"U1": "Name of U1"}


async def test_an_old_name_is_better_than_an_id() -> None:
    api = NamesApi()
    people = UserNames(api)
    await people.names("T1", ["U1"])
    await asyncio.sleep(3700)
    api.fault = Unavailable("down")
    assert await people.names("T1", ["U1"]) == {"U1": "Name of U1"}


async def test_nobody_waits_long_for_a_name() -> None:
    """An event has to be acknowledged in three seconds."""
    started = asyncio.get_running_loop().time()
    found = await UserNames(NamesApi(seconds=30)).names("T1", [f"U{i}" for i in range(50)])
    assert found["U7"] == "U7"
    assert asyncio.get_running_loop().time() - started < 2.5


async def test_where_slack_is_slow_only_the_first_are_waited_for() -> None:
    """Events of a channel are read one after the other: a dozen such waits would be too many."""
    api = NamesApi(seconds=30)
    people = UserNames(api)
    await people.names("T1", ["U1"])
    started = asyncio.get_running_loop().time()
    assert await people.names("T1", ["U2"]) == {"U2": "U2"}
    assert asyncio.get_running_loop().time() == started
    api.seconds = 0.1
    assert await people.names("T2", ["U2"]) == {"U2": "Name of U2"}
    await asyncio.sleep(35)
    assert await people.names("T1", ["U2"]) == {"U2": "Name of U2"}


async def test_no_more_than_ten_thousand_names_are_kept() -> None:
    api = NamesApi(seconds=0)
    people = UserNames(api)
    await people.names("T1", [f"U{i}" for i in range(10_001)])
    api.asked.clear()
    await people.names("T1", ["U10000", "U0"])
    assert api.asked == [("T1", "U0")]
