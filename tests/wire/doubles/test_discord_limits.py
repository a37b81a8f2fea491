"""The Discord double's limits beside plain rates: each is told of, and refuses as reported."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import aiohttp
import discord
import pytest

from tests.doubles import discord as double
from tests.doubles.discord import ChannelType, Limits, Permission, discord_server, logged_in
from tests.doubles.listener import Listener, general
from tests.wire.doubles.test_discord_rest import Api, api

pytestmark = pytest.mark.real_time

LIST = Path(double.__file__).with_name("LIMITS.md").read_text()
"""Where each limit is known from."""


async def posted(call: Api, content: str = "hello") -> str:
    """The path of a message of the bot's in the channel."""
    _, message, _ = await call.post(content)
    return f"{call.messages}/{message['id']}"


@pytest.mark.parametrize("name", [each.name for each in fields(Limits)])
def test_where_a_limit_is_known_from_is_listed(name: str) -> None:
    assert re.search(rf"^\| .*`{name}`.*\|.*\|.+\|$", LIST, re.MULTILINE)


# What is said.


@pytest.mark.parametrize("text", ["a BadWord here", "badword"])
async def test_automod_lets_no_blocked_word_through_posted_or_edited(text: str) -> None:
    async with api() as call:
        call.server.platform.moderation.words.append("badword")
        path = await posted(call)
        for method, where in (("POST", call.messages), ("PATCH", path)):
            status, body, _ = await call(method, where, {"content": text})
            assert (status, body["code"]) == (400, 200000)
        assert call.server.record.shown() == ["hello"]


async def test_automod_minds_neither_direct_messages_nor_other_words() -> None:
    async with api() as call:
        call.server.platform.moderation.words.append("badword")
        alone = call.server.platform.direct_channel(call.server.people.alice)
        path = f"/channels/{alone.id}/messages"
        assert (await call("POST", path, {"content": "badword"}))[0] == 200
        assert (await call.post("bad word"))[0] == 200


async def test_automod_refuses_a_threads_name_by_a_number_of_its_own() -> None:
    async with api() as call:
        call.server.platform.moderation.titles.append("secret")
        path = await posted(call)
        status, body, _ = await call("POST", f"{path}/threads", {"name": "Secrets"})
        assert (status, body["code"]) == (400, 200001)


async def test_length_is_counted_in_utf_16_units() -> None:
    async with api() as call:
        assert (await call.post("😀" * 1000))[0] == 200
        status, body, _ = await call.post("😀" * 1001)
        assert (status, body["code"]) == (400, 50035)


# Where.


async def announcements(call: Api) -> str:
    """The path of a new announcement channel's messages."""
    add = call.server.platform.add_channel
    channel = add(call.server.people.guild, "news", type=ChannelType.ANNOUNCEMENT)
    return f"/channels/{channel.id}/messages"


async def exhausted(call: Api, path: str) -> tuple[int, Any, Any]:
    """What one edit too many of an announcement gets."""
    for number in range(3):
        assert (await call("PATCH", path, {"content": str(number)}))[0] == 200
    return await call("PATCH", path, {"content": "4"})


async def test_an_announcement_takes_three_edits_an_hour_and_its_channel_goes_on() -> None:
    async with api(Limits(channel_calls=50)) as call:
        news = await announcements(call)
        _, first, _ = await call("POST", news, {"content": "first"})
        _, second, _ = await call("POST", news, {"content": "second"})
        status, body, headers = await exhausted(call, f"{news}/{first['id']}")
        assert (status, body["code"], body["global"]) == (429, 20022, False)
        assert 3590 < body["retry_after"] <= 3600
        assert (headers["X-RateLimit-Scope"], headers["Retry-After"]) == ("shared", "1")
        assert int(headers["X-RateLimit-Remaining"]) > 0
        assert (await call("PATCH", f"{news}/{second['id']}", {"content": "x"}))[0] == 200
        assert (await call("POST", news, {"content": "third"}))[0] == 200


async def test_an_announcement_that_was_published_says_so_by_its_number() -> None:
    async with api(Limits(channel_calls=50)) as call:
        news = await announcements(call)
        _, message, _ = await call("POST", news, {"content": "first"})
        call.server.people.publish(message["id"])
        status, body, _ = await exhausted(call, f"{news}/{message['id']}")
        assert (status, body["code"]) == (429, 20028)


