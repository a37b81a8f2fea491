"""Two real processes on one PostgreSQL, and each event of Slack's delivered to both: `make two`.

With `--kill` one of them is killed in the middle. With `--beside FOLDER` the second runs the
version that is checked out there, as while a deployment rolls; then the first ends, and the second
answers a tenth as many more alone, as after going back.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests.doubles.commands import Bot, Shell, asks
from tests.doubles.databases import postgres_schema
from tests.doubles.openai import Answer, OpenAIServer, finish, spaced, text
from tests.doubles.slack import SIGNING_SECRET, Limits, Slack, slack_server
from tests.doubles.slack.http_events import HttpEvents
from tests.doubles.slack.records import Delivery
from tests.process.commands.test_slack import by_http

_CHANNELS = 25
_ACTS = [*spaced(text("Be", "cause ", "of ", "this."), 0.25), *finish()]
_PAUSE_S = 0.03
_AHEAD = 20
_KEPT = "SELECT count(*) FROM inbox"
_PROGRESS = (
    "SELECT (SELECT count(*) FROM inbox WHERE state = 'done'), "
    "(SELECT count(*) FROM runs WHERE ended_us IS NULL)"
)
QUICK = {"SLACK_EDITS_PER_MINUTE": "3000", "SLACK_POSTS_PER_MINUTE": "3000"}


class Both:
    """Carries each event to two addresses."""

    def __init__(self, first: HttpEvents, second: HttpEvents) -> None:
        self._ways = (first, second)

    def carry(self, delivery: Delivery) -> None:
        """Sends it to both; who asks hears of the first."""
        self._ways[0].carry(delivery)
        self._ways[1].carry(Delivery(delivery.kind, delivery.payload))

    def copies(self, delivery: Delivery) -> list[Delivery]:
        """It goes to both anyhow."""
        return [delivery]

    async def aclose(self) -> None:
        """Closes both."""
        for way in self._ways:
            await way.aclose()


@dataclass
class Counts:
    """What came of the events."""

    events: int
    kept: int
    runs: int
    answers: int
    outcomes: dict[str, int]
    by_process: list[int]
    left_writing: int
    rate_limited: int
    limited: dict[str, int]
    """The 429s by method: of what writes answers there is to be none, courtesies may have some."""
    seconds: float

    @property
    def whole(self) -> bool:
        """Each event has one answer."""
        return self.events == self.kept == self.runs == self.answers and not self.left_writing


@asynccontextmanager
async def both_hear(slack: Slack, first: Bot, second: Bot) -> AsyncIterator[None]:
    """Slack's events go to both."""
    ways = [HttpEvents(_events_of(bot), SIGNING_SECRET, 3.0) for bot in (first, second)]
    slack.board.events.carrier = both = Both(*ways)
    try:
        yield
    finally:
        await both.aclose()


async def delivered_to_both(
    events: int,
    url: str,
    folder: Path,
    *,
    kill: bool,
    metered: bool = False,
    beside: Path | None = None,
) -> Counts:
    """Delivers so many questions, each of a conversation of its own, and waits for all answers."""
    limits = Limits() if metered else Limits().unmetered()
    async with slack_server(limits=limits) as slack, OpenAIServer(Answer(_ACTS)) as model:
        settings = asks(model) | by_http(slack) | ({} if metered else QUICK)
        shell = Shell(folder, settings | {"DATABASE_URL": url, "LOG_LEVEL": "warning"})
        other = {} if beside is None else {"PYTHONPATH": str(beside)}
        async with shell.bot(**other) as second, shell.bot() as first:
            began = time.monotonic()
            more = 0 if beside is None else events // 10
            async with both_hear(slack, first, second):
                await _ask(slack, url, events, first if kill else None)
                await _answered(url, events)
                if more:
                    first.child.send(signal.SIGTERM)
                    await first.child.ended()
                    await _ask(slack, url, more, None)
                    await _answered(url, events + more)
            return _counted(slack, url, events + more, time.monotonic() - began)


async def _ask(slack: Slack, url: str, events: int, victim: Bot | None) -> None:
    """Asks, no faster than a busy machine keeps the questions; kills one halfway."""
    channels = [slack.workspace.add_channel(f"C{n:03}", f"c{n}").id for n in range(_CHANNELS)]
    for number in range(events):
        slack.ask(f"Question {number}?", channel=channels[number % _CHANNELS])
        await asyncio.sleep(_PAUSE_S)
        while number - rows(url, _KEPT)[0][0] > _AHEAD:  # noqa: ASYNC110 - others change it
            await asyncio.sleep(_PAUSE_S)
        if victim is not None and number == events // 2:
            victim.child.send(signal.SIGKILL)


async def _answered(url: str, events: int) -> None:
    """Waits until so many questions were kept, and nothing is unfinished."""
    async with asyncio.timeout(120 + 2 * events):
        while rows(url, _PROGRESS) != [(events, 0)]:  # noqa: ASYNC110 - other processes change it
            await asyncio.sleep(0.25)


def rows(url: str, query: str) -> list[Any]:
    """What a query finds in the processes' database, past them."""
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


def _counted(slack: Slack, url: str, events: int, seconds: float) -> Counts:
    outcomes = Counter(outcome for (outcome,) in rows(url, "SELECT outcome FROM runs"))
    by = rows(url, "SELECT count(*) FROM runs GROUP BY owner ORDER BY 1")
    ((kept,),) = rows(url, _KEPT)
    return Counts(
        events=events,
        kept=kept,
        runs=outcomes.total(),
        answers=len(slack.messages(by_bot=True)),
        outcomes=dict(outcomes),
        by_process=[count for (count,) in by],
        left_writing=len(slack.writing()),
        rate_limited=len(slack.rate_limited),
        limited=dict(Counter(each.method for each in slack.rate_limited)),
        seconds=round(seconds, 1),
    )


def _events_of(bot: Bot) -> str:
    return f"http://{bot.address}/slack/events"


def print_counts(counts: Any) -> None:
    """Prints what a script has counted, a dataclass, one count a line."""
    for name, value in asdict(counts).items():
        print(f"{name}: {value}")  # noqa: T201 - a command


def main() -> int:
    """Prints the counts; 1 where an event has no answer, or two."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=500)
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--metered", action="store_true")
    parser.add_argument("--beside", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, postgres_schema() as url:
        work = delivered_to_both(
            given.events,
            url,
            Path(folder),
            kill=given.kill,
            metered=given.metered,
            beside=given.beside and given.beside.resolve(),
        )
        counts = asyncio.run(work)
    print_counts(counts)
    return 0 if counts.whole else 1


if __name__ == "__main__":
    raise SystemExit(main())
