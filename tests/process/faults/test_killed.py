"""One kill on Slack and on Discord at once, and what readers and operator find after a restart."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from tests.doubles.commands import Bot, Shell, asks
from tests.doubles.discord import DiscordServer, discord_server
from tests.doubles.openai import Answer, Freeze, OpenAIServer, Wait, finish, text
from tests.doubles.slack import Slack, slack_server
from tests.process.commands.test_discord import on
from tests.process.commands.test_slack import by_socket

pytestmark = [pytest.mark.real_time, pytest.mark.timeout(300)]

NOTE = "The bot was stopped before the answer was whole."
CUT = Answer([*text("One ", "two "), Freeze()])
REST = Answer([*text("three."), *finish()])
LATE = Answer([Wait(2.0), *text("Because."), *finish()])


@dataclass(frozen=True)
class Both:
    """Both platforms, and a bot that serves them."""

    shell: Shell
    slack: Slack
    discord: DiscordServer

    @asynccontextmanager
    async def bot(self) -> AsyncIterator[Bot]:
        """Starts the bot, and waits until both are connected."""
        async with self.shell.bot() as bot:
            await self.slack.connected()
            await self.shell.until(lambda: self.discord.gateway.connected)
            yield bot

    async def kill(self, bot: Bot) -> None:
        """Kills it at once."""
        bot.child.send(signal.SIGKILL)
        await bot.child.ended()

    @property
    def shown(self) -> list[str]:
        """What readers see of the bot's messages, Slack's first."""
        slack = [message.now.visible for message in self.slack.messages(by_bot=True)]
        return slack + [message.content for message in self.discord.record.messages(by_bot=True)]

    @property
    def writing(self) -> bool:
        """Whether a message looks unfinished."""
        return bool(self.slack.writing() or self.discord.record.writing())

    def ended(self, outcome: str) -> list[str]:
        """The runs that have ended so."""
        query = "SELECT run_id FROM runs WHERE outcome = ? AND verdict IS NOT NULL"
        return [run_id for (run_id,) in self.shell.query(query, outcome)]


@asynccontextmanager
async def both(shell: Shell, *answers: Answer) -> AsyncIterator[Both]:
    """Both platforms, and a model that gives these answers."""
    async with (
        slack_server() as slack,
        discord_server() as discord,
        OpenAIServer(*answers) as model,
    ):
        settings = asks(model) | by_socket(slack) | on(discord)
        yield Both(Shell(shell.folder, settings), slack, discord)


async def test_killed_answers_have_text_note_and_buttons_and_continue_ends_them(
    shell: Shell,
) -> None:
    async with both(shell, CUT, CUT, REST) as world:
        async with world.bot() as bot:
            world.slack.ask("Count.")
            world.discord.people.say(f"{world.discord.people.mention} Count.")
            await shell.until(lambda: sum("two" in shown for shown in world.shown) == 2)
            await world.kill(bot)
        assert world.writing
        async with world.bot():
            await shell.until(lambda: len(world.ended("interrupted")) == 2)
            assert not world.writing
            shown = [_without_marks(each).split() for each in world.shown]
            assert shown == [f"One two {NOTE}".split()] * 2
            for run_id in world.ended("interrupted"):
                assert "interrupted, unproven" in (await shell.run("runs", "show", run_id)).out
            world.slack.press(world.slack.messages(by_bot=True)[0].ts, "continue")
            asked = world.discord.record.messages(by_bot=True)[0]
            world.discord.people.press(asked.id, "Continue")
            await shell.until(lambda: len(world.ended("complete")) == 2)
        assert sum("three." in shown for shown in world.shown) == 2
        assert not world.writing


async def test_questions_that_were_only_just_taken_are_answered_after_a_kill(shell: Shell) -> None:
    async with both(shell, LATE) as world:
        async with world.bot() as bot:
            assert await world.slack.ask("Why?").acknowledged()
            world.discord.people.say(f"{world.discord.people.mention} Why?")
            await shell.until(lambda: shell.query("SELECT count(*) FROM inbox") == [(2,)])
            await world.kill(bot)
        async with world.bot():
            await shell.until(lambda: len(world.ended("complete")) == 2)
            await asyncio.sleep(2.5)  # recovery has looked for more, twice
        assert world.shown == ["Because."] * 2


def _without_marks(text: str) -> str:
    """What is read of a note, whichever marks make it small and keep them apart."""
    return text.translate(dict.fromkeys(map(ord, "*_\u200b\u2060")))
