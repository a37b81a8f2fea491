"""The real bot on Slack and Discord, killed in mid-answer again and again: `make kills N=200`.

Each round starts the process, asks on both platforms, and sends a SIGKILL at a moment that the
seed decides. The last start is left alone until nothing is unfinished; then it is counted.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.doubles.commands import Shell, asks, words
from tests.doubles.discord import DiscordServer, discord_server
from tests.doubles.openai import Act, Answer, OpenAIServer, finish, spaced, text
from tests.doubles.said import NOT_ANSWERED
from tests.doubles.slack import Slack, slack_server
from tests.process.commands.test_discord import on
from tests.process.commands.test_slack import by_socket
from tests.process.faults.two import print_counts

TOKENS = 40
_GAP_S = 0.1
_AT_MOST_S = 3.0
_MEND_S = 240.0


class Timed(list[Act]):
    """What the model sends; `plays` has, for each request, when each chunk was sent."""

    def __init__(self, acts: list[Act]) -> None:
        super().__init__(acts)
        self.plays: list[list[float]] = []

    def __iter__(self) -> Iterator[Act]:
        sent: list[float] = []
        self.plays.append(sent)
        for act in super().__iter__():
            yield act
            if isinstance(act, bytes):
                sent.append(time.monotonic())


@dataclass
class Counts:
    """What is counted in the end."""

    kills: int = 0
    questions: int = 0
    left_writing: int = 0
    double_answers: int = 0
    told_too_late: int = 0
    """Questions that nobody lived long enough to answer within ten minutes: the askers are told."""
    lost_questions: int = 0
    unfinished: int = 0
    most_tokens_lost: int = 0
    oldest_token_lost_ms: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)

    @property
    def faults(self) -> int:
        """What may never be."""
        return self.left_writing + self.double_answers + self.lost_questions + self.unfinished


@dataclass
class Round:
    """The servers, the bot's folder, and what was asked so far."""

    slack: Slack
    discord: DiscordServer
    model: OpenAIServer
    answer: Timed
    shell: Shell
    killed_at: dict[str, float] = field(default_factory=dict)
    """The last kill under each question's answer."""
    asked: list[str] = field(default_factory=list)
    slack_asked: list[str] = field(default_factory=list)

    async def kill_once(self, after_s: float) -> None:
        """One process from its start to its kill."""
        async with self.shell.bot() as bot:
            await self.slack.connected()
            await self.shell.until(lambda: self.discord.gateway.connected)
            self._ask()
            await asyncio.sleep(after_s)
            bot.child.send(signal.SIGKILL)
            now = time.monotonic()
            await bot.child.process.wait()
        self.killed_at |= dict.fromkeys(self.asked, now) | self.killed_at

    async def mended(self) -> bool:
        """One more process, until nothing is unfinished; false where that takes too long."""
        until = time.monotonic() + _MEND_S
        async with self.shell.bot():
            while self._open() or self.slack.writing() or self.discord.record.writing():
                if time.monotonic() > until:
                    return False
                await asyncio.sleep(0.2)
            await asyncio.sleep(2.0)
        return True

    def _ask(self) -> None:
        question = f"Question {len(self.asked)}?"
        self.slack_asked.append(self.slack.ask(question).ts)
        self.asked += [question, f"Question {len(self.asked) + 1}?"]
        self.discord.people.say(f"{self.discord.people.mention} {self.asked[-1]}")

    def _open(self) -> int:
        waiting = "SELECT count(*) FROM inbox WHERE state IN ('waiting', 'running')"
        ((questions,),) = self.shell.query(waiting)
        ((runs,),) = self.shell.query("SELECT count(*) FROM runs WHERE ended_us IS NULL")
        ((kept,),) = self.shell.query("SELECT count(*) FROM inbox")
        return int(questions + runs) + len(self.asked) - int(kept)

    def counted(self, kills: int) -> Counts:
        """What came of it."""
        counts = Counts(kills, len(self.asked), unfinished=max(0, self._open()))
        counts.left_writing = len(self.slack.writing()) + len(self.discord.record.writing())
        runs = self.shell.query(
            "SELECT question, outcome, (SELECT count(*) FROM tokens t WHERE t.run_id = r.run_id) "
            "FROM runs r"
        )
        by_question = Counter(question for question, _, _ in runs)
        shown = Counter(m.thread_ts for m in self.slack.messages(by_bot=True))
        counts.double_answers = sum(n - 1 for n in by_question.values())
        counts.double_answers += sum(shown[ts] - 1 for ts in self.slack_asked if shown[ts] > 1)
        answers = len(self.discord.record.messages(by_bot=True))
        counts.double_answers += max(0, answers - len(self.slack_asked))
        counts.told_too_late = self._told()
        unanswered = sum(question not in by_question for question in self.asked)
        counts.lost_questions = unanswered - counts.told_too_late
        counts.outcomes = dict(Counter(outcome for _, outcome, _ in runs))
        for question, outcome, recorded in runs:
            if outcome == "interrupted":
                self._measure(counts, question, recorded)
        return counts

    def _told(self) -> int:
        """Messages that say that a question was not answered."""
        slack = [*self.slack.messages(), *self.slack.messages(ephemeral=True)]
        shown = [message.now.visible for message in slack]
        shown += [message.content for message in self.discord.record.messages(by_bot=True)]
        return sum(NOT_ANSWERED in text for text in shown)

    def _measure(self, counts: Counts, question: str, recorded: int) -> None:
        """The tokens of a killed run that were sent and are not in the log: how many, how old."""
        sent: list[float] = []
        for exchange, play in zip(self.model.exchanges, self.answer.plays, strict=False):
            if question in str(exchange.body["messages"][-1]["content"]):
                sent = play[1:]  # the first chunk opens the answer
        killed = self.killed_at[question]
        before = [at for at in sent if at < killed]
        if len(before) > recorded:
            age_ms = round(1000 * (killed - before[recorded]))
            counts.most_tokens_lost = max(counts.most_tokens_lost, len(before) - recorded)
            counts.oldest_token_lost_ms = max(counts.oldest_token_lost_ms, age_ms)


async def killed(kills: int, seed: int, folder: Path, minutes: float = math.inf) -> Counts:
    """Kills so many times, or as often as there is time for, and counts."""
    until = time.monotonic() + 60 * minutes
    random = Random(seed)  # noqa: S311 - moments, no secrets
    answer = Timed([*spaced(text(*words(TOKENS)), _GAP_S), *finish()])
    async with (
        slack_server() as slack,
        discord_server() as discord,
        OpenAIServer(Answer(answer)) as model,
    ):
        settings = asks(model) | by_socket(slack) | on(discord)
        rounds = Round(slack, discord, model, answer, Shell(folder, settings))
        for number in range(kills):
            if time.monotonic() > until:
                kills = number
                break
            await rounds.kill_once(random.uniform(0.0, _AT_MOST_S))
            print(f"\rkill {number + 1} of {kills}", end="", file=sys.stderr, flush=True)  # noqa: T201 - a command
        await rounds.mended()
        return rounds.counted(kills)


def main() -> int:
    """Prints the counts; 1 where something was left, doubled or lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=math.inf)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        counts = asyncio.run(killed(given.kills, given.seed, Path(folder), given.minutes))
    print()  # noqa: T201 - a command
    print_counts(counts)
    return 1 if counts.faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
