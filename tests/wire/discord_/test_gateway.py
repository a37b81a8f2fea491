"""The bot on Discord as its people see it: every question answered once, whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from bot.store import memory_store
from connectors.base import Asked, Event
from connectors.discord import Shards, gateway
from connectors.discord.connector import DiscordConnector
from providers.scripted import Pause
from tests.doubles.discord import DiscordServer, Intent, Message, discord_server
from tests.doubles.discord.snowflakes import shard_of
from tests.doubles.discord_way import Way, discord_way, listening, options_for
from tests.doubles.waiting import until

pytestmark = pytest.mark.real_time


def mention(server: DiscordServer, text: str, **more: Any) -> str:
    """Somebody mentions the bot; returns the message's id."""
    return server.people.say(f"{server.people.mention} {text}", **more)


def reply_of(server: DiscordServer, question: str, text: str = "") -> Message:
    """The bot's only reply to a question that begins so."""
    (found,) = [
        message
        for message in server.record.messages(by_bot=True)
        if message.reference
        and message.reference["message_id"] == question
        and message.content.startswith(text)
    ]
    return found


def asked_of(way: Way, number: int) -> list[str]:
    """What the model was told for a run, without the system's words."""
    return [turn.text for turn in way.provider.requests[number].turns[1:]]


async def test_a_mention_is_answered_by_a_reply_that_rings_nobody(server: DiscordServer) -> None:
    async with discord_way(server, ["Hello", " world"]) as way:
        question = mention(server, "hi there")
        assert await way.verdicts(1) == ["verified"]
        assert reply_of(server, question).content == "Hello world"
        assert asked_of(way, 0) == ["hi there"]
        assert not server.record.pinged()
        assert not server.record.writing()


async def test_a_direct_message_is_answered_and_remembered(server: DiscordServer) -> None:
    async with discord_way(server, ["One"], ["Two"]) as way:
        server.people.dm("first")
        await way.rows(1)
        server.people.dm("second")
        assert await way.verdicts(2) == ["verified"] * 2
        assert way.shown == ["One", "Two"]
        assert asked_of(way, 1) == ["first", "One", "second"]


async def test_a_reply_to_an_answer_goes_on_with_its_conversation(server: DiscordServer) -> None:
    async with discord_way(server, ["One"], ["Two"], ["Three"]) as way:
        mention(server, "first")
        await way.rows(1)
        mention(server, "something else")
        await way.rows(2)
        server.people.say("and then?", reply_to=way.answers[0].id)
        assert await way.verdicts(3) == ["verified"] * 3
        assert asked_of(way, 1) == ["something else"]
        assert asked_of(way, 2) == ["first", "One", "and then?"]


async def test_in_a_thread_it_takes_part_without_being_named_again(server: DiscordServer) -> None:
    async with discord_way(server, ["One"], ["Two"]) as way:
        thread = server.people.create_thread("Talk")
        server.people.say("not for it", thread=thread)
        mention(server, "first", thread=thread)
        await way.rows(1)
        server.people.say("and then?", thread=thread)
        server.people.say("what do you think, <@1>?", thread=thread, user="Bob")
        assert await way.verdicts(2) == ["verified"] * 2
        assert way.shown == ["One", "Two"]
        assert {message.channel_id for message in way.answers} == {thread}


async def test_what_is_not_said_to_it_is_not_answered(server: DiscordServer) -> None:
    people = server.people
    async with discord_way(server, ["One"]) as way:
        people.say("just talking")
        people.say(f"{people.mention} I am a bot too", user="Helper")
        people.webhook_say(f"{people.mention} and I a hook")
        people.join("Carol")
        people.say(f"Ask <@{people.bob.id}>")
        mention(server, "this one")
        await way.rows(1)
        await way.settled()
        assert [row.start.question for row in await way.rows(1)] == ["this one"]


async def test_a_slash_command_is_answered_where_it_was_given(server: DiscordServer) -> None:
    async with discord_way(server, ["One"], ["Two"]) as way:
        await until(lambda: server.platform.commands[None])
        given = server.people.command("ask", {"question": "What is it?"})
        assert await way.verdicts(1) == ["verified"]
        assert given.original_id == way.answers[0].id
        assert "What is it?" in way.shown[0]
        assert way.shown[0].endswith("\nOne")
        server.people.say("and then?", reply_to=way.answers[0].id)
        assert await way.verdicts(2) == ["verified"] * 2
        assert asked_of(way, 1) == ["What is it?", "One", "and then?"]


