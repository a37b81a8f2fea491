"""The Discord double says no: to what breaks a rule, goes too fast, or is struck by a fault."""

from __future__ import annotations

import discord
import pytest

from tests.doubles.discord import (
    Limits,
    Permission,
    Refuse,
    Reset,
    discord_server,
    logged_in,
)
from tests.doubles.listener import Listener, general, soon

pytestmark = pytest.mark.real_time


async def test_a_channel_that_is_gone_or_closed_to_the_bot_refuses() -> None:
    async with discord_server() as server:
        guild, add = server.people.guild, server.platform.add_channel
        hidden = add(guild, "hidden", denied=Permission.VIEW_CHANNEL)
        silent = add(guild, "silent", denied=Permission.SEND_MESSAGES)
        async with logged_in(server, Listener) as client:
            assert client.get_channel(int(hidden.id)) is None
            sent = await general(client, server).send("here")
            server.people.delete_channel("general")
            for id_, code in ((hidden.id, 50001), (silent.id, 50013), (sent.channel.id, 10003)):
                with pytest.raises(discord.HTTPException) as refused:
                    await client.get_partial_messageable(int(id_)).send("hello")
                assert refused.value.code == code
            server.people.say("unseen", channel=hidden)
            server.people.say("seen", channel=silent)
            assert (await soon(client.heard)).content == "seen"


async def test_a_message_keeps_the_platforms_rules() -> None:
    limits = Limits(channel_calls=None)
    async with discord_server(limits=limits) as server, logged_in(server, Listener) as client:
        channel = general(client, server)
        with pytest.raises(discord.HTTPException, match="Must be 2000 or fewer") as refused:
            await channel.send("x" * 2001)
        assert refused.value.code == 50035
        with pytest.raises(discord.HTTPException, match="50006"):
            await channel.send(" \n ")
        assert len((await channel.send("x" * 2000)).content) == 2000
        theirs = channel.get_partial_message(int(server.people.say("mine")))
        with pytest.raises(discord.Forbidden, match="50005"):
            await theirs.edit(content="not mine")
        server.people.delete(str(theirs.id))
        with pytest.raises(discord.HTTPException, match="Unknown message"):
            await channel.send("late", reference=theirs)


async def test_a_wrong_token_is_refused() -> None:
    async with discord_server() as server:
        client = discord.Client(intents=discord.Intents.none())
        server.token = "wrong"
        with pytest.raises(discord.LoginFailure):
            async with logged_in(server, lambda **_: client):
                pass


async def test_permissions_can_be_taken_while_the_bot_writes() -> None:
    async with discord_server() as server, logged_in(server, Listener) as client:
        sent = await general(client, server).send("one")
        server.people.deny(Permission.SEND_MESSAGES)
        with pytest.raises(discord.Forbidden, match="50013"):
            await sent.channel.send("two")
        await sent.edit(content="still mine")
        server.people.deny(Permission.VIEW_CHANNEL)
        with pytest.raises(discord.Forbidden, match="50001"):
            await sent.edit(content="out of sight")
        await server.record.until(lambda: server.record.shown() == ["still mine"])


async def test_people_who_take_no_messages_refuse_them() -> None:
    async with discord_server() as server, logged_in(server, Listener) as client:
        server.people.bob.takes_messages = False
        bob = await client.fetch_user(int(server.people.bob.id))
        with pytest.raises(discord.Forbidden, match="50007"):
            await bob.send("hello")


async def test_an_exhausted_old_message_refuses_edits(caplog: pytest.LogCaptureFixture) -> None:
    limits = Limits(old_edit_seconds=0.0, channel_calls=None)
    async with discord_server(limits=limits) as server, logged_in(server, Listener) as client:
        sent = await general(client, server).send("old")
        server.record.history[str(sent.id)].edits_left = 1
        await sent.edit(content="once")
        with pytest.raises(discord.HTTPException, match="30046"):
            await sent.edit(content="twice")
        assert server.record.shown() == ["once"]
    assert "rate limited" in caplog.text


# Rates and faults.


async def test_the_library_waits_before_it_goes_over_the_channels_limit() -> None:
    limits = Limits(channel_calls=3, channel_seconds=0.3)
    async with discord_server(limits=limits) as server, logged_in(server, Listener) as client:
        sent = await general(client, server).send("0")
        for number in range(1, 7):
            await sent.edit(content=str(number))
        assert server.record.rate_limited == []
        assert server.record.largest_gap(str(sent.id)) > 0.2


async def test_an_injected_rate_limit_is_waited_out(caplog: pytest.LogCaptureFixture) -> None:
    async with discord_server() as server, logged_in(server, Listener) as client:
        server.faults.add(Refuse(429, retry_after=0.05), "POST", "/channels/*/messages")
        await general(client, server).send("hello")
        statuses = [call.status for call in server.record.called("POST")]
        assert statuses == [429, 200]
        assert server.record.rate_limited == []
    assert "rate limited" in caplog.text


async def test_a_refusal_with_a_code_reaches_the_caller() -> None:
    async with discord_server() as server, logged_in(server, Listener) as client:
        server.faults.add(Refuse(403, 50013, "Missing Permissions"), "POST")
        with pytest.raises(discord.Forbidden, match="Missing Permissions") as refused:
            await general(client, server).send("hello")
        assert refused.value.code == 50013


@pytest.mark.parametrize(("applied", "shown"), [(False, []), (True, ["hello"])])
async def test_a_connection_is_cut_before_or_after_the_effect(
    applied: bool, shown: list[str]
) -> None:
    async with discord_server() as server, logged_in(server, Listener) as client:
        server.faults.add(Reset(), "POST", applied=applied)
        with pytest.raises(OSError, match="reset"):
            await general(client, server).send("hello")
        assert server.record.shown() == shown
