"""A real SIGTERM and a real SIGKILL, in the middle of an answer."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.doubles.commands import Shell, asks, words
from tests.doubles.openai import Answer, Freeze, OpenAIServer, Wait, finish, spaced, text

pytestmark = pytest.mark.real_time


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Starts its commands from nothing: a signal may come while it imports."""
    return Shell(tmp_path, preloaded=False)


NOTE = "The bot was stopped before the answer was whole."
GRACE = 4.0


async def test_a_sigterm_lets_answers_end_within_the_grace(shell: Shell) -> None:
    """One ends in time and is whole; one that doesn't says so to its reader, and is kept."""
    quick = Answer([*text("In ", "good "), Wait(1), *text("time."), *finish()])
    slow = Answer([*text("This ", "never "), Freeze()])
    async with (
        OpenAIServer(quick, slow) as server,
        shell.bot(SHUTDOWN_GRACE=str(GRACE), **asks(server)) as bot,
        bot.page("conversation-1") as one,
        bot.page("conversation-2") as other,
    ):
        await one.ask("Quick?", "question-1")
        await one.shown(lambda message: "good" in message["html"])
        await other.ask("Slow?", "question-2")
        await other.shown(lambda message: "never" in message["html"])
        bot.child.send(signal.SIGTERM)
        began = time.monotonic()
        last = await other.shown(lambda message: NOTE in message["html"])
        assert "retry" in last["controls"]
        assert await bot.child.ended() == 0
        assert time.monotonic() - began >= GRACE / 2
        assert server.exchanges[1].left.is_set()
    outcomes = shell.query("SELECT question, outcome, verdict FROM runs ORDER BY started_us")
    assert outcomes == [("Quick?", "complete", "verified"), ("Slow?", "interrupted", "verified")]
    shown = shell.query("SELECT text, last FROM web_messages WHERE by_bot ORDER BY seq")
    assert shown == [("In good time.", 1), (f"This never\n\n_{NOTE}_", 1)]
    ran = await shell.run("runs", "show", last["run_id"])
    assert "interrupted, verified" in ran.out


async def test_a_second_sigterm_ends_the_bot_at_once(shell: Shell) -> None:
    """Whoever sends it does not want to wait for the grace."""
    async with (
        OpenAIServer(Answer([*text("This ", "never "), Freeze()])) as server,
        shell.bot(SHUTDOWN_GRACE="60", **asks(server)) as bot,
        bot.page() as page,
    ):
        await page.ask("Why?")
        await page.shown(lambda message: "never" in message["html"])
        bot.child.send(signal.SIGTERM)
        await bot.child.said("app.stopping")
        bot.child.send(signal.SIGTERM)
        assert await bot.child.ended(5) == -signal.SIGTERM


async def test_a_sigkill_costs_the_log_no_more_than_one_group(shell: Shell) -> None:
    """What was streamed is there in order and without gaps, but for the last moment's."""
    acts = spaced(text(*words(5000)), 0.004)
    async with (
        OpenAIServer(Answer(acts)) as server,
        shell.bot(**asks(server)) as bot,
        bot.page() as page,
    ):
        await page.ask("Count.")
        await page.shown(lambda message: "w300 " in message["html"])
        bot.child.send(signal.SIGKILL)
        assert await bot.child.ended() == -signal.SIGKILL
    tokens = [token for (token,) in shell.query("SELECT text FROM tokens ORDER BY seq")]
    assert tokens == words(5000)[: len(tokens)]
    assert len(tokens) > 300 - 100  # a few hundredths of a second's; more on a busy machine
    ran = await shell.run("runs", "list")
    assert "unfinished" in ran.out


def recorded(shell: Shell) -> int:
    """The tokens that the log holds."""
    ((count,),) = shell.query("SELECT count(*) FROM tokens")
    return int(count)
