"""Allow and Deny on Discord: the buttons, and the answer that goes on below."""

from __future__ import annotations

import pytest

from providers.scripted import CallTool
from tests.doubles.discord import DiscordServer
from tests.doubles.discord_way import discord_way
from tests.doubles.slow_clock import SlowClock, a_toolbox
from tests.doubles.waiting import until

pytestmark = pytest.mark.real_time

SCRIPTS = (["Wait. ", CallTool("clock__set", {"to": "noon"})], ["It is set."])


async def test_what_is_allowed_goes_on_below(server: DiscordServer) -> None:
    clock = SlowClock()
    async with discord_way(server, *SCRIPTS, toolbox=a_toolbox(clock)) as way:
        server.people.say(f"{server.people.mention} set it")
        rows = await way.rows(1)
        assert rows[0].end is not None
        assert (rows[0].end.outcome, rows[0].end.verdict) == ("waiting", "verified")
        server.people.press(way.answers[0].id, "Allow", user="Bob")
        server.people.press(way.answers[0].id, "Allow")
        assert await way.verdicts(2) == ["verified", "verified"]
        await until(lambda: "Allowed: set." in way.shown[0])
        assert "It is set." in way.shown[-1]
        assert clock.made == 1


async def test_details_are_told_to_who_presses_alone(server: DiscordServer) -> None:
    async with discord_way(server, *SCRIPTS, toolbox=a_toolbox(SlowClock())) as way:
        server.people.say(f"{server.people.mention} set it")
        await way.rows(1)
        pressed = server.people.press(way.answers[0].id, "Details")
        await until(lambda: pressed.followups)
        message = server.platform.messages[pressed.followups[0]]
        assert message.ephemeral
        assert '"to": "noon"' in message.content