@pytest.mark.parametrize("how", ["drop", "reconnect", "invalidate", "forget and drop"])
async def test_a_connection_lost_in_mid_stream_costs_nothing_and_repeats_nothing(
    server: DiscordServer, how: str
) -> None:
    async with discord_way(
        server, ["One ", Pause(0.4), "two ", Pause(0.4), "three"], ["Four"]
    ) as way:
        question = mention(server, "first")
        await until(lambda: way.shown)
        for step in how.split(" and "):
            getattr(server.gateway, step)()
        second = mention(server, "second")  # while nobody listens
        assert await way.verdicts(2) == ["verified"] * 2
        await until(lambda: way.connector.connected)
        await way.settled()
        assert len(await way.rows(2)) == 2
        assert reply_of(server, question).content == "One two three"
        assert reply_of(server, second).content == "Four"
        anew = how in ("invalidate", "forget and drop")
        assert len(server.record.linked("identify")) == (2 if anew else 1)


async def test_what_was_asked_while_the_bot_was_away_is_answered_on_its_return(
    server: DiscordServer,
) -> None:
    question = mention(server, "anybody there?")
    async with discord_way(server, ["Now I am"]) as way:
        assert await way.verdicts(1) == ["verified"]
        assert reply_of(server, question).content == "Now I am"


async def test_a_process_that_remembers_nothing_answers_no_question_again(
    server: DiscordServer,
) -> None:
    async with discord_way(server, ["One"]) as way:
        mention(server, "first")
        await way.rows(1)
    async with discord_way(server, ["Two"]) as way:
        second = mention(server, "second")
        assert await way.verdicts(1) == ["verified"]
        assert reply_of(server, second).content == "Two"
        await way.settled()
        assert len(await way.rows(1)) == 1


async def test_a_button_pressed_after_a_restart_works(server: DiscordServer) -> None:
    store = memory_store()
    async with discord_way(server, ["One ", Pause(30)], store=store) as way:
        question = mention(server, "first")
        await until(lambda: way.shown)
        answer = way.answers[0]
        server.people.press(answer.id, "Stop")
        await way.rows(1)
    async with discord_way(server, ["Again"], store=store) as way:
        pressed = server.people.press(answer.id, "Retry")
        await pressed.callback()
        assert await way.verdicts(2) == ["verified"] * 2
        assert reply_of(server, question, "Again").deleted is None
    await store.aclose()


async def test_a_stop_is_heard_in_mid_stream(server: DiscordServer) -> None:
    async with discord_way(server, ["One ", Pause(30), "two"]) as way:
        mention(server, "first")
        await until(lambda: way.shown)
        await server.people.press(way.answers[0].id, "Stop").callback()
        (row,) = await way.rows(1)
        assert row.end
        assert row.end.outcome == "stopped"
        assert not server.record.writing()


async def test_somebody_elses_press_is_refused_for_their_eyes_alone(server: DiscordServer) -> None:
    async with discord_way(server, ["One ", Pause(30), "two"]) as way:
        mention(server, "first")
        await until(lambda: way.shown)
        pressed = server.people.press(way.answers[0].id, "Stop", user="Bob")
        await until(lambda: pressed.followups)
        told = server.platform.messages[pressed.followups[0]]
        assert told.ephemeral
        assert "Only the person who asked" in told.content
        assert len(way.runs.active) == 1


async def test_a_deleted_question_stops_its_answer(server: DiscordServer) -> None:
    async with discord_way(server, ["One ", Pause(30), "two"]) as way:
        question = mention(server, "first")
        await until(lambda: way.shown)
        server.people.delete_many(question, server.people.say("and another"))
        (row,) = await way.rows(1)
        assert row.end
        assert row.end.outcome == "stopped"


async def test_a_question_that_is_changed_is_answered_anew(server: DiscordServer) -> None:
    async with discord_way(server, ["One ", Pause(30)], ["Two"]) as way:
        question = mention(server, "first")
        await until(lambda: way.shown)
        server.people.pin(question)  # this changes the message too, and not what it says
        server.people.edit(question, f"{server.people.mention} better")
        rows = await way.rows(2)
        assert [row.start.question for row in rows] == ["first", "better"]


