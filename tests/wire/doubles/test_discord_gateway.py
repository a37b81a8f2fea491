"""The Discord double's gateway: how sessions begin, break and are taken up again."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Callable
from typing import Any

import aiohttp
import discord
import pytest

from tests.doubles.discord import (
    PRIVILEGED,
    CloseCode,
    DiscordServer,
    Intent,
    discord_server,
    logged_in,
    pointed_at,
)
from tests.doubles.discord.snowflakes import shard_of
from tests.doubles.discord.threads import sync_threads
from tests.doubles.listener import Listener, soon

pytestmark = pytest.mark.real_time


async def heard_after(server: DiscordServer, client: Listener, breaks: Callable[[], None]) -> None:
    """Breaks the connection, speaks while it is broken, and sees that the client hears of it."""
    breaks()
    server.people.say("while you were away")
    assert (await soon(client.heard)).content == "while you were away"


@pytest.mark.parametrize("how", ["reconnect", "drop"])
async def test_a_client_that_lost_its_connection_resumes_and_misses_nothing(how: str) -> None:
    async with discord_server() as server, logged_in(server, Listener) as client:
        server.people.say("before")
        assert (await soon(client.heard)).content == "before"
        await heard_after(server, client, getattr(server.gateway, how))
        await server.record.until(lambda: server.record.linked("resume"))
        assert len(server.record.linked("identify")) == 1
        assert client.heard.empty()


async def test_a_session_can_be_asked_to_resume() -> None:
    async with discord_server() as server, logged_in(server, Listener) as client:
        await heard_after(server, client, lambda: server.gateway.invalidate(resumable=True))
        assert len(server.record.linked("resume")) == 1


async def test_an_invalid_session_begins_anew() -> None:
    async with discord_server() as server, logged_in(server, Listener) as client:
        server.gateway.invalidate()
        server.people.say("lost")
        await server.record.until(lambda: len(server.record.linked("identify")) == 2)
        server.people.say("heard")
        assert (await soon(client.heard)).content == "heard"


async def test_a_forgotten_session_is_refused_and_begins_anew() -> None:
    async with discord_server() as server, logged_in(server, Listener) as client:
        server.gateway.forget()
        server.gateway.drop()
        await server.record.until(lambda: len(server.record.linked("identify")) == 2)
        assert len(server.record.linked("resume")) == 1
        server.people.say("heard")
        assert (await soon(client.heard)).content == "heard"


async def test_a_frozen_connection_is_noticed_and_resumed() -> None:
    async with (
        discord_server(heartbeat_seconds=0.1) as server,
        logged_in(server, Listener, heartbeat_timeout=2.0) as client,
    ):
        await heard_after(server, client, server.gateway.freeze)
        assert len(server.record.linked("resume")) == 1


async def test_heartbeats_are_acknowledged_until_they_are_not() -> None:
    async with (
        discord_server(heartbeat_seconds=0.05) as server,
        logged_in(server, Listener) as client,
    ):
        await server.record.until(lambda: len(server.record.linked("heartbeat")) > 1)
        assert client.latency < 5
        server.gateway.ignore_heartbeats()
        server.people.say("still here")
        assert (await soon(client.heard)).content == "still here"


async def test_intents_that_are_not_switched_on_are_refused() -> None:
    async with discord_server(intents=Intent(0)) as server:
        with pytest.raises(discord.PrivilegedIntentsRequired):
            async with logged_in(server, Listener):
                pass
        assert [link.data for link in server.record.linked("disconnect")] == [
            CloseCode.DISALLOWED_INTENTS
        ]


async def test_a_client_hears_only_what_it_asked_for() -> None:
    intents = discord.Intents(guilds=True, dm_messages=True)
    async with (
        discord_server() as server,
        logged_in(server, Listener, intents=intents) as client,
    ):
        server.people.say("in the guild")
        server.people.dm("alone")
        assert (await soon(client.heard)).content == "alone"


async def test_members_are_told_on_request() -> None:
    intents = discord.Intents(guilds=True, members=True, guild_messages=True)
    async with (
        discord_server() as server,
        logged_in(server, Listener, intents=intents) as client,
    ):
        names = {member.name for member in client.guilds[0].members}
        assert names == {"everytoken", "alice", "bob", "helper"}


class Sharded(discord.AutoShardedClient):
    """Keeps the shard at which each message was heard."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.shards_heard: asyncio.Queue[int] = asyncio.Queue()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """The library would wait five seconds here."""

    async def on_message(self, message: discord.Message) -> None:
        self.shards_heard.put_nowait(message.guild.shard_id if message.guild else 0)


async def test_each_shard_hears_of_its_own_guilds_once() -> None:
    async with discord_server() as server:
        first = shard_of(server.people.guild.id, 2)
        while (
            shard_of((guild := server.platform.add_guild("Other", server.people.alice)).id, 2)
            == first
        ):
            continue  # ids carry milliseconds, and so do shards
        other = server.platform.add_channel(guild, "other")
        async with logged_in(server, Sharded, shard_count=2) as client:
            server.people.say("here")
            server.people.say("there", channel=other)
            server.people.dm("alone")
            heard = [await soon(client.shards_heard) for _ in range(3)]
            assert sorted(heard) == [0, 0, 1]
            assert client.shards_heard.empty()


async def test_threads_are_told_again_when_access_is_gained() -> None:
    async with discord_server() as server, logged_in(server, Listener) as client:
        thread_id = int(server.people.create_thread("known"))
        await soon(client.heard)
        sync_threads(server.platform, server.people.guild.id)
        server.people.say("after")
        await soon(client.heard)
        assert client.guilds[0].get_thread(thread_id) is not None


# Byte by byte.


async def test_a_wrong_token_is_closed_out() -> None:
    async with (
        discord_server() as server,
        aiohttp.ClientSession() as http,
        http.ws_connect(server.gateway_url) as socket,
    ):
        assert (await socket.receive_json())["op"] == 10
        await socket.send_json({"op": 2, "d": {"token": "wrong", "intents": 0}})
        assert (await socket.receive()).data == CloseCode.AUTHENTICATION_FAILED


async def test_a_stranger_may_ask_for_nothing() -> None:
    async with discord_server() as server, aiohttp.ClientSession() as http:
        for message, code in (
            ({"op": 8, "d": {"guild_id": "1"}}, CloseCode.NOT_AUTHENTICATED),
            ({"op": 99, "d": None}, CloseCode.UNKNOWN_OPCODE),
        ):
            async with http.ws_connect(server.gateway_url) as socket:
                await socket.receive_json()
                await socket.send_json(message)
                assert (await socket.receive()).data == code


async def test_the_older_compression_is_spoken_too() -> None:
    async with discord_server() as server, aiohttp.ClientSession() as http:
        url = f"{server.gateway_url}?compress=zlib-stream"
        async with http.ws_connect(url) as socket:
            stream = zlib.decompressobj()

            async def receive() -> Any:
                return json.loads(stream.decompress(await socket.receive_bytes()))

            assert (await receive())["op"] == 10
            await socket.send_json({"op": 2, "d": {"token": server.token, "intents": 1}})
            ready, guild = await receive(), await receive()
            assert (ready["t"], ready["s"]) == ("READY", 1)
            assert ready["d"]["resume_gateway_url"] == server.gateway_url
            assert (guild["t"], guild["s"]) == ("GUILD_CREATE", 2)


async def test_a_session_that_was_closed_in_order_cannot_be_resumed() -> None:
    async with discord_server() as server, aiohttp.ClientSession() as http:
        identify = {"op": 2, "d": {"token": server.token, "intents": int(PRIVILEGED)}}
        async with http.ws_connect(server.gateway_url) as socket:
            await socket.receive_json()
            await socket.send_json(identify)
            session_id = (await socket.receive_json())["d"]["session_id"]
        await server.record.until(lambda: server.record.linked("disconnect"))
        resume = {"token": server.token, "session_id": session_id, "seq": 1}
        async with http.ws_connect(server.gateway_url) as socket:
            await socket.receive_json()
            await socket.send_json({"op": 6, "d": resume})
            answer = await socket.receive_json()
            assert (answer["op"], answer["d"]) == (9, False)


async def test_new_connections_can_be_turned_away() -> None:
    async with discord_server() as server, aiohttp.ClientSession() as http:
        server.gateway.refuses = True
        with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
            await http.ws_connect(server.gateway_url)


async def test_the_library_is_pointed_at_the_server_for_a_while() -> None:
    before = discord.http.Route.BASE
    async with discord_server() as server:
        with pointed_at(server):
            assert server.url == discord.http.Route.BASE
        assert before == discord.http.Route.BASE
