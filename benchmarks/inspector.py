"""How long the inspector's pages take over a large log: `python -m benchmarks.inspector --help`.

Fills a database of its own with runs of the last 30 days, most of them short and one in a hundred
long, counts the hours as the bot would, and asks for each page several times. The database is
deleted again.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import math
import os
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from statistics import median
from typing import Any
from uuid import UUID

import psycopg
from httpx import ASGITransport, AsyncClient
from sqlalchemy import Connection, create_engine, func, insert, make_url, select, text
from starlette.applications import Starlette

from bot.app.monitoring import PageDoor
from bot.cluster.leases import Leases
from bot.identity import Account
from bot.inspector import Inspector, Options
from bot.store import SqlDatabase, Store, UsageScope, upgrade
from bot.store.database import database_url
from bot.store.schema import runs
from connectors.web.access import AccessRules
from connectors.web.login import InspectorGate

SPAN_US = 30 * 86_400_000_000
SERVER = "postgresql://postgres@127.0.0.1:5432"
GOAL_MS = 300
_NAME = "everytoken_benchmark_inspector"
_SEED = 7
_BATCH = 20_000
_LONG_EVERY = 100
_ASKED = 6
_HERE = "http://127.0.0.1"
_OPEN = 20
"""The newest runs, which have not ended."""
_PEOPLE = 2000
_DAY_US = 86_400_000_000
_PEAK = 0.7
"""How uneven a day is: now is its busiest time, with 1 / (1 - this) of the mean."""

# Connector, its share, its model. No connector has another's model: a filter by both finds nothing,
# and has half of all runs to look through.
_ORIGINS = (
    ("slack", 50, "openai:gpt-5"),
    ("discord", 35, "azure:gpt-5-mini"),
    ("web", 10, "local:small"),
    ("terminal", 5, "openai:gpt-5"),
)
_TOKENS = """
INSERT INTO tokens (run_id, seq, at_us, text, kind)
SELECT runs.run_id, numbers.n, runs.first_token_us + numbers.n * 20000, 'token ', 'text'
FROM runs JOIN numbers ON numbers.n < runs.tokens ORDER BY runs.run_id, numbers.n
"""
_EDITS = """
INSERT INTO edits (run_id, n, part, call, at_us, latency_us, position, sha256, error)
SELECT runs.run_id, numbers.n, 0, CASE WHEN numbers.n = 0 THEN 'post' ELSE 'edit' END,
       (numbers.n + 1) * 1200000, 200000, (numbers.n + 1) * 300, :sha256,
       CASE WHEN runs.tokens > 1000 AND numbers.n = 3 THEN 'RateLimited: slow down' END
FROM runs JOIN numbers ON numbers.n < 1 + runs.tokens / 60 ORDER BY runs.run_id, numbers.n
"""
BUSIEST = Account("slack", "T1", "U0")
_MESSAGES = """
INSERT INTO messages (run_id, part, connector, workspace, channel, thread, message_id,
                      lead, head, tail, trail, chars)
SELECT run_id, 0, connector, workspace, channel, thread, 'answer ' || question_id,
       '', '', '', '', tokens * 6
FROM runs
"""
_INBOX = """
INSERT INTO inbox (connector, workspace, channel, thread, message_id, person_id, person_name,
                   person_realm, text, received_us, state, run_id, owner)
SELECT connector, workspace, channel, thread, question_id, person_id, person_name, person_realm,
       question,
       started_us - 5000, CASE WHEN ended_us IS NULL THEN 'running' ELSE 'done' END, run_id, owner
