"""What a token costs: `python -m benchmarks.token_cost`.

CPU (user and system) that one streamed token costs the process that reads it, for each way to
read: forty streams at once, each paced at 50 tokens/s by a server in a process of its own. The
ways take turns, each in a fresh process, and each is told as a ratio to the openai SDK's bare
loop, over its own transport and on Python's own event loop, as they come. A name that ends in
`_uvloop` runs on uvloop, as the bot does where it is installed. Then: how many such streams one
core reads before its event loop lags.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.figures import Figure, show
from benchmarks.processes import child, server
from benchmarks.readers import READERS
from bot.logs import set_up

RATIO_AIM = 0.4
LAG_AIM_MS = 50.0
STREAMS_AIM = 200
_LAG_STEP_S = 0.005
_WARM_TOKENS = 20
_COMPARED = 2
"""In so many rounds all ways are measured."""

_UVLOOP = "_uvloop"

DEFAULT = "lean_way" + _UVLOOP * (find_spec("uvloop") is not None)
"""What the bot reads OpenAI's streams with, and on which loop, unless it is told otherwise."""
WAYS = tuple(
    dict.fromkeys(
        ("sdk", DEFAULT, DEFAULT.replace("lean_way", "sdk"), "lean_way", "langchain", "floor",
         "langchain_way")
    )
)  # fmt: skip


def measure(*, short: bool = False) -> list[Figure]:
    """The part of `make bench`."""
    if short:
        return costs(("sdk", DEFAULT), rounds=1, streams=2, tokens=25)
    return [*costs(WAYS, rounds=3, streams=40, tokens=200), *streams_per_core()]


def costs(names: Sequence[str], rounds: int, streams: int, tokens: int) -> list[Figure]:
    """CPU per token of each way, the median of the rounds, and as a ratio to the SDK's loop.

    The ratio is taken within each round, whose ways follow each other at once. What has no aim is
    measured in fewer rounds.
    """
    found: dict[str, list[float]] = {name: [] for name in names}
    with _models(tokens) as urls:
        for number in range(rounds):
            for name in names if number < _COMPARED else ("sdk", DEFAULT):
                found[name].append(_child(name, urls, streams)["cpu_us_per_token"])
    figures = []
    for name in names:
        ratios = [ours / sdk for ours, sdk in zip(found[name], found["sdk"], strict=False)]
        if name == DEFAULT:
            figures.append(Figure("cpu_per_token_vs_sdk", round(median(ratios), 3), "x", RATIO_AIM))
        if name == DEFAULT and (same := found.get(name.replace("lean_way", "sdk"))):
            alike = median(ours / sdk for ours, sdk in zip(found[name], same, strict=False))
            figures.append(Figure("cpu_per_token_vs_sdk_same_loop", round(alike, 3), "x"))
        figures += [
            Figure(f"token_cost_{name}_us", round(median(found[name]), 1), "us"),
            Figure(f"token_cost_{name}_ratio", round(median(ratios), 3), "x"),
            Figure(f"token_cost_{name}_spread", round(max(ratios) - min(ratios), 3), "x"),
        ]
    return figures


def streams_per_core(most: int = 400, step: int = 50, tokens: int = 250) -> list[Figure]:
    """The most streams at 50 tokens/s with which the event loop lags less than 50 ms at p99."""
    low, high, lag = 0, most + step, 0.0
    with _models(tokens) as urls:
        streams = STREAMS_AIM
        while high - low > step:
            told = _child(DEFAULT, urls, streams, one_core=True)
            if told["lag_p99_ms"] < LAG_AIM_MS:
                low, lag = streams, told["lag_p99_ms"]
            else:
                high = streams
            streams = min((low + high) // 2 // step * step, low + 2 * step)
    return [
        Figure("streams_per_core", low, "streams", STREAMS_AIM, more=True),
        Figure("streams_per_core_lag_p99_ms", lag, "ms"),
    ]


def measured(
    names: Sequence[str], rounds: int, streams: int, tokens: int
) -> dict[str, list[float]]:
    """CPU per token of each way in microseconds, by round; the ways take turns."""
    found: dict[str, list[float]] = {name: [] for name in names}
    with _models(tokens) as urls:
        for _ in range(rounds):
            for name in names:
                found[name].append(_child(name, urls, streams)["cpu_us_per_token"])
    return found


@contextmanager
def _models(tokens: int) -> Iterator[tuple[str, str]]:
    """Where the measured streams come from, and where a short one to get warm with."""
    module = "benchmarks.model_server"
    with (
        server(module, "--tokens", str(tokens)) as model,
        server(module, "--tokens", str(_WARM_TOKENS)) as warm,
    ):
        yield model["url"], warm["url"]


def _child(
    name: str, urls: tuple[str, str], streams: int, *, one_core: bool = False
) -> dict[str, float]:
    command = ["benchmarks.token_cost", "--read", name, "--url", urls[0], "--warm-url", urls[1]]
    return child(*command, "--streams", str(streams), *(["--one-core"] if one_core else []))


# In a process of its own.


async def _read(
    name: str, urls: tuple[str, str], streams: int, folder: Path, *, watch: bool
) -> dict[str, float]:
    url, warm_url = urls
    reader = READERS[name.removesuffix(_UVLOOP)]
    await reader(warm_url, 1, folder)  # imports, compiled patterns, a warm database
    gc.collect()
    lags: list[float] = []
    watching = asyncio.create_task(_watch(lags) if watch else asyncio.sleep(0))
    cpu, wall = time.process_time(), time.perf_counter()
    tokens = await reader(url, streams, folder)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    watching.cancel()
    told = {"cpu_us_per_token": cpu / tokens * 1e6, "core_used": round(cpu / wall, 3)}
    return told | (_told(sorted(lags)) if watch else {})


def _told(lags: list[float]) -> dict[str, float]:
    return {
        "lag_p99_ms": round(lags[int(len(lags) * 0.99)] * 1000, 2),
        "lag_worst_ms": round(lags[-1] * 1000, 2),
    }


async def _watch(lags: list[float]) -> None:
    """Notes how late the loop comes back from a short sleep."""
    while True:
        due = time.perf_counter() + _LAG_STEP_S
        await asyncio.sleep(_LAG_STEP_S)
        lags.append(time.perf_counter() - due)


def _run_child(given: argparse.Namespace) -> None:
    if given.one_core:
        os.sched_setaffinity(0, {0})
    set_up("info", "json")
    factory: Any = None
    if given.read.endswith(_UVLOOP):
        factory = import_module("uvloop").new_event_loop
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner(loop_factory=factory) as runner:
        told = runner.run(
            _read(
                given.read,
                (given.url, given.warm_url),
                given.streams,
                Path(folder),
                watch=given.one_core,
            )
        )
    sys.stdout.write(json.dumps(told) + "\n")


def main() -> None:
    """Measures once and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--streams", type=int, default=40)
    parser.add_argument("--tokens", type=int, default=500, help="of each stream")
    parser.add_argument("--ways", help="only these, comma-separated")
    parser.add_argument("--no-many", action="store_true", help="leave the many streams out")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--read", help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--warm-url", help=argparse.SUPPRESS)
    parser.add_argument("--one-core", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.read:
        _run_child(given)
        return
    names = list(dict.fromkeys([*WAYS, *READERS]))
    if given.ways:
        names = ["sdk", *(name for name in given.ways.split(",") if name != "sdk")]
    figures = costs(names, given.rounds, given.streams, given.tokens)
    if not given.no_many:
        figures += streams_per_core()
    show(figures, as_json=given.json)


if __name__ == "__main__":
    main()
