"""What was said while nobody listened is found, and belongs to the conversation that it went on."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.base import Asked, Place
from connectors.discord.api import Rest
from connectors.discord.places import Places
from connectors.discord.questions import MessageContext, Origins
from providers.scripted import Pause
from tests.doubles.discord import DiscordServer, MessageType, Permission, Refuse, Version
from tests.doubles.discord_way import discord_way, listening
from tests.doubles.waiting import until

pytestmark = pytest.mark.real_time


def texts(heard: list[Any]) -> list[str]:
    """The questions that were heard, each once, in order."""
    return list(dict.fromkeys(event.text for event in heard if isinstance(event, Asked)))


async def away(server: DiscordServer) -> None:
    """The session ends; what happens until the next one begins, nobody is told of."""
    server.gateway.refuses = True
    server.gateway.forget()
    server.gateway.drop()
    await until(lambda: not server.gateway.connections)


async def test_mentions_and_direct_messages_of_the_time_away_are_heard(
    server: DiscordServer,
) -> None:
    people = server.people
    async with listening(server) as (_, heard):
        thread = people.create_thread("Talk")
        people.dm("before")
        await until(lambda: heard)
        await away(server)
        people.dm("alone")
        people.say("just talking")
        people.say(f"{people.mention} in the channel")
        people.say(f"{people.mention} in the thread", thread=thread)
        server.gateway.refuses = False
        await until(lambda: len(texts(heard)) == 4)
        assert set(texts(heard)) == {"before", "alone", "in the channel", "in the thread"}


async def test_what_is_found_twice_is_answered_once_in_a_chain_of_replies_too(
    server: DiscordServer,
) -> None:
    people = server.people
    async with discord_way(server, ["One"], ["Two"], ["Three"]) as way:
        people.say(f"{people.mention} first")
        await way.rows(1)
        await away(server)
        people.say("second", reply_to=way.answers[0].id)
        server.gateway.refuses = False
        await way.rows(2)
        await until(lambda: way.connector.connected)
        server.gateway.invalidate()
        await until(lambda: len(server.record.linked("identify")) == 3)
        people.say(f"{people.mention} third")
        rows = await way.rows(3)
        assert [row.start.question for row in rows] == ["first", "second", "third"]


async def test_nothing_is_looked_for_where_that_is_not_wanted(server: DiscordServer) -> None:
    server.people.say(f"{server.people.mention} before")
    async with listening(server, catch_up_seconds=0) as (_, heard):
        server.people.say(f"{server.people.mention} now")
        await until(lambda: heard)
        assert texts(heard) == ["now"]
        assert not server.record.called("GET", "/channels/{channel_id}/messages")


async def test_what_is_older_than_the_time_looked_back_is_left(server: DiscordServer) -> None:
    server.people.say(f"{server.people.mention} before")
    async with listening(server, catch_up_seconds=0.000001) as (_, heard):
        server.people.say(f"{server.people.mention} now")
        await until(lambda: heard)
        assert texts(heard) == ["now"]


async def test_a_channel_that_can_not_be_read_costs_no_other(server: DiscordServer) -> None:
    other = server.platform.add_channel(server.people.guild, "other")
    for channel in (server.people.general, other):
        server.people.say(f"{server.people.mention} in {channel.name}", channel=channel)
    server.faults.add(Refuse(403, 50001), "GET", f"/channels/{other.id}/messages")
    async with listening(server) as (_, heard):
        await until(lambda: heard)
        assert texts(heard) == ["in general"]


async def test_a_long_silence_is_read_page_by_page(server: DiscordServer) -> None:
    for number in range(120):
        server.people.say(f"{server.people.mention} {number}")
    async with listening(server) as (_, heard):
        await until(lambda: len(texts(heard)) == 120)
        assert texts(heard) == [str(number) for number in range(120)]


# The conversation of a message, for a process that remembers nothing.


def setting(server: DiscordServer) -> MessageContext:
    """The channel in which everybody talks."""
    people = server.people
    return MessageContext(server.platform.bot.id, people.guild.id, people.general.id)


async def place_of(server: DiscordServer, rest: Rest, message_id: str) -> Place:
    """The place of a message, found without any memory."""
    body = await rest.call(
        "GET",
        "/channels/{channel}/messages/{message}",
        channel=server.people.general.id,
        message=message_id,
    )
    return await Origins(rest, Places(), threads=False).of(body, setting(server))


def answer(server: DiscordServer, text: str, to: str | None = None) -> str:
    """The bot says something, as a reply or not."""
    reference = {"message_id": to, "channel_id": server.people.general.id} if to else None
    return server.platform.post(
        server.people.general,
        server.platform.bot,
        Version(0.0, text),
        type=MessageType.REPLY if to else MessageType.DEFAULT,
        reference=reference,
    ).id


async def test_a_chain_of_replies_is_followed_to_its_first_message(
    server: DiscordServer, rest: Rest
) -> None:
    say = server.people.say
    first = say("first")
    second = say("second", reply_to=answer(server, "One", first))
    third = say("third", reply_to=answer(server, "Two", second), user="Bob")
    for message in (first, second, third):
        assert (await place_of(server, rest, message)).thread == f"reply:{first}"


async def test_a_later_part_of_an_answer_belongs_to_the_same_chain(
    server: DiscordServer, rest: Rest
) -> None:
    first = server.people.say("first")
    answer(server, "One", first)
    server.people.say("in between")
    second = server.people.say("second", reply_to=answer(server, "more of One"))
    assert (await place_of(server, rest, second)).thread == f"reply:{first}"


async def test_a_reply_to_a_deleted_message_begins_where_that_stood(
    server: DiscordServer, rest: Rest
) -> None:
    first = server.people.say("first")
    second = server.people.say("second", reply_to=first)
    third = server.people.say("third", reply_to=second)
    server.people.delete(first)
    for message in (second, third):
        assert (await place_of(server, rest, message)).thread == f"reply:{first}"


async def test_a_reply_to_a_commands_response_goes_on_with_what_the_command_asked(
    server: DiscordServer, rest: Rest
) -> None:
    async with discord_way(server, ["One"]) as way:
        await until(lambda: server.platform.commands[None])
        given = server.people.command("ask", {"question": "first"})
        await way.rows(1)
        second = server.people.say("second", reply_to=way.answers[0].id)
        assert (await place_of(server, rest, second)).thread == f"reply:{given.id}"


async def test_a_message_that_began_a_thread_is_found_in_it_again(server: DiscordServer) -> None:
    async with discord_way(server, ["One ", Pause(0.2), "two"], ["Three"], threads=True) as way:
        server.people.say(f"{server.people.mention} first")
        await until(lambda: way.shown)
        server.gateway.invalidate()
        await until(lambda: len(server.record.linked("identify")) == 2)
        server.people.dm("second")
        rows = await way.rows(2)
        assert sorted(row.start.question for row in rows) == ["first", "second"]


async def test_a_thread_is_opened_where_another_answer_is_on_its_way(
    server: DiscordServer,
) -> None:
    scripts = ["One ", Pause(0.3), "two"], ["Three"], ["Four"]
    async with discord_way(server, *scripts, threads="auto") as way:
        for text in ("first", "second"):
            server.people.say(f"{server.people.mention} {text}")
        assert await way.verdicts(2) == ["verified"] * 2
        general = server.people.general.id
        assert sorted(answer.channel_id == general for answer in way.answers) == [False, True]
        server.people.say(f"{server.people.mention} third")
        assert await way.verdicts(3) == ["verified"] * 3
        assert sum(answer.channel_id == general for answer in way.answers) == 2


async def test_where_no_thread_may_be_opened_the_answer_is_a_reply(server: DiscordServer) -> None:
    server.people.deny(Permission.CREATE_PUBLIC_THREADS)
    async with discord_way(server, ["One"], threads=True) as way:
        server.people.say(f"{server.people.mention} first")
        assert await way.verdicts(1) == ["verified"]
        assert way.answers[0].channel_id == server.people.general.id


async def test_an_archived_thread_is_asked_about(server: DiscordServer) -> None:
    thread = server.people.create_thread("Old")
    server.people.archive(thread)
    async with listening(server) as (_, heard):
        server.people.say(f"{server.people.mention} again", thread=thread)
        await until(lambda: heard)
        assert heard[0].message.place.thread == thread
