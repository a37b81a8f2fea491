"""The Procfile's processes on PostgreSQL: how soon they are up, and what they keep in memory.

`python -m benchmarks.procfile` runs the release line, then `web` and `worker` by name.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click

from benchmarks.figures import Figure
from benchmarks.log import postgres
from benchmarks.process import platforms
from benchmarks.processes import ROOT, end, get, memory_mb, post

NAMES = ("web", "worker")
_PATIENCE_S = 60.0
_SETTLE_S = 2.0
_BUSY_S = 10.0


def measure(*, short: bool = False) -> list[Figure]:
    """Nothing where no PostgreSQL server is reached."""
    answers = 4 if short else 50
    with postgres() as url, tempfile.TemporaryDirectory() as name:
        if url is None:
            return []
        with platforms("--tokens", "2000", "--rate", "20") as (settings, slack):
            environment = _environment(Path(name), {**settings, "DATABASE_URL": url})
            _release(environment)
            with _started(Path(name), environment) as ready_s:
                time.sleep(_SETTLE_S)
                idle = _memory(environment)
                for number in range(answers):
                    channel = f"C{number:03}"
                    post(f"{slack['control']}channel", id=channel)
                    post(f"{slack['control']}ask", text=f"Question {number}", channel=channel)
                busy = _most(environment, 1.0 if short else _BUSY_S)
                shown = [m for m in get(f"{slack['control']}report")["messages"] if m["by_bot"]]
    if len(shown) < answers:
        raise RuntimeError(f"only {len(shown)} of {answers} answers were begun")
    return [
        Figure("procfile_ready_s", round(ready_s, 2), "s"),
        *(Figure(f"procfile_{name}_idle_rss_mb", round(idle[name], 1), "MB") for name in NAMES),
        *(
            Figure(f"procfile_{name}_rss_{answers}_answers_mb", round(busy[name], 1), "MB")
            for name in NAMES
        ),
    ]


def _environment(folder: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """A host's; `BENCH_HOME` tells these processes from others of the same machine."""
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "DATA_DIR": str(folder),
        "BENCH_HOME": str(folder),
        "HOST": "127.0.0.1",
        "LOG_FORMAT": "json",
        "SHUTDOWN_GRACE": "1",
        **settings,
    }


def _release(environment: Mapping[str, str]) -> None:
    found = re.search(r"^release: (.*)$", (ROOT / "Procfile").read_text(), re.MULTILINE)
    if found is None:
        raise RuntimeError("the Procfile has no release line")
    subprocess.run(
        shlex.split(found[1]), cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL
    )


@contextmanager
def _started(folder: Path, environment: Mapping[str, str]) -> Iterator[float]:
    """Both processes, by name; seconds until both say that they are ready."""
    command = [sys.executable, "-m", "honcho", "-f", str(ROOT / "Procfile"), "-e", os.devnull]
    log = folder / "honcho.log"
    began = time.monotonic()
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*command, "start", "-p", "0", *NAMES],
            cwd=folder, env=environment, stdout=out, stderr=out,
        )  # fmt: skip
    try:
        while log.read_bytes().count(b"Everytoken is ready") < len(NAMES):
            if process.poll() is not None or time.monotonic() > began + _PATIENCE_S:
                raise RuntimeError(f"web and worker did not start:\n{log.read_text()}")
            time.sleep(0.01)
        yield time.monotonic() - began
    finally:
        end(process)


def _memory(environment: Mapping[str, str]) -> dict[str, float]:
    """Each process's resident memory now, in MB."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            ours = f"BENCH_HOME={environment['BENCH_HOME']}".encode() in process.joinpath(
                "environ"
            ).read_bytes().split(b"\0")
            words = process.joinpath("cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if ours and words[1:4] == [b"-m", b"bot", b"run"]:
            found["worker" if b"gateway" in words else "web"] = memory_mb(int(process.name))
    return found


def _most(environment: Mapping[str, str], seconds: float) -> dict[str, float]:
    """The most that each process keeps within some seconds, in MB."""
    most = dict.fromkeys(NAMES, 0.0)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        most = {name: max(most[name], now) for name, now in _memory(environment).items()}
        time.sleep(0.2)
    return most


if __name__ == "__main__":
    for figure in measure():
        click.echo(figure.as_line())
