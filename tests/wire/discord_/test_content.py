"""What people send reaches the model whatever it is: asked, in the history, or asked about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from connectors.base import Asked, Place
from connectors.discord import content
from connectors.discord.api import Rest
from connectors.discord.history import DiscordHistory
from connectors.discord.places import DM, Places
from tests.doubles.discord import DiscordServer
from tests.doubles.discord_way import listening
from tests.doubles.waiting import until
from tests.wire.discord_.test_reader import told

pytestmark = pytest.mark.real_time

POLL = {
    "question": {"text": "Lunch?"},
    "answers": [
        {"answer_id": 1, "poll_media": {"text": "Noon", "emoji": {"name": "🌞"}}},
        {"answer_id": 2, "poll_media": {"text": "One"}},
    ],
    "results": {"answer_counts": [{"id": 1, "count": 3}]},
}
SAID: dict[str, tuple[Callable[[DiscordServer], str], str]] = {}
"""Ways to say something to the bot alone, and what that says."""


def way(said: str) -> Callable[[Callable[[DiscordServer], str]], None]:
    """A way to say this."""

    def add(make: Callable[[DiscordServer], str]) -> None:
        SAID[make.__name__] = make, said

    return add


@way("Forwarded:\n> The plan:\n> go, @Bob")
def forward(server: DiscordServer) -> str:
    people = server.people
    source = people.say(f"The plan:\ngo, <@{people.bob.id}>", user="Bob")
    return people.forward(source, channel=alone(server))


@way("Forwarded:\n> Build\n> failed")
def forwarded_alert(server: DiscordServer) -> str:
    source = server.people.webhook_say("x")
    message = server.record.history[source]
    embed = {"title": "Build", "description": "failed"}
    message.versions[-1] = replace(message.now, content="", embeds=(embed,))
    return server.people.forward(source, channel=alone(server))


@way("Poll: Lunch?\n- 🌞 Noon (3 votes)\n- One")
def poll(server: DiscordServer) -> str:
    return server.people.dm("", poll=POLL)


@way("[sticker: wave]\n\n[sticker: party]")
def stickers(server: DiscordServer) -> str:
    return server.people.dm("", stickers=["wave", "party"])


@way("What about this?\n\nPoll: Lunch?\n- 🌞 Noon (3 votes)\n- One")
def text_and_poll(server: DiscordServer) -> str:
    return server.people.dm("What about this?", poll=POLL)


def alone(server: DiscordServer) -> str:
    """The channel of Alice and the bot."""
    return server.platform.direct_channel(server.people.alice).id


@pytest.mark.parametrize("name", SAID)
async def test_it_is_asked(server: DiscordServer, name: str) -> None:
    make, said = SAID[name]
    async with listening(server) as (_, heard):
        make(server)
        await until(lambda: heard)
        assert isinstance(heard[0], Asked)
        assert heard[0].text == said


@pytest.mark.parametrize("name", SAID)
async def test_it_is_in_the_history(server: DiscordServer, rest: Rest, name: str) -> None:
    make, said = SAID[name]
    make(server)
    last = server.people.dm("So?")
    place = Place("discord", DM, alone(server))
    assert (await told(DiscordHistory(rest, Places()), place, last))[-1].text == said


@pytest.mark.parametrize("name", SAID)
async def test_it_can_be_asked_about(server: DiscordServer, name: str) -> None:
    make, said = SAID[name]
    async with listening(server) as (_, heard):
        await until(lambda: server.platform.commands[None])
        about = make(server)
        await until(lambda: heard)
        form = await server.people.message_command("Ask about this message", about).callback()
        server.people.submit(form.data["custom_id"], {"question": "Why?"}, channel=alone(server))
        await until(lambda: len(heard) == 2)
        assert isinstance(heard[1], Asked)
        assert heard[1].text == "\n".join(f"> {line}".rstrip() for line in said.split("\n")) + (
            "\n\nWhy?"
        )


async def test_files_that_are_passed_on_are_read(server: DiscordServer, rest: Rest) -> None:
    source = server.people.say("Look", files={"notes.txt": b"twelve bytes"}, user="Bob")
    async with listening(server) as (_, heard):
        server.people.forward(source, channel=alone(server))
        await until(lambda: heard)
        assert isinstance(heard[0], Asked)
        (file,) = heard[0].files
        assert await DiscordHistory(rest, Places()).fetch(file, 12) == b"twelve bytes"


@pytest.mark.parametrize("by_bot", [True, False])
async def test_a_reply_brings_what_it_replies_to(
    server: DiscordServer, rest: Rest, *, by_bot: bool
) -> None:
    body, path = {"content": "It is **42**."}, "/channels/{id}/messages"
    if by_bot:
        first = (await rest.call("POST", path, json=body, id=alone(server)))["id"]
    else:
        first = server.people.dm(body["content"])
    for number in range(3):
        server.people.dm(f"between {number}")
    async with listening(server, catch_up_seconds=0) as (_, heard):
        server.people.dm("Why?", reply_to=first)
        await until(lambda: heard)
        assert isinstance(heard[0], Asked)
        assert heard[0].text == "> It is **42**.\n\nWhy?"


def test_an_apps_components_are_told() -> None:
    text = {"type": 10, "content": "Deployed"}
    message = {"content": "", "components": [{"type": 17, "components": [text]}]}
    assert content.text_of(message) == "Deployed"
    assert content.says_something(message)


@pytest.mark.parametrize("message", [{}, {"content": ""}, {"content": " "}, {"embeds": []}])
def test_a_message_that_is_withheld_says_nothing(message: dict[str, Any]) -> None:
    assert not content.says_something(message)
