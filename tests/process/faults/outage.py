"""PostgreSQL goes away under answers of two real processes, and comes back: `make outage`.

Each event is delivered to both. Every answer has shown its first words when the database goes, and
goes on only then.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from tests.doubles.commands import Bot, Shell, asks, words
from tests.doubles.databases import postgres_schema
from tests.doubles.openai import Answer, OpenAIServer, Until, finish, spaced, text
from tests.doubles.slack import Limits, Slack, slack_server
from tests.process.commands.test_slack import by_http
from tests.process.faults.gate import Gate, gated
from tests.process.faults.two import QUICK, both_hear, print_counts, rows

TOKENS = 40
_FIRST = 5
_GAP_S = 0.2
_PATIENCE_S = 120.0
"""The machine may be busy."""
_ENOUGH = 10
_PARTS = "SELECT owner, min(held) FROM budget_slots WHERE growing > 0 GROUP BY owner"
_OWNERS = "SELECT run_id, owner FROM runs"
_ENDS = (
    "SELECT run_id, owner, outcome, verdict, receipt::jsonb->>'late' = 'true', "
    "(SELECT count(*) FROM tokens t WHERE t.run_id = r.run_id AND t.text <> '') FROM runs r"
)


@dataclass
class Counts:
    """What came of the answers."""

    answers: int
    away_s: float = 0.0
    shown_while_away: int = 0
    processes_not_ready: int = 0
    """Those whose `/readyz` said meanwhile that it is the database."""
    processes_ready_again: int = 0
    claimed: int = 0
    """Runs that another process has taken."""
    complete: int = 0
    verified: int = 0
    late: int = 0
    tokens: int = 0
    left_writing: int = 0

    @property
    def whole(self) -> bool:
        """All were shown meanwhile, recorded and verified afterwards, and nobody took anything."""
        each = (self.shown_while_away, self.complete, self.verified, self.late)
        told = self.processes_not_ready == self.processes_ready_again == 2
        recorded = self.tokens == self.answers * TOKENS
        return {*each} == {self.answers} and told and recorded and not self.claimed


@dataclass
class Outage:
    """The servers, the processes, and what was counted."""

    slack: Slack
    gate: Gate
    url: str
    bots: tuple[Bot, Bot]
    counts: Counts
    owners: dict[str, str] = field(default_factory=dict)

    async def begin(self) -> None:
        """Asks, and waits until every answer has begun to be shown and is in the log."""
        for number in range(self.counts.answers):
            self.slack.ask(f"Question {number}?")
        await _until(lambda: self._showing(f"w{_FIRST - 1}") == self.counts.answers)
        await _until(lambda: len(rows(self.url, _OWNERS)) == self.counts.answers)
        self.owners = dict(rows(self.url, _OWNERS))
        await _until(self._have_their_part)

    async def away(self, seconds: float, go_on: asyncio.Event) -> None:
        """The database is away for so long; the answers go on meanwhile."""
        began = time.monotonic()
        await self.gate.shut()
        go_on.set()
        while (left := began + seconds - time.monotonic()) > 0:
            self.counts.processes_not_ready = max(
                self.counts.processes_not_ready, await self._without_database()
            )
            await asyncio.sleep(min(left, 1.0))
        self.counts.shown_while_away = self._showing(f"w{TOKENS - 1}")
        await self.gate.open()
        self.counts.away_s = round(time.monotonic() - began, 1)

    async def back(self) -> None:
        """Waits until all is recorded and compared, and counts."""
        await _until(lambda: all(verdict == "verified" for _, _, _, verdict, _, _ in self._ends()))
        async with asyncio.timeout(_PATIENCE_S):
            while await self._without_database():  # noqa: ASYNC110 - other processes change it
                await asyncio.sleep(0.5)
        counts, ends = self.counts, self._ends()
        counts.processes_ready_again = 2
        counts.claimed = sum(self.owners.get(run_id) != owner for run_id, owner, *_ in ends)
        counts.complete = sum(outcome == "complete" for _, _, outcome, *_ in ends)
        counts.verified = sum(verdict == "verified" for _, _, _, verdict, *_ in ends)
        counts.late = sum(bool(late) for *_, late, _ in ends)
        counts.tokens = sum(tokens for *_, tokens in ends)
        counts.left_writing = len(self.slack.writing())

    def _ends(self) -> list[tuple[str, str, str, str, bool, int]]:
        return rows(self.url, _ENDS)

    def _have_their_part(self) -> bool:
        """Whether each process that answers holds its part of the budget: it is dealt in turns."""
        dealt = dict(rows(self.url, _PARTS))
        return all(dealt.get(owner, 0) >= _ENOUGH for owner in self.owners.values())

    def _showing(self, word: str) -> int:
        messages = self.slack.messages(by_bot=True)
        return sum(word in message.now.visible.split() for message in messages)

    async def _without_database(self) -> int:
        """The processes that say that they can't work, since the database is away."""
        found = 0
        async with aiohttp.ClientSession() as session:
            for bot in self.bots:
                async with session.get(f"http://{bot.address}/readyz") as answer:
                    found += answer.status == 503 and "database" in await answer.text()
        return found


async def _until(seen: Callable[[], bool]) -> None:
    async with asyncio.timeout(_PATIENCE_S):
        while not seen():  # noqa: ASYNC110 - other processes change it
            await asyncio.sleep(0.2)


async def outlived(answers: int, seconds: float, url: str, folder: Path) -> Counts:
    """Lets the database be away for so long under so many answers, and counts."""
    go_on = asyncio.Event()
    acts = text(*words(TOKENS))
    first, rest = acts[: _FIRST + 1], acts[_FIRST + 1 :]  # the first chunk opens the answer
    answer = Answer([*first, Until(go_on), *spaced(rest, _GAP_S), *finish()])
    async with (
        slack_server(limits=Limits().unmetered()) as slack,
        OpenAIServer(answer) as model,
        gated(url) as (gate, through),
    ):
        settings = asks(model) | by_http(slack) | QUICK | {"DATABASE_URL": through}
        shell = Shell(folder, settings | {"LOG_LEVEL": "error"})
        async with shell.bot() as one, shell.bot() as other, both_hear(slack, one, other):
            outage = Outage(slack, gate, url, (one, other), Counts(answers))
            await outage.begin()
            await outage.away(seconds, go_on)
            await outage.back()
            return outage.counts


def main() -> int:
    """Prints the counts; 1 where something was lost, claimed or not told."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answers", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=30.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, postgres_schema() as url:
        counts = asyncio.run(outlived(given.answers, given.seconds, url, Path(folder)))
    print_counts(counts)
    return 0 if counts.whole else 1


if __name__ == "__main__":
    raise SystemExit(main())
