"""Tokens of commands: what one process was given, another can use, for as long as Discord says."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest
from cryptography.fernet import Fernet

from bot.store import memory_store
from connectors.base import (
    AnswerText,
    Control,
    Grant,
    Grants,
    MessageRef,
    Part,
    Place,
    Refused,
    Unavailable,
)
from connectors.discord.interactions import Interaction, InteractionTokens
from connectors.keys import Keys
from tests.doubles.discord import DiscordServer, Permission
from tests.wire.discord_.test_writer import OTHER, RUN, STOP, Bot, part, process

pytestmark = pytest.mark.real_time

NOTHING = Permission.VIEW_CHANNEL | Permission.SEND_MESSAGES | Permission.READ_MESSAGE_HISTORY
KEY = Fernet.generate_key().decode()


async def keys() -> Keys:
    """The deployment's key."""
    return Keys([KEY])


@dataclass
class Deployment:
    """Processes that follow each other on one database."""

    server: DiscordServer
    grants: Grants

    @asynccontextmanager
    async def process(self) -> AsyncIterator[Bot]:
        """One of them; the clocks agree that it is younger than what came before it."""
        async with process(self.server, InteractionTokens(self.grants, keys)) as bot:
            yield bot

    async def given(self, bot: Bot, question: str = "Why?") -> MessageRef:
        """Alice gives a command, and its token is kept."""
        asked = await bot.command(question)
        command = bot.interactions.opening(asked)
        assert command is not None
        await InteractionTokens(self.grants, keys).keep(asked, command)
        return asked


@pytest.fixture
async def deployment(server: DiscordServer) -> AsyncIterator[Deployment]:
    """A database, and a channel in which the bot may do nothing by itself."""
    store = memory_store()
    server.people.deny(NOTHING)
    yield Deployment(server, store.grants)
    await store.aclose()


def since_us() -> int:
    """A while ago."""
    return int((time.time() - 60) * 1e6)


async def test_a_promised_response_is_made_by_another_process(deployment: Deployment) -> None:
    async with deployment.process() as dead:
        asked = await deployment.given(dead)
    async with deployment.process() as bot:
        growing = part("So", about=asked, controls=STOP)
        assert await bot.writer.find(asked.place, growing, "key", since_us()) is None
        shown = await bot.writer.post(asked.place, growing, "key")
        assert (await bot.writer.edit(shown.ref, part("So it is", about=asked))).text == "So it is"
    assert deployment.server.record.shown() == ["-# 💬 Why?\nSo it is"]


async def test_a_response_that_nobody_noted_is_found_read_and_changed_by_another_process(
    deployment: Deployment,
) -> None:
    async with deployment.process() as dead:
        asked = await deployment.given(dead)
        await dead.writer.post(asked.place, part("So", about=asked, controls=STOP), "key")
    async with deployment.process() as bot:
        looked_for = part("", about=asked, controls=STOP)
        found = await bot.writer.find(asked.place, looked_for, "key", since_us())
        assert found is not None
        assert (await bot.writer.read(found.ref)).text == "So"
        second = part("", index=1, about=asked, controls=STOP)
        assert await bot.writer.find(asked.place, second, "2", since_us()) is None
        await bot.writer.edit(found.ref, part("So it is", about=asked))
    assert deployment.server.record.shown() == ["-# 💬 Why?\nSo it is"]


async def test_a_noted_response_is_read_and_changed_by_another_process(
    deployment: Deployment,
) -> None:
    async with deployment.process() as dead:
        asked = await deployment.given(dead)
        noted = await dead.writer.post(asked.place, part("So", about=asked), "key")
    async with deployment.process() as bot:
        assert (await bot.writer.read(noted.ref)).text == "So"
    async with deployment.process() as bot:
        await bot.writer.edit(noted.ref, part("So it is"))
        third = part("and", index=1, about=asked)
        assert (await bot.writer.post(asked.place, third, "2")).text == "and"
    assert deployment.server.record.shown() == ["-# 💬 Why?\nSo it is", "and"]


async def test_a_second_answer_never_takes_the_place_of_the_first(server: DiscordServer) -> None:
    store = memory_store()
    deployment = Deployment(server, store.grants)
    async with deployment.process() as dead:
        asked = await deployment.given(dead)
        await dead.writer.post(asked.place, part("So", about=asked), "key")
    async with deployment.process() as bot:
        again = Part(OTHER, 0, AnswerText("Or so"), (Control.RETRY,), about=asked)
        await bot.writer.post(asked.place, again, "again")
    assert server.record.shown() == ["-# 💬 Why?\nSo", "Or so"]
    await store.aclose()


