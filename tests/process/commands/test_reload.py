"""SIGHUP: a file is read again while answers are under way; none of them is disturbed."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.doubles.commands import Shell, asks, words
from tests.doubles.openai import Answer, OpenAIServer, Wait, finish, text

pytestmark = pytest.mark.real_time


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Starts its commands from nothing: what is reloaded is what a process began with."""
    return Shell(tmp_path, preloaded=False)


def written(shell: Shell, prompt: str, more: str = "") -> None:
    file = shell.folder / "everytoken.toml"
    file.write_text(f'[answers]\nsystem_prompt = "{prompt}"\n{more}')


def whole(*tokens: str) -> Answer:
    return Answer([*text(*tokens), *finish()])


async def test_a_bad_file_a_good_one_and_one_that_changes_too_much(shell: Shell) -> None:
    slow = Answer([*text(*words(5)), Wait(6), *text("end."), *finish()])
    written(shell, "First.")
    async with (
        OpenAIServer(slow, whole("Second."), whole("Third.")) as server,
        shell.bot(**asks(server)) as bot,
        bot.page("conversation-1") as one,
        bot.page("conversation-2") as other,
    ):
        await one.ask("Slow?", "question-1")
        await one.shown(lambda message: "w4" in message["html"])
        written(shell, "Bad.", "[hostng]\nport = 1\n")
        bot.child.send(signal.SIGHUP)
        await bot.child.said("there is no group [hostng]; did you mean hosting?")
        written(shell, "Good.", "[hosting]\nlog_text = true\n")
        bot.child.send(signal.SIGHUP)
        await bot.child.said("reload.taken")
        assert any(
            "reload.needs_restart" in line and "LOG_TEXT" in line for line in bot.child.lines
        )
        await other.ask("Quick?", "question-2")
        await other.shown(
            lambda message: "Second." in message["html"] and "up" in message["controls"]
        )
        await one.shown(lambda message: "end." in message["html"] and "up" in message["controls"])
        prompts = [exchange.body["messages"][0]["content"] for exchange in server.exchanges]
        assert prompts == ["First.", "Good."]
        await shell.recorded(2)
    ends = shell.query("SELECT outcome, verdict FROM runs")
    assert ends == [("complete", "verified")] * 2


async def test_a_scope_of_the_file_holds_from_the_reload_on(shell: Shell) -> None:
    written(shell, "Usual.")
    async with (
        OpenAIServer(whole("One."), whole("Two.")) as server,
        shell.bot(**asks(server)) as bot,
        bot.page("conversation-1") as page,
    ):
        await page.ask("What?", "question-1")
        await page.shown(lambda message: "One." in message["html"] and "up" in message["controls"])
        written(shell, "Usual.", '[scopes."web:playground"]\npersona = "Poet"\nprompt = "Rhyme."\n')
        bot.child.send(signal.SIGHUP)
        await bot.child.said("reload.taken")
        await page.ask("And?", "question-2")
        await page.shown(lambda message: "Two." in message["html"] and "up" in message["controls"])
        prompts = [exchange.body["messages"][0]["content"] for exchange in server.exchanges]
        assert prompts == ["Usual.", "Rhyme."]
