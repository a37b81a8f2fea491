"""A real SIGKILL, and what the bot makes of it once it is started again."""

from __future__ import annotations

import signal
import time
from typing import Any

import pytest

from tests.doubles.commands import Shell, asks
from tests.doubles.openai import Answer, Freeze, OpenAIServer, Wait, finish, text
from tests.doubles.slack import slack_server
from tests.doubles.slack.testing import within
from tests.process.commands.test_slack import by_socket

pytestmark = pytest.mark.real_time

NOTE = "The bot was stopped before the answer was whole."
LOOKED_S = 2.5
"""After so long the bot that runs has looked for orphans twice."""
CUT = Answer([*text("One ", "two "), Freeze()])
REST = Answer([*text("three."), *finish()])


async def test_the_page_has_its_answer_ended_after_a_kill_and_continue_goes_on(
    shell: Shell,
) -> None:
    async with OpenAIServer(CUT, REST) as server:
        async with shell.bot(**asks(server)) as bot, bot.page() as page:
            await page.ask("Count.")
            await page.shown(lambda message: "two" in message["html"])
            bot.child.send(signal.SIGKILL)
            await bot.child.ended()
        async with shell.bot(**asks(server)) as bot, bot.page() as page:
            await shell.until(lambda: _ended(shell))
            ((run_id, message_id),) = shell.query(
                "SELECT run_id, id FROM web_messages WHERE by_bot"
            )
            assert _shown(shell) == [(f"One two\n\n_{NOTE}_", "retry,continue", 1)]
            ran = await shell.run("runs", "show", run_id)
            assert "interrupted, unproven" in ran.out
            await page.press(message_id, "continue")
            await page.shown(lambda message: "three." in message["html"])
            await shell.until(lambda: _count(shell, "runs", "ended_us IS NOT NULL") == 2)
    assert [turn["content"] for turn in server.exchanges[1].body["messages"]][-3:-1] == [
        "Count.",
        "One two ",
    ]


async def test_a_question_that_was_only_just_acknowledged_is_answered_after_a_kill(
    shell: Shell,
) -> None:
    async with OpenAIServer(Answer([Wait(2), *text("Because."), *finish()])) as server:
        async with shell.bot(**asks(server)) as bot, bot.page() as page:
            await page.ask("Why?")
            bot.child.send(signal.SIGKILL)
            await bot.child.ended()
        async with shell.bot(**asks(server)):
            await shell.until(lambda: _ended(shell))
            await shell.until(lambda: shell.query("SELECT state FROM inbox") == [("done",)])
    assert [text for text, _, _ in _shown(shell)] == ["Because."]
    assert shell.query("SELECT outcome, verdict FROM runs") == [("complete", "verified")]


async def test_a_question_at_the_terminal_is_its_own_until_it_is_killed_and_then_closed(
    shell: Shell,
) -> None:
    async with (
        OpenAIServer(CUT) as server,
        shell.bot(**asks(server)),
        shell.started("ask", "Count.", **asks(server)) as child,
    ):
        await shell.until(lambda: _count(shell, "tokens") == 2)
        (owner,) = shell.query("SELECT owner FROM runs")
        began = time.monotonic()
        await shell.until(lambda: time.monotonic() - began > LOOKED_S)
        assert shell.query("SELECT owner, outcome FROM runs") == [(*owner, None)]
        child.send(signal.SIGKILL)
        await child.ended()
        await shell.until(lambda: _ended(shell))
    assert shell.query("SELECT outcome, verdict, generated_text FROM runs") == [
        ("interrupted", "unproven", "One two ")
    ]


@pytest.mark.parametrize("streaming", ["edit", "native"])
async def test_slack_has_its_answer_ended_after_a_kill_and_continue_goes_on(
    shell: Shell, streaming: str
) -> None:
    async with slack_server() as slack, OpenAIServer(CUT, REST) as server:
        settings = asks(server) | by_socket(slack) | {"SLACK_STREAMING": streaming}
        async with shell.bot(**settings) as bot:
            await slack.connected()
            assert await within(slack.ask("Count.", channel=slack.dm()).acknowledged())
            await shell.until(lambda: slack.writing() and "tw" in slack.writing()[0].now.visible)
            bot.child.send(signal.SIGKILL)
            await bot.child.ended()
        async with shell.bot(**settings):
            await shell.until(lambda: not slack.writing())
            await shell.until(lambda: _count(shell, "runs", "outcome = 'interrupted'") == 1)
            (answer,) = slack.messages(by_bot=True)
            assert NOTE in answer.now.visible
            assert "two" in answer.now.visible
            await slack.connected()
            slack.press(answer.ts, "continue")
            await shell.until(lambda: _count(shell, "runs", "outcome = 'complete'") == 1)
            assert "three." in slack.messages(by_bot=True)[-1].now.visible
        assert slack.writing() == []


def _ended(shell: Shell) -> bool:
    """Whether there are runs, and all of them have ended."""
    return _count(shell, "runs") == _count(shell, "runs", "ended_us IS NOT NULL") > 0


def _count(shell: Shell, table: str, where: str = "1") -> int:
    ((count,),) = shell.query(f"SELECT count(*) FROM {table} WHERE {where}")
    return int(count)


def _shown(shell: Shell) -> list[tuple[Any, ...]]:
    """The bot's messages on the page: text, controls, and whether it is the last part."""
    return shell.query("SELECT text, controls, last FROM web_messages WHERE by_bot ORDER BY seq")
