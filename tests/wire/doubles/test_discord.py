"""The Discord double, as discord.py sees it: messages, pings and threads."""

from __future__ import annotations

import io
from typing import Any

import discord
import pytest

from tests.doubles.discord import (
    Intent,
    Limits,
    discord_server,
    logged_in,
)
from tests.doubles.listener import Listener, general, soon

pytestmark = pytest.mark.real_time


# Messages.


async def test_a_client_hears_what_people_say_and_answers() -> None:
    async with discord_server() as server, logged_in(server, Listener) as client:
        asked = server.people.say(f"{server.people.mention} Why?", files={"a b.txt": b"data"})
        question = await soon(client.heard)
        assert question.id == int(asked)
        assert client.user in question.mentions
        assert await question.attachments[0].read() == b"data"
        answer = await question.reply("  Because.\n")
        assert answer.content == "Because."
        assert answer.type is discord.MessageType.reply
        assert (await answer.edit(content="Because it is.")).content == "Because it is."
        assert server.record.shown() == ["Because it is."]
        assert [v.content for v in server.record.history[str(answer.id)].versions] == [
            "Because.",
            "Because it is.",
        ]


async def test_edits_and_deletions_are_told() -> None:
    async with discord_server() as server, logged_in(server, Listener) as client:
        people = server.people
        first, second, third = (people.say(text) for text in ("one", "two", "three"))
        people.edit(first, "uno")
        event = await soon(client.edited)
        assert (event.message.content, event.message.edited_at is not None) == ("uno", True)
        people.delete(first)
        people.delete_many(second, third)
        told = [await soon(client.deleted) for _ in range(3)]
        assert told == [int(first), int(second), int(third)]


async def test_everybody_who_speaks_is_told_apart() -> None:
    async with discord_server() as server, logged_in(server, Listener) as client:
        people = server.people
        people.say("a person", user="Bob")
        people.say("a bot", user=people.helper)
        people.webhook_say("a webhook")
        people.join("Carol")
        people.pin(people.dm("alone"))
        person, bot, hook, joined, alone, pinned = [await soon(client.heard) for _ in range(6)]
        assert not person.author.bot
        assert bot.author.bot
        assert hook.webhook_id is not None
        assert joined.type is discord.MessageType.new_member
        assert isinstance(alone.channel, discord.DMChannel)
        assert pinned.type is discord.MessageType.pins_add


async def test_without_the_intent_the_content_is_withheld_but_for_what_concerns_the_bot() -> None:
    intents = discord.Intents.default()
    async with (
        discord_server(intents=Intent(0)) as server,
        logged_in(server, Listener, intents=intents) as client,
    ):
        people = server.people
        people.say("among themselves", files={"a.txt": b"a"})
        people.say(f"{people.mention} you")
        people.dm("alone")
        people.say("back", reply_to=str((await general(client, server).send("mine")).id))
        heard = [await soon(client.heard) for _ in range(4)]
        assert [m.content for m in heard] == ["", f"{people.mention} you", "alone", "back"]
        assert heard[0].attachments == []
        history = [m.content async for m in general(client, server).history()]
        assert history == ["back", "mine", f"{people.mention} you", ""]


async def test_history_is_read_in_every_direction() -> None:
    async with discord_server() as server, logged_in(server, Listener) as client:
        ids = [int(server.people.say(str(number))) for number in range(7)]
        channel = general(client, server)

        async def read(**where: Any) -> list[str]:
            where = {k: discord.Object(v) if k != "limit" else v for k, v in where.items()}
            return [m.content async for m in channel.history(**where)]

        server.people.delete(str(ids[1]))
        assert await read(limit=2) == ["6", "5"]
        assert await read(limit=2, before=ids[3]) == ["2", "0"]
        assert await read(limit=2, after=ids[3]) == ["4", "5"]
        assert await read(limit=3, around=ids[3]) == ["4", "3", "2"]
        assert (await channel.fetch_message(ids[0])).content == "0"
        with pytest.raises(discord.NotFound, match="10008"):
            await channel.fetch_message(ids[1])


