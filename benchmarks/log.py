"""The log: how fast tokens are recorded, how long until they are durable, what reading costs.

`python -m benchmarks.log URL` measures one database, which must be new; the part measures SQLite
and, where a server is there (`BENCH_POSTGRES_URL`), a schema of its own on PostgreSQL.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

from benchmarks.figures import Figure, percentile
from benchmarks.processes import child
from bot.logs import set_up
from bot.store import Store, open_store, upgrade

POSTGRES = os.environ.get("BENCH_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/test")
AIM = 100_000.0
RUNS = 40
_ROUND = 2_000
_MOST_PENDING = 100_000
_WORD = " tokens"
_PATIENCE_S = 60.0


def measure(*, short: bool = False) -> list[Figure]:
    """Each database in a process of its own; the best of the rounds, which take turns."""
    rounds = 1 if short else 3
    told: dict[str, list[dict[str, float]]] = {}
    for _ in range(rounds):
        for name, url in (("sqlite", _sqlite()), ("postgres", postgres())):
            with url as place:
                if place is not None:
                    told.setdefault(name, []).append(_one(place, short=short))
    return [figure for name, found in told.items() for figure in _figures(name, found)]


def _one(url: str, *, short: bool) -> dict[str, float]:
    size = ["--tokens", "20000", "--seconds", "1"] if short else []
    return child("benchmarks.log", url, *size)


def _figures(name: str, found: list[dict[str, float]]) -> list[Figure]:
    def best(key: str) -> float:
        return min(each[key] for each in found)

    rate = max(each["tokens_per_s"] for each in found)
    aim = AIM if name == "sqlite" else None
    return [
        Figure(f"log_tokens_per_s_{name}", round(rate), "tokens/s", aim, more=True),
        Figure(f"log_cpu_us_per_token_{name}", round(best("cpu_us"), 2), "us"),
        Figure(f"log_bytes_per_token_{name}", round(best("bytes_per_token"), 1), "bytes"),
        Figure(f"log_durable_p99_ms_{name}", round(best("durable_p99_ms"), 1), "ms"),
        Figure(f"log_verify_ms_per_1000_tokens_{name}", round(best("verify_ms"), 2), "ms"),
    ]


@contextmanager
def _sqlite() -> Iterator[str | None]:
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{Path(folder) / 'log.db'}"


@contextmanager
def postgres() -> Iterator[str | None]:
    """A schema that nobody else uses; None where there is no server."""
    import psycopg

    try:
        connection = psycopg.connect(POSTGRES, connect_timeout=2, autocommit=True)
    except psycopg.OperationalError as error:
        sys.stderr.write(f"PostgreSQL is left out: {str(error).splitlines()[0]}\n")
        yield None
        return
    name = f"bench_{uuid4().hex}"
    with connection:
        connection.execute(f'CREATE SCHEMA "{name}"'.encode())
        try:
            separator = "&" if "?" in POSTGRES else "?"
            yield f"{POSTGRES}{separator}options=-csearch_path%3D{name}"
        finally:
            connection.execute(f'DROP SCHEMA "{name}" CASCADE'.encode())


# In a process of its own.


async def _measure(url: str, tokens: int, seconds: float) -> dict[str, float]:
    await upgrade(url)
    store = open_store(url)
    try:
        runs = [uuid4() for _ in range(RUNS)]
        await _fill(store, runs, 0, RUNS * 50)  # connections, compiled statements
        cpu = time.process_time()
        rate = await _sustained(store, runs, 50, tokens)
        cpu = time.process_time() - cpu
        size = await _size(store, url, tokens + RUNS * 50)
        verify = await _verify(store, runs[0], tokens // RUNS + 50)
        durable = await _durable(store, seconds)
    finally:
        await store.aclose()
    return {
        "tokens_per_s": rate,
        "cpu_us": cpu / tokens * 1e6,
        "bytes_per_token": size,
        "verify_ms": verify,
        "durable_p99_ms": percentile(durable, 0.99) * 1000,
    }


async def _sustained(store: Store, runs: list[UUID], first: int, tokens: int) -> float:
    """Tokens a second, from the first that is added until the last is durable."""
    began = time.perf_counter()
    await _fill(store, runs, first, tokens)
    return tokens / (time.perf_counter() - began)


async def _fill(store: Store, runs: list[UUID], first: int, tokens: int) -> None:
    """Adds tokens of all runs in turn, no faster than the journal has room for."""
    for at in range(0, tokens, _ROUND):
        for number in range(at, min(at + _ROUND, tokens)):
            seq, run = divmod(number, len(runs))
            store.tokens.add(runs[run], first + seq, number * 500, _WORD, "text")
        await asyncio.sleep(0)
        while store.journal.pending > _MOST_PENDING:  # noqa: ASYNC110 - it waits for room
            await asyncio.sleep(0.001)
    for run_id in runs:
        await store.settled(run_id, _PATIENCE_S)


async def _verify(store: Store, run_id: UUID, tokens: int) -> float:
    """Milliseconds for 1,000 tokens of what `verify` reads from the log; the best of five."""
    times = []
    for _ in range(5):
        began = time.perf_counter()
        recorded = await store.tokens.recorded(run_id)
        times.append(time.perf_counter() - began)
        if recorded.count != tokens or recorded.first_missing is not None:
            raise RuntimeError(f"{recorded.count} of {tokens} tokens are in the log")
    return min(times) * 1e6 / tokens


async def _durable(store: Store, seconds: float) -> list[float]:
    """Seconds until a token is durable, at 2,000 tokens/s of forty runs."""
    runs, times, waiting = [uuid4() for _ in range(RUNS)], list[float](), []

    async def wait(run_id: UUID, began: float) -> None:
        await store.settled(run_id, _PATIENCE_S)
        times.append(time.perf_counter() - began)

    start = time.perf_counter()
    for seq in range(int(seconds * 50)):
        await asyncio.sleep(max(0.0, start + seq / 50 - time.perf_counter()))
        for run_id in runs:
            store.tokens.add(run_id, seq, seq * 20_000, _WORD, "text")
        run_id = runs[seq % RUNS]
        waiting.append(asyncio.create_task(wait(run_id, time.perf_counter())))
    await asyncio.gather(*waiting)
    return times


async def _size(store: Store, url: str, tokens: int) -> float:
    """Bytes that a token takes on disk, the index with it."""
    from sqlalchemy import text

    if url.startswith("sqlite"):
        size = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
    else:
        size = "SELECT pg_total_relation_size('tokens')"
    found: int = await store.database.read(lambda c: c.execute(text(size)).scalar_one())
    return found / tokens


def main() -> None:
    """Measures one database and prints what it found as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.log", description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--tokens", type=int, default=300_000)
    parser.add_argument("--seconds", type=float, default=4.0)
    given = parser.parse_args()
    set_up("error", "json")
    told = asyncio.run(_measure(given.url, given.tokens, given.seconds))
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
