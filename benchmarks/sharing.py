"""Several processes: how much of a budget each gets, and what it costs to have them."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from statistics import median
from uuid import uuid4

import psycopg
import redis
import structlog
from sqlalchemy import make_url

from benchmarks.figures import Figure
from bot.app.lifecycle import now_us
from bot.cluster import Cluster, Wakes
from bot.store import open_store, upgrade
from connectors.base import Asked, Budget, Deleted, MessageRef, Person, Place
from tests.doubles.clock import VirtualTimeLoop
from tests.doubles.commands import Shell
from tests.doubles.databases import POSTGRES
from tests.doubles.redis import redis_server
from tests.doubles.sharing import Deployment, Server

_SLACK = Budget("shared/T/chat.update", 50, 60.0)
_SETTLED_S = 120.0
"""Seconds after which every process knows the others, and the first windows are over."""


def measure(*, short: bool) -> list[Figure]:
    """The figures; needs redis-server, and PostgreSQL at TEST_POSTGRES_URL."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    seconds = 20.0 if short else 120.0
    with (
        redis_server() as server,
        redis.Redis.from_url(server.url, decode_responses=True) as client,
    ):
        figures = _shares(client, seconds, 5 if short else 50)
    with _database() as url:
        figures.append(_stop_reaches(url, 3 if short else 30))
    with _database() as url:
        figures.append(_idle(url, 2.0 if short else 60.0))
    return figures


def _shares(client: redis.Redis, seconds: float, many: int) -> list[Figure]:
    by_redis = _spent(Server(client), 4, 1, 5, seconds)
    in_parts = _spent(None, 4, 1, 5, seconds)
    of_many = _spent(Server(client), many, 1, 5, seconds)
    alone = _staleness(Server(client), 1, 1, 12, seconds)
    shared = _staleness(Server(client), 8, 4, 3, seconds)
    return [
        Figure("shares_one_busy_of_4_redis", by_redis, "edits/min", 45, more=True),
        Figure("shares_one_busy_of_4_parts", in_parts, "edits/min", 40, more=True),
        Figure("shares_one_busy_of_50_redis", of_many, "edits/min", 40, more=True),
        Figure("shares_staleness_4_of_8", round(shared / alone, 2), "x one process", 1.2),
    ]


def _spent(server: Server | None, processes: int, busy: int, replies: int, seconds: float) -> float:
    """Calls a minute of all."""
    calls = _played(server, processes, busy, replies, seconds)
    times = [at for each in calls for at in each if at > _SETTLED_S]
    return round(len(times) * 60 / seconds, 1)


def _staleness(
    server: Server | None, processes: int, busy: int, replies: int, seconds: float
) -> float:
    """How long text waits, on average, of replies that grow evenly."""
    calls = _played(server, processes, busy, replies, seconds)
    gaps = [later - at for each in calls for at, later in pairwise(each) if at > _SETTLED_S]
    return sum(gap * gap for gap in gaps) / sum(gaps) / 2


def _played(
    server: Server | None, processes: int, busy: int, replies: int, seconds: float
) -> Sequence[Sequence[float]]:
    async def play() -> list[list[float]]:
        chance = random.Random(1)  # noqa: S311 - latencies
        world = Deployment(_SLACK, chance, server)
        for number in range(processes):
            await world.start(busy=number < busy, replies=replies)
        await asyncio.sleep(_SETTLED_S + seconds)
        calls = [each for process in world.processes for each in process.calls]
        if world.most() > _SLACK.calls:
            raise RuntimeError(f"{world.most()} calls in a window of {_SLACK.calls}")
        await world.aclose()
        return calls

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(play())


@contextmanager
def _database() -> Iterator[str]:
    """A database of its own: PostgreSQL counts transactions by database."""
    name = f"bench_{uuid4().hex}"
    with psycopg.connect(POSTGRES, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
        try:
            yield make_url(POSTGRES).set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def _stop_reaches(url: str, times: int) -> Figure:
    """From a press in one process until another one has it."""
    with asyncio.Runner() as runner:
        took = runner.run(_letters(url, times))
    return Figure("cluster_stop_reaches_ms", round(median(took) * 1000, 1), "ms", 100)


async def _letters(url: str, times: int) -> list[float]:
    await upgrade(url)
    here, there = (Cluster(open_store(url), now_us) for _ in range(2))
    wakes = Wakes(url, there.store.database, there.me)
    listening = asyncio.create_task(wakes.listen())
    clock, took = asyncio.get_running_loop().time, []
    try:
        await asyncio.gather(here.heartbeat.beat(), there.heartbeat.beat())
        place = Place("memory", "W", "C")
        asked = Asked(MessageRef(place, "1"), Person("U", "U"), "Why?")
        await there.store.inbox.add(asked, now_us(), uuid4())
        async with asyncio.timeout(60):
            while not wakes.hearing:  # noqa: ASYNC110 - a connection is made
                await asyncio.sleep(0.05)
        for _ in range(times):
            began = clock()
            await here.mailbox.leave(Deleted(asked.message), now_us())
            while not await there.mailbox.take():
                await wakes.rest()
            took.append(clock() - began)
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await asyncio.gather(here.aclose(), there.aclose())
    return took


def _idle(url: str, seconds: float) -> Figure:
    """Statements a second of a real process that has nothing to do.

    Each is a transaction of its own, after one in which the pool sees that its connection lives.
    """
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        count = runner.run(_transactions(url, Path(folder), seconds))
    name = "cluster_statements_per_idle_second"
    return Figure(name, round(count / 2 / seconds, 2), "statements/s", 0.5)


async def _transactions(url: str, folder: Path, seconds: float) -> int:
    model = {"MODEL": "openai:nobody-asks", "OPENAI_API_KEY": "none", "START_CHECK": "off"}
    shell = Shell(folder, {"DATABASE_URL": url, "LOG_LEVEL": "warning", **model})
    async with shell.bot():
        await asyncio.sleep(seconds / 2)  # what follows its start
        before = _committed(url)
        await asyncio.sleep(seconds)
        return _committed(url) - before


def _committed(url: str) -> int:
    query = "SELECT xact_commit FROM pg_stat_database WHERE datname = %s"
    with psycopg.connect(POSTGRES) as connection:
        row = connection.execute(query, [make_url(url).database]).fetchone()
    return int(row[0]) if row else 0


if __name__ == "__main__":
    for figure in measure(short="SHORT" in os.environ):
        print(figure.as_line())  # noqa: T201 - a command
