"""The processes that run the tests side by side, forked from one that has collected them.

To import all tests, the bot and its libraries takes six seconds of a CPU, and twice that without
bytecode, in each process that xdist starts. Here one process does that, and each worker is a fork
of it: a process of its own, in which xdist begins as in any other. It collects again, to have
fixtures and tests of its own; only the imports lie before.

xdist is told to start `_main` below in place of Python; that asks for a fork, hands over its pipes
and waits until the fork has ended.
"""

from __future__ import annotations

import gc
import os
import random
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

CAN = sys.platform == "linux"
"""Elsewhere libraries may have threads by now, or can't be forked."""
_NAME = "workers"


class Forked:
    """Has the workers of a run forked."""

    def __init__(self) -> None:
        self._folder: str | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_setupnodes(self, config: pytest.Config, specs: Sequence[Any]) -> None:
        """Starts the process that collects what the run has."""
        self._folder = tempfile.mkdtemp()
        address = str(Path(self._folder) / _NAME)
        python = [sys.executable, "-m", __name__]
        given = config.invocation_params
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(address)
            listening.listen()
            self._process = subprocess.Popen(
                [*python, "collect", str(listening.fileno()), *map(str, given.args)],
                cwd=given.dir,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                pass_fds=[listening.fileno()],
            )
        for spec in specs:
            spec.python = shlex.join([*python, "work", address])

    def pytest_unconfigure(self) -> None:
        """Ends the process; its forks end with their tests."""
        if self._process is not None:
            self._process.communicate()
        if self._folder is not None:
            shutil.rmtree(self._folder)


def _collect(listening: socket.socket, arguments: list[str]) -> Callable[[], None]:
    """Imports what the tests import, then forks for each that asks, until nobody can any more.

    Returns in the fork, with what it has to do.
    """
    pytest.main([*arguments, "--numprocesses=0", "--collect-only"])
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    assert threading.active_count() == 1, threading.enumerate()
    forks = []
    while sys.stdin not in select.select([sys.stdin, listening], [], [])[0]:
        asking, _ = listening.accept()
        _, pipes, _, _ = socket.recv_fds(asking, 1, 3)
        forks.append(os.fork())
        if not forks[-1]:
            listening.close()
            return lambda: _work(pipes)
        for each in pipes:
            os.close(each)
        asking.close()  # only the fork has it now, for as long as it lives
    for fork in forks:
        os.kill(fork, signal.SIGKILL)  # mostly it has ended: xdist gives each ten seconds
        os.waitpid(fork, 0)
    return lambda: None


def _work(pipes: list[int]) -> None:
    """Does what execnet sends to the Python that it starts."""
    for number, each in enumerate(pipes):
        os.dup2(each, number)
        os.close(each)
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout = os.fdopen(1, "w", closefd=False)
    random.seed()
    source = eval(sys.stdin.readline())  # noqa: S307 - it is what Python itself would be given
    exec(source, {"__name__": "__main__"})  # noqa: S102


def _ask(address: str) -> None:
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(address)
        socket.send_fds(asking, [b"."], [0, 1, 2])
        for each in (0, 1):
            os.close(each)
        asking.recv(1)


def _main(does: str, *arguments: str) -> None:
    if does == "collect":
        listening = socket.socket(fileno=int(arguments[0]))
        _collect(listening, list(arguments[1:]))()
    else:
        _ask(arguments[0])


if __name__ == "__main__":
    _main(*sys.argv[1:])
