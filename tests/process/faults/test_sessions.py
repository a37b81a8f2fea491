"""Slack's agent sessions while processes end: none is left looking at work."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from tests.doubles.commands import Shell, asks
from tests.doubles.openai import Answer, Freeze, OpenAIServer, text
from tests.doubles.slack import Slack, slack_server
from tests.process.commands.test_slack import by_socket

pytestmark = [pytest.mark.real_time, pytest.mark.timeout(300)]

SOON_S = 60.0
"""From the end of an answer, or from the moment in which its recovery begins."""
ENDLESS = Answer([*text("One ", "two "), Freeze()])


async def _at_work(shell: Shell, slack: Slack) -> None:
    """One answer in a channel and one in direct messages, in mid-stream."""
    slack.ask("Go on?")
    slack.ask("Go on?", channel=slack.dm())
    await shell.until(lambda: len(slack.processing) == 2 and len(slack.writing()) == 2)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_a_process_that_ends_leaves_no_session_at_work(
    tmp_path: Path, number: signal.Signals
) -> None:
    """Also where the older words have gone away; after a kill the next process sees to it."""
    async with slack_server() as slack, OpenAIServer(ENDLESS) as model:
        slack.board.platform.knows_assistants = False
        shell = Shell(tmp_path, asks(model) | by_socket(slack) | {"SHUTDOWN_GRACE": "3"})
        async with shell.bot() as bot:
            await slack.connected()
            await _at_work(shell, slack)
            bot.child.send(number)
            await bot.child.ended()
        if number is signal.SIGTERM:
            assert slack.processing == []
            return
        assert len(slack.processing) == 2
        async with shell.bot() as bot:
            await bot.child.said("run.claimed")
            async with asyncio.timeout(SOON_S):
                await shell.until(lambda: slack.processing == [])