FROM runs ORDER BY started_us
"""


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--tokens", type=int, default=50_000_000, help="of all runs together")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--keep", metavar="URL", help="a database that is kept; filled once")
    return parser.parse_args()


def made(count: int, tokens: int, now_us: int) -> Iterator[list[dict[str, Any]]]:
    """The runs, in batches: half of all tokens are in the long ones."""
    source = random.Random(_SEED)  # noqa: S311 - figures, no secrets
    short = max(1, tokens / 2 / max(1, count - count // _LONG_EVERY))
    long = max(1, tokens / 2 / max(1, count // _LONG_EVERY))
    for first in range(0, count, _BATCH):
        numbers = range(first, min(count, first + _BATCH))
        yield [
            _run(n, count, long if n % _LONG_EVERY == 0 else short, now_us, source) for n in numbers
        ]


def _run(n: int, count: int, mean: float, now_us: int, source: random.Random) -> dict[str, Any]:
    """A run of about so many tokens; the lengths fall off exponentially."""
    connector, _, model = source.choices(_ORIGINS, [share for _, share, _ in _ORIGINS])[0]
    tokens = 1 + int(source.expovariate(1 / mean))
    started_us, first_us = _begun(n, count, now_us), int(source.lognormvariate(13, 0.5))
    person = int(_PEOPLE * source.random() ** 3)
    outcome = source.choices(("complete", "stopped", "failed", "length"), (94, 3, 2, 1))[0]
    verdict = source.choices(("verified", "unproven", "mended", "broken"), (9700, 280, 19, 1))[0]
    run: dict[str, Any] = {
        "run_id": str(UUID(int=source.getrandbits(128), version=4)),
        "connector": connector, "workspace": "T1",
        "channel": f"C{n % 300}", "thread": f"{n}.1", "question_id": str(n),
        "person_id": f"U{person}", "person_name": f"Person {person}",
        "person_realm": "T1" if connector == "slack" else "",
        "question": "Why is the sky blue, and what of it is true at night?",
        "model": model, "kind": "ask", "started_us": started_us, "first_token_us": first_us,
        "first_text_us": first_us + 400_000,
        "ended_us": started_us + first_us + tokens * 20_000 + 700_000, "outcome": outcome,
        "verdict": "unproven" if connector == "terminal" else verdict,
        "generated_text": "token " * tokens, "tokens": tokens, "input_tokens": 400,
        "output_tokens": tokens, "usage_estimated": False, "cost_microusd": tokens * 10,
        "owner": None,
    }  # fmt: skip
    if n >= count - _OPEN:
        absent = dict.fromkeys(("ended_us", "outcome", "verdict", "generated_text"))
        run |= absent | {"owner": "another process"}
    return run


def _begun(n: int, count: int, now_us: int) -> int:
    """When a run began: days are uneven, and now is the busiest time of one."""
    day = n * SPAN_US / count / _DAY_US
    warped = day - _PEAK * math.sin(2 * math.pi * day) / (2 * math.pi)
    return round(now_us - SPAN_US + warped * _DAY_US)


def fill(url: str, options: argparse.Namespace, now_us: int, say: Callable[[str], object]) -> None:
    """Fills an empty database."""
    engine = create_engine(database_url(url).replace("+aiosqlite", ""))
    begun = time.perf_counter()
    with engine.begin() as connection:
        prepare = {"postgresql": "SET work_mem = '256MB'", "sqlite": "PRAGMA cache_size = -400000"}
        connection.execute(text(prepare[engine.dialect.name]))
        longest = 0
        for batch in made(options.runs, options.tokens, now_us):
            longest = max(longest, *(run["tokens"] for run in batch))
            connection.execute(insert(runs), batch)
        say(f"  runs: {time.perf_counter() - begun:.0f} s")
        connection.execute(text("CREATE TEMPORARY TABLE numbers (n INTEGER PRIMARY KEY)"))
        connection.execute(
            text("INSERT INTO numbers (n) VALUES (:n)"), [{"n": n} for n in range(longest)]
        )
        for statement in (_INBOX, _MESSAGES, _EDITS, _TOKENS):
            connection.execute(text(statement), {"sha256": "ab" * 32})
            say(f"  and {statement.split()[2]}: {time.perf_counter() - begun:.0f} s")
    if engine.dialect.name == "postgresql":  # autovacuum would do it; SQLite has none, nor we
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
    engine.dispose()


@asynccontextmanager
async def database(options: argparse.Namespace) -> AsyncIterator[str]:
    """The URL of a database: the one to keep, or an empty one that is deleted again."""
    if options.keep:
        yield options.keep
    elif options.database == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/log.db"
    else:
        with psycopg.connect(f"{SERVER}/test", autocommit=True) as server:
            server.execute(f"DROP DATABASE IF EXISTS {_NAME}".encode())
            server.execute(f"CREATE DATABASE {_NAME}".encode())
            try:
                yield f"{SERVER}/{_NAME}"
            finally:
                server.execute(f"DROP DATABASE {_NAME} WITH (FORCE)".encode())


async def newest_us(store: Store) -> int | None:
    """When the newest run began; None where there is none."""
    return await store.database.read(
        lambda connection: connection.scalar(select(func.max(runs.c.started_us)))
    )


async def filled(url: str, options: argparse.Namespace, say: Callable[[str], object]) -> int:
    """Fills the database if it is empty, and counts its hours; the time that is its now."""
    begun = time.perf_counter()
    await upgrade(url)
    say(f"upgraded in {time.perf_counter() - begun:.0f} s")
    store = Store(SqlDatabase(url, deadline=120))
    if (now_us := await newest_us(store)) is None:
        now_us, begun = time.time_ns() // 1000, time.perf_counter()
        await asyncio.to_thread(fill, url, options, now_us, say)
        say(f"filled: {options.runs:,} runs, {options.tokens:,} tokens, "
            f"{time.perf_counter() - begun:.0f} s")  # fmt: skip
    begun = time.perf_counter()
    counted = await store.hours.count(now_us)
    say(f"counted {counted} hours in {time.perf_counter() - begun:.1f} s")
    await store.aclose()
    return now_us


async def pages(store: Store, now_us: int) -> dict[str, str]:
    """The pages that are asked for, by what they are."""
    middle = datetime.fromtimestamp((now_us - SPAN_US // 2) / 1e6, UTC).isoformat()[:16]

    def chosen(connection: Connection) -> tuple[str, str, str]:
        longest = "SELECT run_id FROM runs ORDER BY tokens DESC, run_id LIMIT 1"
        newest = "SELECT run_id FROM runs ORDER BY started_us DESC LIMIT 1"
        deep = "SELECT started_us, run_id FROM runs WHERE started_us < :us ORDER BY started_us DESC"
        place = connection.execute(text(f"{deep} LIMIT 1"), {"us": now_us - SPAN_US * 9 // 10})
        started_us, run_id = place.one()
        found = [str(connection.scalar(text(query))) for query in (longest, newest)]
        return found[0], found[1], f"{started_us}-{run_id}"

    longest, newest, deep = await store.database.read(chosen)
    return {
        "list": "/runs",
        "list, 900,000 runs deep": f"/runs?older={deep}",
        "filter: broken": "/runs?verdict=broken",
        "filter: failed": "/runs?outcome=failed",
        "filter: running": "/runs?outcome=running",
        "filter: one person": "/runs?person=U7",
        "filter: the busiest's broken": "/runs?person=U0&verdict=broken",
        "filter: complete, verified": "/runs?outcome=complete&verdict=verified",
        "filter: failed and mended": "/runs?outcome=failed&verdict=mended",
        "filter: mended until day 15": f"/runs?verdict=mended&until={middle}",
        "none: model and connector": "/runs?model=openai:gpt-5&connector=discord",
        "none: its verdict": "/runs?connector=terminal&verdict=verified",
        "none: an unknown model": "/runs?model=none&connector=web",
        "none: a time without runs": "/runs?until=2001-01-01T00:00&outcome=failed",
        "overview, 24 hours": "/overview?span=24h",
        "overview, 7 days": "/overview?span=7d",
        "overview, 30 days": "/overview?span=30d",
        "the newest run": f"/runs/{newest}",
        "the longest run": f"/runs/{longest}",
        "the longest run as JSON": f"/runs/{longest}.json",
    }


def others(store: Store, now_us: int) -> dict[str, Callable[[], Awaitable[object]]]:
    """What else reads the same tables, by what it is."""

    def spent(scope: UsageScope) -> Awaitable[object]:
        return store.usage.spent(
            scope, day_us=now_us - _DAY_US, month_us=now_us - SPAN_US, now_us=now_us
        )

    names = [name for name, _, _ in _ORIGINS]
    leases = Leases(store.database, store.me)
    return {
        "recovery: left runs": lambda: leases.orphaned_runs(["me"], names),
        "recovery: left questions": lambda: leases.orphaned_questions(["me"], names),
        "limits: the busiest person's": lambda: spent(UsageScope("slack", person=BUSIEST)),
        "limits: the workspace's": lambda: spent(UsageScope("slack", workspace="T1")),
        "retention, nothing to delete": lambda: store.retention.delete_before(
            now_us - 2 * SPAN_US, now_us=now_us
        ),
        "retention, some 1,000 runs": lambda: deletion(store, now_us),
        "runs list": lambda: store.runs.recent(20),
        "runs show, by a prefix": lambda: store.runs.find("00000"),
        "usage, by person": lambda: store.usage.totals("person", now_us - SPAN_US),
    }


async def deletion(store: Store, now_us: int) -> None:
    """Deletes the texts of the oldest runs that have any, without a pause for others."""
    query = select(func.min(runs.c.started_us)).where(runs.c.text_deleted_us.is_(None))
    oldest = await store.database.read(lambda connection: connection.scalar(query))
    await store.retention.delete_before((oldest or 0) + SPAN_US // 1000, now_us=now_us, batch=500)


def forget_pages(url: str) -> None:
    """The system forgets what it has read of a SQLite file: what comes next is read from disk."""
    if (file := make_url(url)).get_backend_name() == "sqlite" and file.database:
        with open(file.database, "rb") as opened:
            os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


async def measure(url: str, now_us: int, say: Callable[[str], object]) -> bool:
    """Asks for each page, cold and several times; whether each median was in time.

    Cold is a new process's first look: nothing is cached by it, nor of a SQLite file by the system.
    """
    within = True
    async with opened(url) as store:
        wanted = await pages(store, now_us)
    for name, path in wanted.items():
        forget_pages(url)
        async with opened(url) as store:
            options = Options(lambda: now_us, lambda _ref: None, questions=True)
            app = Starlette(
                routes=Inspector(store, PageDoor(InspectorGate(AccessRules())), options).routes()
            )

            async def asked(app: Starlette = app, path: str = path) -> None:
                async with AsyncClient(transport=ASGITransport(app), base_url=_HERE) as client:
                    (await client.get(path)).raise_for_status()

            within = await timed(name, asked, say) < GOAL_MS and within
    async with opened(url) as store:
        for name, call in others(store, now_us).items():
            await timed(name, call, say)
    return within


async def timed(
    name: str, call: Callable[[], Awaitable[object]], say: Callable[[str], object]
) -> float:
    """Calls several times and says how long it took; the median without the first, in ms."""
    took, worked = [], []
    for _ in range(_ASKED):
        begun, work = time.perf_counter(), time.process_time()
        await call()
        took.append((time.perf_counter() - begun) * 1000)
        worked.append((time.process_time() - work) * 1000)
    rest = took[1:]
    middle = median(rest)
    say(f"{name:<30} cold {took[0]:6.0f}   then {middle:5.0f}   worst {max(rest):5.0f}"
        f"   of it our CPU {median(worked[1:]):5.0f} ms")  # fmt: skip
    return middle


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Store]:
    """A store as a new process has it."""
    store = Store(SqlDatabase(url, deadline=120))
    yield store
    await store.aclose()


async def main() -> int:
    """Fills, measures and cleans up; 1 where a page took too long."""
    options = arguments()

    def say(line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    async with database(options) as url:
        now_us = await filled(url, options, say)
        gc.collect()
        gc.freeze()  # as the bot does once it is ready
        within = await measure(url, now_us, say)
    return 0 if within else 1


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
