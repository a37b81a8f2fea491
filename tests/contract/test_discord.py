"""The Discord connector keeps the connectors' contract, over real sockets: alone and in threads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from unittest.mock import patch

import pytest

from connectors.base import MessageRef, Place
from connectors.discord import DiscordConnector, questions
from connectors.discord.places import DM
from tests.contract.connector import ConnectorContract, Harness, Question
from tests.doubles.discord import DiscordServer, discord_server
from tests.doubles.discord_way import FREE, hurried, options_for
from tests.doubles.waiting import until, within

pytestmark = [pytest.mark.real_time, pytest.mark.sockets]

_QUIET_TURNS = 30
"""Discord tells nobody that the bot has a question: within so many hundredths of a second in which
this process runs, with the bot and its server in it, it would have apologised."""


class _Contract(ConnectorContract):
    """Alice and the bot, in one place."""

    def place(self, server: DiscordServer) -> Place:
        """Where they speak."""
        raise NotImplementedError

    def say(self, server: DiscordServer, place: Place, text: str) -> str:
        """Alice asks; returns the message's id."""
        raise NotImplementedError

    def connector(self) -> AbstractAsyncContextManager[Harness]:
        return self.opened()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Harness]:
        """A Discord without rates, and a bot that is connected to it."""
        async with discord_server(limits=FREE) as server:
            connector = DiscordConnector(options_for(server))
            place = self.place(server)

            async def ask(text: str) -> Question:
                ref = MessageRef(place, self.say(server, place, text))
                return Question(ref, lambda: _settled(server, ref))

            async def delete(ref: MessageRef) -> None:
                server.people.delete(ref.id)

            others: list[DiscordConnector] = []

            def another() -> DiscordConnector:
                others.append(DiscordConnector(options_for(server)))
                return others[-1]

            with hurried(), patch.object(questions, "PAUSES_S", ()):
                direct = place.workspace == DM
                try:
                    await _connected(connector)
                    yield Harness(connector, place, ask, delete, another, direct=direct)
                finally:
                    for each in (connector, *others):
                        await each.aclose()


class TestDirectMessages(_Contract):
    """In direct messages."""

    def place(self, server: DiscordServer) -> Place:
        channel = server.platform.direct_channel(server.people.alice)
        return Place("discord", DM, channel.id)

    def say(self, server: DiscordServer, place: Place, text: str) -> str:  # noqa: ARG002
        return server.people.dm(text)


class TestThreads(_Contract):
    """In a thread of a server's channel."""

    def place(self, server: DiscordServer) -> Place:
        people = server.people
        thread = people.create_thread("talk")
        return Place("discord", people.guild.id, people.general.id, thread)

    def say(self, server: DiscordServer, place: Place, text: str) -> str:
        return server.people.say(f"{server.people.mention} {text}", thread=place.thread)


async def _connected(connector: DiscordConnector) -> None:
    listening = asyncio.ensure_future(anext(connector.events()))
    await until(lambda: connector.connected)
    listening.cancel()
    with suppress(asyncio.CancelledError):
        await listening


async def _settled(server: DiscordServer, question: MessageRef) -> bool:
    """Whether the bot kept a question: where it didn't, it says so in reply."""

    def apologised() -> bool:
        replies = server.record.messages(by_bot=True)
        return any((m.reference or {}).get("message_id") == question.id for m in replies)

    try:
        await within(_QUIET_TURNS, apologised)
    except AssertionError:
        return True
    return False