async def test_files_are_posted_kept_and_served() -> None:
    async with discord_server() as server, logged_in(server, Listener) as client:
        file = discord.File(io.BytesIO(b"table"), "t.csv", description="a table")
        sent = await general(client, server).send("here", file=file)
        edited = await sent.edit(content="there")
        assert [a.filename for a in edited.attachments] == ["t.csv"]
        assert await edited.attachments[0].read() == b"table"
        assert (await sent.edit(attachments=[])).attachments == []


async def test_a_nonce_posts_once() -> None:
    async with discord_server() as server, logged_in(server, Listener) as client:
        channel = general(client, server)
        first = await channel.send("one", nonce="run-1")
        again = await channel.send("two", nonce="run-1")
        assert again.id == first.id
        assert server.record.shown() == ["one"]
        with pytest.raises(discord.HTTPException, match="nonce: Must be 25 or fewer"):
            await channel.send("three", nonce="n" * 26)


async def test_a_forgotten_nonce_posts_again() -> None:
    limits = Limits(nonce_seconds=0.0)
    async with discord_server(limits=limits) as server, logged_in(server, Listener) as client:
        await general(client, server).send("one", nonce="run-1")
        await general(client, server).send("one", nonce="run-1")
        assert server.record.shown() == ["one", "one"]


async def test_typing_is_noted() -> None:
    async with discord_server() as server, logged_in(server, Listener) as client:
        await general(client, server).typing()
        assert [each.channel_id for each in server.record.typing] == [server.people.general.id]


# Pings.


async def test_only_what_is_allowed_rings() -> None:
    async with discord_server() as server, logged_in(server, Listener) as client:
        people, channel = server.people, general(client, server)
        role = next(role for role in people.guild.roles.values() if role.name == "Everytoken")
        text = f"@everyone @here <@{people.bob.id}> <@&{role.id}>"
        everybody = ["everyone", "here", f"user:{people.bob.id}", f"role:{role.id}"]
        loud = await channel.send(text)
        await channel.send(text, allowed_mentions=discord.AllowedMentions.none())
        assert server.record.pinged() == [(str(loud.id), ping) for ping in everybody]


async def test_an_edit_rings_nobody() -> None:
    async with discord_server() as server, logged_in(server, Listener) as client:
        sent = await general(client, server).send("nobody")
        await sent.edit(content="@everyone")
        assert server.record.pinged() == []


async def test_a_reply_rings_unless_told_not_to() -> None:
    async with discord_server() as server, logged_in(server, Listener) as client:
        server.people.say("Why?")
        question = await soon(client.heard)
        await question.reply("quietly", mention_author=False)
        assert server.record.pinged() == []
        loud = await question.reply("loudly")
        assert server.record.pinged() == [(str(loud.id), f"reply:{server.people.alice.id}")]


# Threads.


async def test_threads_are_told_posted_in_and_closed() -> None:
    async with discord_server() as server, logged_in(server, Listener) as client:
        people = server.people
        thread_id = people.open_thread(people.say("Long?"), name="long")
        people.say("in it", thread=thread_id)
        texts = [await soon(client.heard) for _ in range(3)]
        assert texts[1].type is discord.MessageType.thread_starter_message
        assert isinstance(texts[2].channel, discord.Thread)
        await texts[2].channel.send("answer")
        assert server.record.shown(thread_id) == ["answer"]
        people.archive(thread_id, locked=True)
        with pytest.raises(discord.HTTPException, match="50083"):
            await texts[2].channel.send("too late")


async def test_the_bot_opens_threads() -> None:
    async with discord_server() as server, logged_in(server, Listener) as client:
        server.people.say("Long?")
        question = await soon(client.heard)
        on_message = await question.create_thread(name="on it")
        alone = await general(client, server).create_thread(
            name="alone", type=discord.ChannelType.public_thread
        )
        assert on_message.id == question.id
        assert (await alone.send("hello")).content == "hello"