async def test_with_threads_a_mention_is_answered_in_a_thread_of_its_own(
    server: DiscordServer,
) -> None:
    async with discord_way(server, ["One"], ["Two"], threads=True) as way:
        question = mention(server, "What is it?")
        await way.rows(1)
        server.people.say("and then?", thread=question)
        assert await way.verdicts(2) == ["verified"] * 2
        assert {message.channel_id for message in way.answers} == {question}
        assert server.platform.channels[question].name == "What is it?"
        assert asked_of(way, 1) == ["What is it?", "One", "and then?"]


async def test_without_the_content_intent_it_says_so_and_answers_mentions(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with (
        discord_server(intents=Intent(0)) as server,
        discord_way(server, ["One"], ["Two"]) as way,
    ):
        mention(server, "first")
        await way.rows(1)
        server.people.dm("alone")
        assert await way.verdicts(2) == ["verified"] * 2
    assert "switch on Message Content Intent" in caplog.text


async def test_a_wrong_token_is_named_and_tried_once(
    server: DiscordServer, caplog: pytest.LogCaptureFixture
) -> None:
    connector = DiscordConnector(options_for(server, token="test.other"))
    waiting = asyncio.ensure_future(anext(connector.events()))
    await until(lambda: "DISCORD_TOKEN" in caplog.text)
    await connector.aclose()
    with pytest.raises(StopAsyncIteration):
        await waiting
    assert len(server.record.called("GET", "/users/@me")) == 1


async def test_many_servers_are_shared_among_shards_and_each_is_heard_once(
    server: DiscordServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def two(_http: gateway._GatewayHttp) -> Any:
        return 2, server.gateway_url, {}

    monkeypatch.setattr(gateway._GatewayHttp, "get_bot_gateway", two)
    platform, people = server.platform, server.people
    first = shard_of(people.guild.id, 2)
    while shard_of((guild := platform.add_guild("Other", people.alice)).id, 2) == first:
        continue  # ids carry milliseconds, and so do shards
    other = platform.add_channel(guild, "other")
    async with listening(server) as (_, heard):
        mention(server, "here")
        mention(server, "there", channel=other)
        await until(
            lambda: {each.text for each in heard if isinstance(each, Asked)} == {"here", "there"}
        )
    assert len(server.record.linked("identify")) == 2


async def test_processes_that_read_some_shards_hear_each_server_once(server: DiscordServer) -> None:
    platform, people = server.platform, server.people
    first = shard_of(people.guild.id, 2)
    while shard_of((guild := platform.add_guild("Other", people.alice)).id, 2) == first:
        continue  # ids carry milliseconds, and so do shards
    other = platform.add_channel(guild, "other")
    here, there = Shards((first,), 2), Shards((1 - first,), 2)
    async with (
        listening(server, shards=here) as (one, heard),
        listening(server, shards=there) as (two, more),
    ):
        assert one.connected
        assert two.connected
        mention(server, "here")
        mention(server, "there", channel=other)
        await until(lambda: asked(heard) and asked(more))
    # A catch-up may hand one over again: the inbox keeps it once.
    assert asked(heard) == {"here"}
    assert asked(more) == {"there"}


def asked(events: Iterable[Event]) -> set[str]:
    """The texts of the questions among them."""
    return {each.text for each in events if isinstance(each, Asked)}


async def test_where_it_is_invited_is_said_once_it_is_connected(
    server: DiscordServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with listening(server) as (connector, _):
        assert connector.invite_url
        assert f"client_id={server.platform.bot.id}" in connector.invite_url
        assert connector.invite_url in caplog.text


async def test_a_question_that_could_not_be_kept_is_handed_over_again(
    server: DiscordServer,
) -> None:
    refused = [True]
    async with listening(server, lambda _: not (refused and refused.pop())) as (_, heard):
        mention(server, "first")
        await until(lambda: len(heard) >= 2)
        assert heard[0] == heard[1]


async def test_a_question_that_can_not_be_kept_at_all_is_told_so(server: DiscordServer) -> None:
    async with listening(server, lambda _: False):
        question = mention(server, "first")
        await until(server.record.shown)
        assert "Please ask again" in reply_of(server, question).content


async def test_a_peer_that_answers_no_farewell_holds_up_no_end(server: DiscordServer) -> None:
    async with asyncio.timeout(10):
        async with listening(server):
            for connection in server.gateway.connections:
                assert connection._transport is not None
                connection._transport.pause_reading()
