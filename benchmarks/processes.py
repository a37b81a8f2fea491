"""The processes that a benchmark is made of: the bot, a model, a platform."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

ROOT = Path(__file__).parent.parent
_PATIENCE_S = 60.0


@contextmanager
def server(*command: str) -> Iterator[dict[str, Any]]:
    """A Python module that prints where it listens as one line of JSON."""
    process = subprocess.Popen(
        [sys.executable, "-m", *command], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None  # noqa: S101 - asked for above
    try:
        yield json.loads(process.stdout.readline())
    finally:
        end(process)


@contextmanager
def bot(folder: Path, settings: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m bot run`, ready; its log is `bot.log` in `folder`, where its database is too."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment |= {
        "DATA_DIR": str(folder),
        "HOST": "127.0.0.1",
        "PORT": "0",
        "LOG_FORMAT": "json",
        **settings,
    }
    with (folder / "bot.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "bot", "run"], cwd=ROOT, stdout=log, stderr=log, env=environment
        )
        try:
            _wait_ready(folder / "bot.log", process)
            yield process
        finally:
            end(process)


def child(*command: str, settings: Mapping[str, str] | None = None) -> dict[str, Any]:
    """A Python module that measures and prints what it found as a last line of JSON."""
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(settings or {})},
    )
    out, err = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{err[-2000:]}")
    told: dict[str, Any] = json.loads(out.splitlines()[-1])
    return told


def memory_mb(pid: int) -> float:
    """The resident memory of a process, as Linux counts it."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} has ended")


def _wait_ready(log: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = monotonic() + _PATIENCE_S
    while b"is ready" not in log.read_bytes():
        if process.poll() is not None or monotonic() > deadline:
            raise RuntimeError(f"the bot did not start:\n{log.read_text()}")
        sleep(0.005)


def end(process: subprocess.Popen[Any]) -> None:
    """Asks a process to end, and ends it where it does not."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def post(url: str, **said: Any) -> dict[str, Any]:
    """Sends JSON, and returns the JSON that is answered."""
    request = urllib.request.Request(  # noqa: S310 - loopback
        url, json.dumps(said).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        found: dict[str, Any] = json.load(answer)
        return found


def get(url: str) -> dict[str, Any]:
    """The JSON at an address."""
    with urllib.request.urlopen(url) as answer:  # noqa: S310 - loopback
        found: dict[str, Any] = json.load(answer)
        return found
