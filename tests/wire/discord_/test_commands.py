"""Commands: told to Discord where they changed, acknowledged in time, answered in their place."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from bot.identity import Named
from bot.intake import IntakeOptions
from connectors.base import Asked, Commanded, Event, File, MessageRef, Place
from connectors.discord import commands
from connectors.discord import commands as asking
from connectors.discord.api import Rest
from connectors.discord.commands import COMMANDS, agree, register
from connectors.discord.places import DM, chain
from connectors.words import Sentence, english
from providers.scripted import Pause
from tests.doubles.discord import (
    CallbackType,
    DiscordServer,
    Interaction,
    Limits,
    Refuse,
    Slow,
)
from tests.doubles.discord.interactions import InteractionType
from tests.doubles.discord.platform import Event as Told
from tests.doubles.discord_way import discord_way, listening
from tests.doubles.said import FORGOTTEN
from tests.doubles.waiting import until

pytestmark = pytest.mark.real_time


async def told(interaction: Interaction) -> tuple[CallbackType, str, bool]:
    """How an interaction was answered: in which way, with which words, and to one person only."""
    answer = await interaction.callback()
    flags = int(answer.data.get("flags", 0))
    return answer.type, answer.data.get("content", ""), bool(flags & 1 << 6)


async def registered(server: DiscordServer) -> None:
    """Waits until Discord knows the commands."""
    await until(lambda: server.platform.commands[None])


# Registration.


async def test_the_commands_are_told_once_and_again_when_they_changed(
    server: DiscordServer, rest: Rest
) -> None:
    assert await register(rest)
    assert not await register(rest)
    server.platform.commands[None][0]["description"] = "Something older"
    assert await register(rest)
    del server.platform.commands[None][0]
    assert await register(rest)
    assert len(server.record.called("PUT")) == 3


async def test_an_entry_point_command_is_left_alone(server: DiscordServer, rest: Rest) -> None:
    play = server.people.launches("ask")
    assert await register(rest)
    assert not await register(rest)
    known = server.platform.commands[None]
    assert [each["id"] for each in known if each["type"] == 4] == [play]
    assert len(known) == len(COMMANDS) + 1


async def test_who_gives_the_entry_point_command_asks_the_bot_nothing(
    server: DiscordServer,
) -> None:
    server.people.launches("ask")
    async with listening(server) as (_, heard):
        given = server.people.launch("ask")
        server.people.dm("hello")
        await until(lambda: heard)
        assert [type(event) for event in heard] == [Asked]
        assert given.answer is None


def test_what_discord_adds_to_a_command_is_no_change() -> None:
    known = [{**each, "id": "1", "version": "2", "nsfw": False} for each in reversed(COMMANDS)]
    assert agree(COMMANDS, known)
    assert not agree(COMMANDS, [*known, {"name": "old", "type": 1}])
    assert not agree(COMMANDS, [{**known[0], "contexts": [0]}, *known[1:]])


async def test_commands_that_discord_refuses_keep_nobody_from_asking(
    server: DiscordServer,
) -> None:
    server.faults.add(Refuse(500), "PUT")
    async with listening(server) as (_, heard):
        server.people.dm("hi")
        await until(lambda: heard)


async def test_commands_are_left_alone_where_that_is_wanted(server: DiscordServer) -> None:
    async with listening(server, sync_commands=False):
        assert not server.record.called("PUT")


# What they do.


async def test_a_question_is_asked_in_the_channel_thread_or_conversation(
    server: DiscordServer,
) -> None:
    people, guild = server.people, server.people.guild.id
    async with listening(server) as (_, heard):
        await registered(server)
        thread = people.create_thread()
        alone = server.platform.direct_channel(people.alice)
        given = []
        for channel in (people.general, thread, alone):
            given.append(people.command("ask", {"question": " Why? "}, channel=channel))
            assert (await told(given[-1]))[0] is CallbackType.DEFERRED_MESSAGE
    general = people.general.id
    places = [
        Place("discord", guild, general, f"reply:{given[0].id}"),
        Place("discord", guild, general, thread),
        Place("discord", DM, alone.id),
    ]
    asked = [event for event in heard if isinstance(event, Asked)]
    refs = [MessageRef(place, each.id) for place, each in zip(places, given, strict=True)]
    assert [event.message for event in asked] == refs
    assert {event.text for event in asked} == {"Why?"}
    assert {event.person.name for event in asked} == {"Alice"}


async def test_a_question_that_was_not_kept_is_told_to_its_asker_alone(
    server: DiscordServer,
) -> None:
    async with listening(server, lambda _: False):
        await registered(server)
        given = server.people.command("ask", {"question": "Why?"})
        assert await told(given) == (CallbackType.MESSAGE, english(Sentence("told.not_kept")), True)


async def test_a_question_is_acknowledged_in_time_though_keeping_it_takes_long(
    server: DiscordServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "_SOON_S", 0.05)
    async with discord_way(server, ["One"]) as way:
        await registered(server)
        async with way.intake._keeping.lock:  # the store is slow
            given = server.people.command("ask", {"question": "Why?"})
            assert (await told(given))[0] is CallbackType.DEFERRED_MESSAGE
        assert await way.verdicts(1) == ["verified"]
        assert way.shown[0].endswith("One")


async def test_a_command_that_came_too_late_is_answered_by_an_ordinary_message() -> None:
    from tests.doubles.discord import discord_server

    limits = Limits(channel_calls=None, answer_seconds=0.0)
    async with discord_server(limits=limits) as server, discord_way(server, ["One"]) as way:
        await registered(server)
        server.people.command("ask", {"question": "Why?"})
        assert await way.verdicts(1) == ["verified"]
        assert way.shown == ["One"]


async def test_a_file_of_a_question_is_fetched_by_its_address(server: DiscordServer) -> None:
    async with listening(server) as (connector, heard):
        message = server.platform.messages[server.people.say("x", files={"a.txt": b"abc"})]
        (upload,) = message.now.attachments
        address = f"{server.platform.origin}/attachments/{upload.channel_id}/{upload.id}/a.txt"
        about = {"url": address, "filename": "a.txt", "size": 3, "content_type": "text/plain"}
        data = {
            "name": "ask",
            "type": 1,
            "options": [{"name": "question", "value": "Why?"}, {"name": "file", "value": "5"}],
            "resolved": {"attachments": {"5": about}},
        }
        interact(server, InteractionType.COMMAND, data)
        await until(lambda: heard)
        event = heard[0]
        assert isinstance(event, Asked)
        assert event.files == (File(address, "a.txt", "text/plain", 3),)
        assert await connector.fetch(event.files[0], 10) == b"abc"


def interact(server: DiscordServer, kind: InteractionType, data: dict[str, Any]) -> Interaction:
    """Somebody does what the double has no method for."""
    people = server.people
    return people._interact(kind, people.general, people.alice, data)


async def test_forgetting_is_confirmed_to_the_person(server: DiscordServer) -> None:
    async with discord_way(server, ["One"], ["Two"]) as way:
        await registered(server)
        alone = server.platform.direct_channel(server.people.alice)
        server.people.dm("first")
        await way.rows(1)
        given = server.people.command("new", channel=alone)
        assert (await told(given))[0] is CallbackType.DEFERRED_MESSAGE
        await until(lambda: server.platform.messages[given.original_id or ""].content == FORGOTTEN)
        server.people.dm("second")
        await way.rows(2)
        assert [turn.text for turn in way.provider.requests[1].turns[1:]] == ["second"]


async def test_an_admin_turns_tools_off_and_others_are_told_that_they_may_not(
    server: DiscordServer,
) -> None:
    alice, bob = server.people.alice, server.people.bob
    admins = IntakeOptions(admins=frozenset({Named(alice.id, "discord")}))
    async with discord_way(server, intake=admins) as way:
        await registered(server)
        for user, words in ((bob, "Only an admin"), (alice, "Tools are off now")):
            given = server.people.command("tools", {"turn": "off"}, user=user)
            assert (await told(given))[0] is CallbackType.DEFERRED_MESSAGE
            message = server.platform.messages[given.original_id or ""]
            await until(partial(getattr, message, "content"))
            assert (words in message.content, message.ephemeral) == (True, True)
            assert await way.store.calls.off() == (user is alice)


async def test_in_a_channel_there_is_nothing_to_forget(server: DiscordServer) -> None:
    async with listening(server) as (_, heard):
        await registered(server)
        given = server.people.command("new")
        assert await told(given) == (
            CallbackType.MESSAGE,
            english(Sentence("told.memory.discord")),
            True,
        )
        assert not heard


async def test_a_stop_ends_all_that_the_person_asked_in_the_channel(server: DiscordServer) -> None:
    async with discord_way(server, ["One", Pause(30)], ["Two", Pause(30)]) as way:
        await registered(server)
        for question in ("first", "second"):
            server.people.say(f"{server.people.mention} {question}")
        await until(lambda: len(way.shown) == 2)
        given = server.people.command("stop")
        assert await told(given) == (CallbackType.MESSAGE, english(Sentence("told.stopped")), True)
        rows = await way.rows(2)
        assert [row.end and row.end.outcome for row in rows] == ["stopped", "stopped"]


@pytest.mark.parametrize("name", ["new", "stop"])
async def test_a_command_that_could_not_be_obeyed_says_so(server: DiscordServer, name: str) -> None:
    async with listening(server, lambda _: False) as (_, heard):
        await registered(server)
        thread = server.people.create_thread()
        given = server.people.command(name, channel=thread)
        await until(lambda: heard)
        assert isinstance(heard[0], Commanded)
        kind, words, private = await told(given)
        assert private
        if kind is CallbackType.DEFERRED_MESSAGE:
            message = server.platform.messages[given.original_id or ""]
            await until(lambda: message.content)
            words = message.content
        assert words == english(asking.NOT_NOW)


async def test_help_names_every_command(server: DiscordServer) -> None:
    async with listening(server):
        await registered(server)
        kind, words, private = await told(server.people.command("help"))
        assert (kind, private) == (CallbackType.MESSAGE, True)
        for command in COMMANDS:
            assert command["name"] == commands.Command.HELP or command["name"] in words


# A question about a message.


async def form_about(server: DiscordServer, message: str, user: str = "Alice") -> str:
    """Opens the form about a message; its id."""
    chosen = server.people.message_command(commands.Command.ABOUT, message, user=user)
    answer = await chosen.callback()
    assert answer.type is CallbackType.MODAL
    return str(answer.data["custom_id"])


async def test_a_question_about_a_message_quotes_it_and_is_asked_in_its_conversation(
    server: DiscordServer,
) -> None:
    people = server.people
    message = people.say(f"Two lines\nfor <@{people.bob.id}>")
    async with discord_way(server, ["One"]) as way:
        await registered(server)
        form = await form_about(server, message)
        sent = people.submit(form, {"question": "What does it mean?"})
        assert await way.verdicts(1) == ["verified"]
        (row,) = await way.rows(1)
    assert row.start.question == "> Two lines\n> for @Bob\n\nWhat does it mean?"
    assert row.start.place.thread == f"reply:{message}"
    answer = server.platform.messages[sent.original_id or ""]
    assert "What does it mean?" in answer.content
    assert answer.content.endswith("One")


@pytest.mark.parametrize("fault", [Slow(0.6), Refuse(502)], ids=["slow", "502"])
async def test_a_question_about_a_message_of_an_unknown_conversation_is_acknowledged_in_time(
    server: DiscordServer, fault: Refuse | Slow
) -> None:
    about = server.people.say("zero")
    for user in ("Bob", "Alice") * 4:
        about = server.people.say("next", reply_to=about, user=user)
    async with listening(server) as (_, heard):
        form = await form_about(server, about)
        server.faults.add(fault, "GET", "/channels/*/messages/*", times=None)
        sent = server.people.submit(form, {"question": "Why?"})
        assert (await sent.callback(within=2.5)).type is CallbackType.DEFERRED_MESSAGE
        assert isinstance(heard[-1], Asked)
        assert heard[-1].message.place.thread == chain(about)


async def test_a_form_that_was_opened_before_a_restart_can_be_sent(server: DiscordServer) -> None:
    message = server.people.say("Something")
    async with listening(server):
        await registered(server)
        form = await form_about(server, message)
    async with listening(server) as (_, heard):
        server.people.submit(form, {"question": "Why?"})
        await until(lambda: heard)
        assert isinstance(heard[0], Asked)
        assert heard[0].text == "> Something\n\nWhy?"


async def test_a_form_about_a_message_that_is_gone_asks_the_question_alone(
    server: DiscordServer,
) -> None:
    async with listening(server) as (_, heard):
        server.people.submit("everytoken:about:1", {"question": "Why?"})
        server.people.submit("another:form", {"question": "No"})
        await until(lambda: heard)
        assert isinstance(heard[0], Asked)
        assert heard[0].text == "Why?"


async def test_an_interaction_of_another_kind_costs_nothing(server: DiscordServer) -> None:
    async with listening(server) as (_, heard):
        interact(server, InteractionType.COMPONENT, {"custom_id": "other", "component_type": 2})
        server.platform.emit(Told("INTERACTION_CREATE", {"type": 2}))
        server.people.dm("hi")
        await until(lambda: heard)
        assert isinstance(heard[0], Asked)


async def test_a_press_that_could_not_be_kept_is_told_to_the_person(server: DiscordServer) -> None:
    def settle(event: Event) -> bool:
        return isinstance(event, Asked)

    async with discord_way(server, ["One ", Pause(30)]) as way:
        server.people.say(f"{server.people.mention} first")
        await until(lambda: way.shown)
        way.intake.close()
        pressed = server.people.press(way.answers[0].id, "Stop", user="Bob")
        await until(lambda: pressed.followups)
        message = server.platform.messages[pressed.followups[0]]
        assert (message.content, message.ephemeral) == (english(asking.NOT_NOW), True)
        assert (await pressed.callback()).type is CallbackType.DEFERRED_UPDATE
