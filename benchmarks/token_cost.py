"""What a token costs: `python -m benchmarks.token_cost`.

CPU (user and system) that one streamed token costs the process that reads it, for each way to
read: forty streams at once, each paced at 50 tokens/s by a server in a process of its own. The
ways take turns, each in a fresh process, and each is told as a ratio to the openai SDK's bare
loop. Then: how far the event loop lags with 200 such streams on one core.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.processes import ROOT, server
from benchmarks.readers import READERS
from bot.logs import set_up

RATIO_AIM = 0.4
LAG_AIM_MS = 50.0
MANY = 200
_LAG_STEP_S = 0.005
_WARM_TOKENS = 20


@dataclass(frozen=True)
class Figure:
    """One measured value, and what it should be at most."""

    name: str
    value: float
    unit: str
    aim: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the aim is reached; None where there is none."""
        return None if self.aim is None else self.value <= self.aim


def measure(names: Sequence[str], rounds: int, streams: int, tokens: int) -> list[Figure]:
    """CPU per token of each way, the median of the rounds, and as a ratio to the SDK's loop."""
    costs: dict[str, list[float]] = {name: [] for name in names}
    with _models(tokens) as urls:
        for _ in range(rounds):
            for name in names:
                costs[name].append(_child(name, urls, streams)["cpu_us_per_token"])
    middle = {name: median(found) for name, found in costs.items()}
    spread = {name: (max(found) - min(found)) / middle[name] for name, found in costs.items()}
    figures = []
    for name in names:
        aim = RATIO_AIM if name.startswith("lean_way") else None
        figures += [
            Figure(f"token_cost_{name}_us", round(middle[name], 1), "us"),
            Figure(f"token_cost_{name}_ratio", round(middle[name] / middle["sdk"], 3), "x", aim),
            Figure(f"token_cost_{name}_spread", round(spread[name], 3), "of the median"),
        ]
    return figures


def streams_per_core(name: str, streams: int, tokens: int) -> list[Figure]:
    """How late the event loop is, with many streams on one core; the server has another one."""
    with _models(tokens) as urls:
        told = _child(name, urls, streams, one_core=True)
    return [
        Figure(f"streams_per_core_{name}_lag_p99_ms", told["lag_p99_ms"], "ms", LAG_AIM_MS),
        Figure(f"streams_per_core_{name}_lag_worst_ms", told["lag_worst_ms"], "ms"),
        Figure(f"streams_per_core_{name}_core_used", told["core_used"], "of a core"),
    ]


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
    command = [sys.executable, "-m", "benchmarks.token_cost", "--read", name]
    command += ["--url", urls[0], "--warm-url", urls[1]]
    command += ["--streams", str(streams), *(["--one-core"] if one_core else [])]
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True
    )
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


# In a process of its own.


async def _read(
    name: str, urls: tuple[str, str], streams: int, folder: Path, *, watch: bool
) -> dict[str, float]:
    url, warm_url = urls
    reader = READERS[name.removesuffix("_uvloop")]
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
    if given.read.endswith("_uvloop"):
        import uvloop  # type: ignore[import-not-found, unused-ignore]  # an optional part

        factory = uvloop.new_event_loop
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


def _with_uvloop() -> bool:
    from importlib.util import find_spec

    return find_spec("uvloop") is not None


def main() -> None:
    """Measures once and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--streams", type=int, default=40)
    parser.add_argument("--tokens", type=int, default=500, help="of each stream")
    parser.add_argument("--ways", help="only these, comma-separated")
    parser.add_argument("--no-many", action="store_true", help="leave the 200 streams out")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--read", help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--warm-url", help=argparse.SUPPRESS)
    parser.add_argument("--one-core", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.read:
        _run_child(given)
        return
    names = [*READERS, *(["sdk_uvloop", "floor_uvloop", "lean_way_uvloop"] * _with_uvloop())]
    if given.ways:
        names = ["sdk", *(name for name in given.ways.split(",") if name != "sdk")]
    figures = measure(names, given.rounds, given.streams, given.tokens)
    if not given.no_many:
        figures += streams_per_core("lean_way", MANY, given.tokens)
    _print(figures, as_json=given.json)


def _print(figures: Sequence[Figure], *, as_json: bool) -> None:
    if as_json:
        told = [{**asdict(figure), "met": figure.met} for figure in figures]
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
        return
    for figure in figures:
        aim = "" if figure.aim is None else f"  (aim {figure.aim:g})"
        sys.stdout.write(f"{figure.name:<44}{figure.value:>10g} {figure.unit}{aim}\n")


if __name__ == "__main__":
    main()
