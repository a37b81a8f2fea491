"""A SIGTERM in any state: the process is gone within its grace and a few seconds."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot.app.lifecycle import MARGIN_S, OVERDUE
from tests.doubles.commands import ROOT, Bot, Shell, asks, free_port
from tests.doubles.databases import postgres_schema
from tests.doubles.openai import Answer, Freeze, OpenAIServer, Until, finish, text
from tests.doubles.slack import Held, Slack, slack_server
from tests.process.commands.test_slack import by_socket
from tests.process.faults.gate import gated

pytestmark = [pytest.mark.real_time, pytest.mark.timeout(300)]

NOTE = "The bot was stopped before the answer was whole."
GRACE_S = 4.0
LATE_S = 60.0
"""So much later a busy machine may see the end of a process that has ended."""
ENDLESS = Answer([*text("This ", "never "), Freeze()])
FOR_EVER_S = 600.0


@asynccontextmanager
async def under_way(shell: Shell, model: OpenAIServer, slack: Slack) -> AsyncIterator[Bot]:
    """A bot with an answer under way."""
    async with shell.bot(SHUTDOWN_GRACE=str(GRACE_S), **asks(model), **by_socket(slack)) as bot:
        await slack.connected()
        slack.ask("Why?")
        await shell.until(lambda: _showing(slack, "never"))
        yield bot


async def ends_in_time(bot: Bot) -> int:
    """Sends a SIGTERM; the exit code."""
    bot.child.send(signal.SIGTERM)
    return await bot.child.ended(GRACE_S + MARGIN_S + LATE_S)


async def test_of_twenty_answers_ten_end_whole_and_ten_with_a_note(shell: Shell) -> None:
    """On Slack's own budget of edits, within the default grace."""
    go_on = asyncio.Event()
    short = Answer([*text("This ", "never "), Until(go_on), *text("fails."), *finish()])
    async with slack_server() as slack, OpenAIServer(*[short, ENDLESS] * 10) as model:
        async with shell.bot(**asks(model), **by_socket(slack)) as bot:
            await slack.connected()
            for number in range(20):
                slack.ask(f"Question {number}?")
            await shell.until(lambda: len(_showing(slack, "never")) == 20)
            bot.child.send(signal.SIGTERM)
            await bot.child.said("app.stopping")
            go_on.set()
            assert await bot.child.ended(25.0 + MARGIN_S + LATE_S) == 0
        outcomes = Counter(outcome for (outcome,) in shell.query("SELECT outcome FROM runs"))
        assert outcomes == {"complete": 10, "interrupted": 10}
        assert len(_showing(slack, "fails.")) == 10
        assert len(_showing(slack, NOTE)) == 10
        assert slack.writing() == []
        assert slack.rate_limited == []


async def test_while_the_platform_answers_no_call(shell: Shell) -> None:
    async with slack_server() as slack, OpenAIServer(ENDLESS) as model:
        async with under_way(shell, model, slack) as bot:
            slack.fault_by(lambda _call: Held(FOR_EVER_S))
            await ends_in_time(bot)
        assert len(slack.writing()) == 1, "the next process ends it"


async def test_while_the_model_does_not_even_begin(shell: Shell) -> None:
    async with slack_server() as slack, OpenAIServer(Answer([Freeze()])) as model:
        settings = asks(model) | by_socket(slack) | {"SHUTDOWN_GRACE": str(GRACE_S)}
        async with shell.bot(**settings) as bot:
            await slack.connected()
            slack.ask("Why?")
            await shell.until(lambda: model.exchanges)
            assert await ends_in_time(bot) == 0
        assert len(_showing(slack, NOTE)) == 1
        assert shell.query("SELECT outcome FROM runs") == [("interrupted",)]


@pytest.mark.parametrize("how", ["refuses", "says nothing"])
async def test_while_the_database_is_away(shell: Shell, how: str) -> None:
    """The reader is told all the same; the next process finds what the log lacks."""
    with postgres_schema() as url:
        async with (
            slack_server() as slack,
            OpenAIServer(ENDLESS) as model,
            gated(url) as (gate, through),
        ):
            kept = Shell(shell.folder, {"DATABASE_URL": through})
            async with under_way(kept, model, slack) as bot:
                await (gate.shut() if how == "refuses" else gate.hush())
                await ends_in_time(bot)
            assert len(_showing(slack, NOTE)) == 1
            assert slack.writing() == []


async def test_before_the_bot_is_ready(shell: Shell) -> None:
    async with slack_server() as slack, OpenAIServer(ENDLESS) as model:
        slack.fault_by(lambda _call: Held(FOR_EVER_S))
        async with shell.started(
            "run", HOST="127.0.0.1", PORT=str(free_port()), **asks(model), **by_socket(slack)
        ) as child:
            await shell.until(lambda: slack.calls)
            child.send(signal.SIGTERM)
            await child.ended(LATE_S)


STUCK = """
import asyncio, re, time
from bot.app.lifecycle import Stopping

async def main() -> None:
    with Stopping(0.0).listening():
        print("stuck", flush=True)
        {waits}

asyncio.run(main())
"""


NO_THREAD_RUNS = "re.match('(a+)+$', 'a' * 60 + 'b')"


@pytest.mark.parametrize(
    ("waits", "signals", "code"),
    [
        ("time.sleep(600)", 1, OVERDUE),
        ("while True: pass", 1, OVERDUE),
        (NO_THREAD_RUNS, 1, -signal.SIGALRM),
        ("time.sleep(600)", 2, -signal.SIGTERM),
        (NO_THREAD_RUNS, 2, -signal.SIGTERM),
    ],
)
async def test_while_the_event_loop_itself_is_stuck(waits: str, signals: int, code: int) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", STUCK.format(waits=waits), cwd=ROOT, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    await process.stdout.readline()
    for _ in range(signals):
        process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.5)  # else the kernel takes two signals for one
    assert await asyncio.wait_for(process.wait(), MARGIN_S + LATE_S) == code


def _showing(slack: Slack, words: str) -> list[str]:
    found = [message.now.visible for message in slack.messages(by_bot=True)]
    return [visible for visible in found if words in visible]
