"""What was said before, as the people of the server see it: by replies, in threads, alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connectors.base import File, Gone, MessageRef, Place, Refused, Said, TooLarge
from connectors.discord import history as reader_module
from connectors.discord.api import Rest
from connectors.discord.history import DiscordHistory
from connectors.discord.places import DM, Places, chain
from tests.doubles.discord import DiscordServer

pytestmark = pytest.mark.real_time


@pytest.fixture
def places() -> Places:
    """What the bot remembers: nothing, as after a restart."""
    return Places()


@pytest.fixture
def reader(rest: Rest, places: Places) -> DiscordHistory:
    """The reader of a bot."""
    return DiscordHistory(rest, places)


def chain_of(server: DiscordServer, first: str) -> Place:
    """The conversation of replies that begins with a message."""
    people = server.people
    return Place("discord", people.guild.id, people.general.id, chain(first))


async def answer(rest: Rest, server: DiscordServer, text: str, to: str | None = None) -> str:
    """The bot says something, in reply to a message or after the last; returns its id."""
    body: dict[str, object] = {"content": text}
    if to is not None:
        body["message_reference"] = {"message_id": to}
    general = server.people.general.id
    said = await rest.call("POST", "/channels/{id}/messages", json=body, id=general)
    return str(said["id"])


async def told(reader: DiscordHistory, place: Place, before: str, limit: int = 20) -> list[Said]:
    """The history before a message."""
    return list(await reader.history(place, MessageRef(place, before), limit))


# Chains of replies.


async def test_a_chain_is_its_replies_and_nothing_that_was_said_between(
    server: DiscordServer, rest: Rest, reader: DiscordHistory
) -> None:
    people = server.people
    first = people.say("One?")
    people.say("Lunch?", user="Bob")
    one = await answer(rest, server, "One.", first)
    other = people.say("Other?", user="Bob")
    await answer(rest, server, "Other.", other)
    second = people.say("Two?", reply_to=one)
    two = await answer(rest, server, "Two.", second)
    third = people.say("Three?", reply_to=two)
    history = await told(reader, chain_of(server, first), third)
    assert [each.text for each in history] == ["One?", "One.", "Two?", "Two."]
    assert [each.by_bot for each in history] == [False, True, False, True]


async def test_the_further_parts_of_an_answer_belong_to_its_chain(
    server: DiscordServer, rest: Rest, reader: DiscordHistory
) -> None:
    first = server.people.say("One?")
    await answer(rest, server, "Part 1", first)
    server.people.say("Lunch?", user="Bob")
    two = await answer(rest, server, "Part 2")
    second = server.people.say("Two?", reply_to=two)
    history = await told(reader, chain_of(server, first), second)
    assert [each.text for each in history] == ["One?", "Part 1", "Part 2"]


async def test_what_is_remembered_decides_where_answers_are_mixed(
    server: DiscordServer, rest: Rest, reader: DiscordHistory, places: Places
) -> None:
    first, other = server.people.say("One?"), server.people.say("Other?", user="Bob")
    one = await answer(rest, server, "One, 1", first)
    await answer(rest, server, "Other, 1", other)
    two = await answer(rest, server, "One, 2")
    place = chain_of(server, first)
    for each in (one, two):
        places.remember(each, place)
    second = server.people.say("Two?", reply_to=one)
    history = await told(reader, place, second)
    assert [each.text for each in history] == ["One?", "One, 1", "One, 2"]


async def test_a_chain_from_long_ago_is_followed_from_reply_to_reply(
    server: DiscordServer, rest: Rest, reader: DiscordHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_module, "_PAGE", 3)
    first = server.people.say("One?")
    one = await answer(rest, server, "One.", first)
    for i in range(20):
        server.people.say(f"{i}", user="Bob")
    second = server.people.say("Two?", reply_to=one)
    two = await answer(rest, server, "Two.", second)
    third = server.people.say("Three?", reply_to=two)
    history = await told(reader, chain_of(server, first), third)
    assert [each.text for each in history] == ["One?", "One.", "Two?", "Two."]


async def test_a_chain_whose_middle_was_deleted_is_told_as_far_as_it_is_there(
    server: DiscordServer, rest: Rest, reader: DiscordHistory
) -> None:
    first = server.people.say("One?")
    one = await answer(rest, server, "One.", first)
    second = server.people.say("Two?", reply_to=one)
    server.people.delete(one)
    assert [e.text for e in await told(reader, chain_of(server, first), second)] == ["One?"]


async def test_before_the_first_question_nothing_was_said(
    server: DiscordServer, reader: DiscordHistory
) -> None:
    server.people.say("Lunch?")
    first = server.people.say("One?")
    assert await told(reader, chain_of(server, first), first) == []


async def test_the_newest_are_given_where_there_are_more(
    server: DiscordServer, reader: DiscordHistory
) -> None:
    last = first = server.people.say("0")
    for i in range(1, 6):
        last = server.people.say(f"{i}", reply_to=last)
    history = await told(reader, chain_of(server, first), last, limit=2)
    assert [(each.text, each.opens) for each in history] == [
        ("0", True),
        ("3", False),
        ("4", False),
    ]


async def test_what_a_long_thread_was_opened_at_is_told_however_long_it_is(
    server: DiscordServer, reader: DiscordHistory
) -> None:
    people = server.people
    start = people.say("What is it about?")
    thread = people.open_thread(start, name="long")
    said = [people.say(f"{i}", thread=thread) for i in range(5)]
    place = Place("discord", people.guild.id, people.general.id, thread)
    history = await told(reader, place, said[-1], limit=2)
    assert [each.text for each in history] == ["What is it about?", "2", "3"]
    assert [each.opens for each in history] == [True, False, False]


# Threads and direct messages.


async def test_a_thread_is_told_with_the_message_that_it_was_opened_at(
    server: DiscordServer, reader: DiscordHistory
) -> None:
    people = server.people
    start = people.say("Long?")
    thread = people.open_thread(start, name="long")
    inside = people.say("In it.", thread=thread, user="Bob")
    last = people.say("Last.", thread=thread)
    place = Place("discord", people.guild.id, people.general.id, thread)
    history = await told(reader, place, last)
    assert [(each.text, each.author.name) for each in history] == [
        ("Long?", "Alice"),
        ("In it.", "Bob"),
    ]
    assert [each.ref for each in history] == [MessageRef(place, start), MessageRef(place, inside)]


async def test_joins_and_pins_say_nothing(server: DiscordServer, reader: DiscordHistory) -> None:
    people = server.people
    asked = people.dm("Hi")
    channel = server.record.history[asked].channel_id
    people.pin(asked)
    last = people.dm("Still there?")
    place = Place("discord", DM, channel)
    (said,) = await told(reader, place, last)
    assert (said.text, said.author.name, said.ref.id) == ("Hi", "Alice", asked)


async def test_a_long_history_is_read_in_pages(
    server: DiscordServer, reader: DiscordHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_module, "_PAGE", 3)
    asked = [server.people.dm(f"{i}") for i in range(9)]
    place = Place("discord", DM, server.record.history[asked[0]].channel_id)
    history = await told(reader, place, asked[-1], limit=7)
    assert [each.text for each in history] == [f"{i}" for i in range(1, 8)]
    assert [each.at_us for each in history] == sorted(each.at_us for each in history)


# Words and names.


async def test_people_are_called_as_their_server_calls_them(
    server: DiscordServer, reader: DiscordHistory
) -> None:
    people = server.people
    first = people.say(f"<@{people.bob.id}> and {people.mention}, hello")
    second = people.say("So?", reply_to=first)
    (said,) = await told(reader, chain_of(server, first), second)
    assert said.text == "@Bob and, hello"
    assert said.author.name == "Alice"
    await told(reader, chain_of(server, first), second)
    members = server.record.called("GET", "/guilds/{guild_id}/members/{user_id}")
    assert len(members) == 2  # each name is asked for once


async def test_an_apps_words_in_an_embed_are_told(
    server: DiscordServer, reader: DiscordHistory
) -> None:
    asked = server.people.dm("Hi")
    message = server.record.history[asked]
    embed = {"title": "Build", "description": "failed", "fields": [{"name": "at", "value": "noon"}]}
    message.versions[-1] = replace(message.now, content="", embeds=(embed,))
    last = server.people.dm("Why?")
    (said,) = await told(reader, Place("discord", DM, message.channel_id), last)
    assert said.text == "Build\nfailed\nat: noon"


async def test_a_commands_response_tells_the_question_too(
    server: DiscordServer, rest: Rest, reader: DiscordHistory
) -> None:
    server.platform.commands[None] = [{"id": "5", "name": "ask", "type": 1, "options": []}]
    given = server.people.command("ask")
    path = "/interactions/{id}/{token}/callback"
    answered = {"type": 4, "data": {"content": "-# 💬 Why?\nSo."}}
    await rest.call("POST", path, json=answered, id=given.id, token=given.token)
    assert given.answer is not None
    second = server.people.say("And?", reply_to=given.answer.message_id)
    history = await told(reader, chain_of(server, given.id), second)
    assert [(each.text, each.by_bot) for each in history] == [("Why?", False), ("So.", True)]
    assert history[0].ref.id == given.id


# Files.


async def test_files_are_told_and_fetched(server: DiscordServer, reader: DiscordHistory) -> None:
    asked = server.people.dm("Look", files={"notes.txt": b"twelve bytes"})
    place = Place("discord", DM, server.record.history[asked].channel_id)
    last = server.people.dm("So?")
    (said,) = await told(reader, place, last)
    (file,) = said.files
    assert (file.name, file.media_type, file.size) == ("notes.txt", "text/plain", 12)
    assert await reader.fetch(file, 12) == b"twelve bytes"
    with pytest.raises(TooLarge):
        await reader.fetch(file, 11)
    server.people.delete(asked)
    with pytest.raises(Gone):
        await reader.fetch(file, 12)


async def test_a_file_is_fetched_from_discord_alone(reader: DiscordHistory) -> None:
    file = File("https://example.com/x", "x", "text/plain", 1)
    with pytest.raises(Refused, match="Discord's own servers"):
        await reader.fetch(file, 10)
