"""Discord tells of an event once: its passing faults lose no question and no press."""

from __future__ import annotations

import pytest

from connectors.base import Control, Pressed
from connectors.words import Sentence, english
from tests.doubles.discord import DiscordServer, Refuse
from tests.doubles.discord_way import discord_way, listening
from tests.doubles.waiting import until

pytestmark = pytest.mark.real_time

LOOKED_UP = "GET", "/channels/*/messages*"
THREADS = "POST", "/channels/*/messages/*/threads"
TWO_PARTS = "Some words. " * 200


async def later_part(server: DiscordServer) -> str:
    """The second message of an answer that another process gave; returns its id."""
    async with discord_way(server, [TWO_PARTS]) as way:
        server.people.say(f"{server.people.mention} first")
        await way.rows(1)
        return way.answers[-1].id


async def test_a_reply_whose_conversation_is_not_found_at_once_is_answered(
    server: DiscordServer,
) -> None:
    before = await later_part(server)
    async with discord_way(server, ["Two"], catch_up_seconds=0) as way:
        server.faults.add(Refuse(502), *LOOKED_UP)
        server.people.say("second", reply_to=before)
        assert await way.verdicts(1) == ["verified"]


async def test_who_asks_where_the_conversation_can_not_be_found_is_told(
    server: DiscordServer,
) -> None:
    before = await later_part(server)
    async with listening(server, catch_up_seconds=0) as (_, heard):
        server.faults.add(Refuse(502), *LOOKED_UP, times=None)
        server.people.say("second", reply_to=before)
        await server.record.until(
            lambda: english(Sentence("told.not_kept")) in server.record.shown()
        )
        assert heard == []


async def test_a_press_whose_conversation_is_not_found_at_once_is_heard(
    server: DiscordServer,
) -> None:
    before = await later_part(server)
    async with listening(server, catch_up_seconds=0) as (_, heard):
        server.faults.add(Refuse(502), *LOOKED_UP)
        server.people.press(before, "👍")
        await until(lambda: heard)
        assert isinstance(heard[0], Pressed)
        assert heard[0].control is Control.UP


async def test_a_thread_that_does_not_open_at_once_is_opened_all_the_same(
    server: DiscordServer,
) -> None:
    async with discord_way(server, ["One"], threads=True) as way:
        server.faults.add(Refuse(502), *THREADS)
        asked = server.people.say(f"{server.people.mention} first")
        assert await way.verdicts(1) == ["verified"]
        assert way.answers[0].channel_id == asked


async def test_where_too_many_threads_were_opened_the_answer_is_a_reply(
    server: DiscordServer,
) -> None:
    async with discord_way(server, ["One"], threads=True) as way:
        server.faults.add(Refuse(429, retry_after=200), *THREADS)
        server.people.say(f"{server.people.mention} first")
        assert await way.verdicts(1) == ["verified"]
        assert way.answers[0].channel_id == server.people.general.id