@pytest.mark.parametrize("type_", [ChannelType.VOICE, ChannelType.STAGE])
async def test_the_text_of_a_voice_channel_is_for_those_who_may_connect(
    type_: ChannelType,
) -> None:
    async with api() as call:
        guild, add = call.server.people.guild, call.server.platform.add_channel
        closed = add(guild, "closed", type=type_, denied=Permission.CONNECT)
        open_ = add(guild, "open", type=type_)
        status, body, _ = await call("POST", f"/channels/{closed.id}/messages", {"content": "x"})
        assert (status, body["code"]) == (403, 50001)
        assert (await call("POST", f"/channels/{open_.id}/messages", {"content": "x"}))[0] == 200


async def test_nobody_posts_in_a_forum_itself() -> None:
    async with api() as call:
        add = call.server.platform.add_channel
        forum = add(call.server.people.guild, "forum", type=ChannelType.FORUM)
        status, body, _ = await call("POST", f"/channels/{forum.id}/messages", {"content": "x"})
        assert (status, body["code"]) == (400, 50008)


# How often.


async def test_typing_has_a_bucket_of_its_own() -> None:
    async with api() as call:
        path = f"/channels/{call.server.people.general.id}/typing"
        assert (await call("POST", path))[0] == 204
        status, body, _ = await call("POST", path)
        assert status == 429
        assert 4.5 < body["retry_after"] <= 4.6
        assert (await call.post())[0] == 200


async def test_after_too_many_invalid_calls_the_proxy_turns_the_address_away() -> None:
    async with api(Limits(invalid_calls=3, typing_calls=1)) as call:
        path = f"/channels/{call.server.people.general.id}/typing"
        statuses = [(await call("POST", path))[0] for _ in range(5)]
        assert statuses == [204, 429, 429, 429, 429]
        status, body, headers = await call.post()
        assert (status, body, "Via" in headers) == (429, None, False)
        assert int(headers["Retry-After"]) > 3500
        assert headers["Content-Type"].startswith("text/html")


async def test_a_limit_that_is_shared_with_others_counts_as_nobodys_fault() -> None:
    async with api(Limits(invalid_calls=0, channel_calls=50)) as call:
        news = await announcements(call)
        _, message, _ = await call("POST", news, {"content": "first"})
        assert (await exhausted(call, f"{news}/{message['id']}"))[0] == 429
        assert (await call.post())[0] == 200


async def test_the_library_takes_the_proxys_page_for_a_ban() -> None:
    async with discord_server() as server, logged_in(server, Listener) as client:
        server.ban(60.0)
        with pytest.raises(discord.HTTPException) as refused:
            await general(client, server).send("hello")
        assert (refused.value.status, refused.value.code) == (429, 0)


# Sessions.


async def test_gateway_bot_says_how_many_sessions_may_begin() -> None:
    async with api() as call:
        _, before, _ = await call("GET", "/gateway/bot")
        assert before["session_start_limit"]["remaining"] == 1000
        async with logged_in(call.server, Listener):
            _, after, _ = await call("GET", "/gateway/bot")
        limit = after["session_start_limit"]
        assert (limit["total"], limit["remaining"]) == (1000, 999)
        assert 86_000_000 < limit["reset_after"] <= 86_400_000


async def test_a_session_too_many_ends_all_of_them_and_resets_the_token() -> None:
    async with discord_server(limits=Limits(session_starts=1)) as server:
        async with logged_in(server, Listener):
            assert server.gateway.connected
            other = discord.Client(intents=discord.Intents.none())
            with pytest.raises(discord.ConnectionClosed) as refused:
                async with logged_in(server, lambda **_: other):
                    pass
            assert refused.value.code == 4004
            assert not server.gateway.connected
        headers = {"Authorization": f"Bot {server.token}"}
        async with (
            aiohttp.ClientSession(headers=headers) as http,
            http.get(f"{server.url}/users/@me") as answer,
        ):
            assert answer.status == 401


async def test_the_entry_point_command_is_not_removed_with_the_others() -> None:
    async with api() as call:
        call.server.people.launches("Play")
        path = f"/applications/{call.server.platform.bot.id}/commands"
        _, known, _ = await call("GET", path)
        status, body, _ = await call("PUT", path, [])
        assert (status, body["code"]) == (400, 50240)
        status, commands, _ = await call("PUT", path, [*known, {"name": "ask", "description": "x"}])
        assert status == 200
        assert [each["name"] for each in commands] == ["Play", "ask"]