async def test_of_several_commands_in_one_conversation_each_reaches_its_own_response(
    deployment: Deployment,
) -> None:
    server = deployment.server
    thread = Place("discord", server.people.guild.id, server.people.general.id, "one thread")

    async def there(bot: Bot, question: str) -> MessageRef:
        asked = await bot.command(question)
        command = bot.interactions.opening(asked)
        assert command is not None
        ref = MessageRef(replace(thread, thread=""), asked.id)
        bot.interactions.ask(ref, command)
        await InteractionTokens(deployment.grants, keys).keep(ref, command)
        return ref

    async with deployment.process() as dead:
        refs = []
        for n, question in enumerate(("One?", "Two?", "Three?")):
            asked = await there(dead, question)
            said = Part(RUN, n, AnswerText(question.lower()), about=asked)
            refs.append((await dead.writer.post(asked.place, replace(said, index=0), f"{n}")).ref)
    async with deployment.process() as bot:
        for ref, text in zip(refs, ("first", "second", "third"), strict=True):
            assert (await bot.writer.edit(ref, part(text))).text == text
    assert server.record.shown() == [
        "-# 💬 One?\nfirst", "-# 💬 Two?\nsecond", "-# 💬 Three?\nthird",
    ]  # fmt: skip


async def test_a_token_that_has_lapsed_is_not_used(deployment: Deployment) -> None:
    async with deployment.process() as dead:
        asked = await dead.command("Why?")
        command = dead.interactions.opening(asked)
        assert command is not None
        old = replace(command, at=command.at - 14 * 60)
        await InteractionTokens(deployment.grants, keys).keep(asked, old)
    async with deployment.process() as bot:
        with pytest.raises(Refused):
            await bot.writer.post(asked.place, part("So", about=asked), "key")
    calls = deployment.server.record.called("GET") + deployment.server.record.called("PATCH")
    assert not [call for call in calls if call.route.startswith("/webhooks/")]


async def test_what_is_kept_is_sealed_and_lapses_after_a_quarter_of_an_hour(
    deployment: Deployment,
) -> None:
    async with deployment.process() as bot:
        asked = await deployment.given(bot, "A secret?")
        command = bot.interactions.opening(asked)
        assert command is not None
        (grant,) = await deployment.grants.of(asked.place)
    assert grant.until_us == int((command.at + 900) * 1e6)
    assert command.token not in grant.sealed
    assert "secret" not in grant.sealed.lower()
    assert command.token not in repr(grant)
    other = InteractionTokens(deployment.grants, lambda: _other_keys())
    assert await other.asked(asked) is None
    found = await InteractionTokens(deployment.grants, keys).asked(asked)
    assert found is not None
    assert (found.token, found.question) == (command.token, "A secret?")
    assert found.person.id == command.person.id


async def test_a_process_that_runs_seals_with_the_key_of_today(deployment: Deployment) -> None:
    """Whoever starts after the old key was retired can use what was given since."""
    current = [KEY]

    async def of_today() -> Keys:
        return Keys(current)

    running = InteractionTokens(deployment.grants, of_today)
    async with deployment.process() as bot:
        first, second = await bot.command("First?"), await bot.command("Second?")
        await running.keep(first, _opening(bot, first))
        current[:] = [Fernet.generate_key().decode()]
        await running.keep(second, _opening(bot, second))
    started = InteractionTokens(deployment.grants, of_today)
    assert await started.asked(second) is not None
    assert await started.asked(first) is None


def _opening(bot: Bot, asked: MessageRef) -> Interaction:
    command = bot.interactions.opening(asked)
    assert command is not None
    return command


async def _other_keys() -> Keys:
    return Keys([Fernet.generate_key().decode()])


class _Broken:
    """A database that does not do its part."""

    async def keep(self, grant: Grant) -> None:  # noqa: ARG002 - the seam's
        raise Unavailable("no room")

    async def of(self, place: Place) -> Sequence[Grant]:  # noqa: ARG002 - the seam's
        raise Unavailable("no answer")


@pytest.mark.parametrize(
    ("tokens", "why"),
    [(InteractionTokens(_Broken(), keys), "no room"), (InteractionTokens(_Broken()), "no key")],
    ids=["no database", "no key"],
)
async def test_where_a_token_can_not_be_kept_the_log_says_so_and_the_answer_comes(
    server: DiscordServer, caplog: pytest.LogCaptureFixture, tokens: InteractionTokens, why: str
) -> None:
    with caplog.at_level(logging.WARNING):
        async with process(server, tokens) as bot:
            asked = await bot.command("Why?")
            command = bot.interactions.opening(asked)
            assert command is not None
            await tokens.keep(asked, command)
            await bot.writer.post(asked.place, part("So", about=asked), "key")
    (line,) = [each.message for each in caplog.records if "is not kept" in each.message]
    assert why in line
    assert command.token not in line
    assert server.record.shown() == ["-# 💬 Why?\nSo"]
