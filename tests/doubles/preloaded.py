"""Real processes, of the bot and of a benchmark, that begin with their modules imported.

Most of what a command costs is importing the bot: a second and a half of a CPU, some three hundred
times in a run of the tests. Here one process in each worker imports it, and each command is a fork
of that: a process of its own, with its own environment, folder, signals and exit, which runs
`python -m bot` from its first line on. Only the imports lie before. What is about them, about
starting and about signals is started from nothing: `Shell(preloaded=False)`.
"""

from __future__ import annotations

import asyncio
import atexit
import ctypes
import gc
import json
import os
import random
import resource
import runpy
import signal
import socket
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bot.cli import COMMANDS

_ROOT = Path(__file__).parents[2]
_BOT = "bot"
_IMPORTED = {
    _BOT: (
        *sorted({module for module, _ in COMMANDS.values()}), "bot.cli.screen",
        "connectors.slack", "connectors.discord", "connectors.web", "connectors.web.dialect",
        "connectors.terminal", "providers.openai_stream", "providers.local", "uvicorn", "uvloop",
        "aiosqlite", "alembic.command", "alembic.config", "click._textwrap", "encodings.idna",
        "genai_prices.data", "genai_prices.data_snapshot", "genai_prices.update_prices",
        "genai_prices.validation", "html.parser", "math_core", "nh3", "stringprep",
    ),
    "benchmarks": (
        "tests.doubles.slack.server", "tests.doubles.discord.server", "benchmarks.model_server",
        "benchmarks.token_cost", "benchmarks.platforms", "benchmarks.process", "benchmarks.log",
        "connectors.slack", "connectors.discord", "bot.app", "uvloop",
    ),
}  # fmt: skip
"""What each kind of process has imported: the bot's has nothing else."""
_OURS = ("bot.", "connectors.", "providers.")
_PER_DATABASE = "bot.store.migrations"
"""What alembic runs anew for each."""
TELLS_LATER = "TESTS_TELL_WHAT_IS_IMPORTED_LATER"
"""The setting of a fork: a file for the names of what it had to import of ours all the same."""
_NOT_EVERYWHERE = ("uvloop",)
_FORKING = threading.Lock()
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER
_MOST = 1 << 20


class Preloaded(subprocess.Popen[Any]):
    """A command of the bot, forked from the process that has it imported; else as any `Popen`.

    With `others`, any module of ours is, from a process that has more imported.
    """

    def __init__(
        self, args: Any, *, files: int | None = None, others: bool = False, **options: Any
    ) -> None:
        self._files = files
        self._others = others
        super().__init__(args, **options)

    def _execute_child(self, *given: Any) -> None:
        starting: Any = subprocess.Popen._execute_child  # type: ignore[attr-defined]  # the pipes are made by then
        call = dict(zip(starting.__code__.co_varnames[1:], given, strict=False))
        _, how, module, *arguments = map(os.fspath, call["args"])
        if how != "-m" or not (self._others or module == _BOT):
            starting(self, *given)
            return
        asked = {
            "module": module,
            "arguments": arguments,
            "folder": os.fspath(call["cwd"] or "."),
            "environment": dict(os.environ if call["env"] is None else call["env"]),
            "files": self._files,
        }
        pipes = [call["p2cread"], call["c2pwrite"], call["errwrite"]]
        kind = _BOT if module == _BOT else "benchmarks"
        self.pid = _nursery(kind).fork(asked, [n if p == -1 else p for n, p in enumerate(pipes)])
        self._child_created = True
        ends = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
        self._close_pipe_fds(*(call[end] for end in ends))  # type: ignore[attr-defined]


@contextmanager
def preloading(files: int | None) -> Iterator[None]:
    """What asyncio starts meanwhile is forked, with a limit of open files where one is given.

    It starts a process before it waits for anything, so several may be started side by side; each
    leaves the real module behind, and not what another one had put there.
    """
    made = SimpleNamespace(Popen=partial(Preloaded, files=files), PIPE=subprocess.PIPE)
    unix_events: Any = asyncio.unix_events
    unix_events.subprocess = made
    try:
        yield
    finally:
        unix_events.subprocess = subprocess


class _Nursery:
    """The process that has all imported, as a worker of the tests sees it."""

    def __init__(self, kind: str) -> None:
        self._here, there = socket.socketpair()
        command = [sys.executable, "-m", __name__, kind, str(there.fileno())]
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(_ROOT)}
        self._process = subprocess.Popen(
            command, cwd=_ROOT, env=environment, pass_fds=[there.fileno()]
        )
        there.close()

    def fork(self, asked: dict[str, Any], pipes: list[int]) -> int:
        """Starts a command; the id of its process, which is a child of this one."""
        with _FORKING:
            # An orphan becomes the child of whoever reaps: it has to be ours, to be waited for.
            _reap_orphans(True)
            try:
                socket.send_fds(self._here, [json.dumps(asked).encode()], pipes)
                return int(self._here.recv(64))
            finally:
                _reap_orphans(False)

    def close(self) -> None:
        """Ends the process; the commands that it forked go on."""
        self._here.shutdown(socket.SHUT_RDWR)
        self._here.close()
        self._process.wait()


@cache
def _nursery(kind: str) -> _Nursery:
    nursery = _Nursery(kind)
    atexit.register(nursery.close)
    return nursery


def _reap_orphans(ours: bool) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, int(ours), 0, 0, 0)


def _serve(here: socket.socket) -> dict[str, Any] | None:
    """Forks for each request; returns in the fork, with what it is asked, and at the end."""
    while True:
        message, pipes, _, _ = socket.recv_fds(here, _MOST, 3)
        if not message:
            return None
        reading, writing = os.pipe()
        if between := os.fork():
            os.close(writing)
            os.waitpid(between, 0)  # by now the fork is an orphan
            here.send(os.read(reading, 64))
            for each in (reading, *pipes):
                os.close(each)
            continue
        if command := os.fork():
            os.write(writing, str(command).encode())
            os._exit(0)
        os.close(reading)
        os.close(writing)
        for number, each in enumerate(pipes):
            os.dup2(each, number)
            os.close(each)
        here.close()
        return dict(json.loads(message))


def _become(asked: dict[str, Any]) -> None:
    """What differs between commands."""
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["folder"])
    sys.path[0] = asked["folder"]
    sys.argv = [asked["module"], *asked["arguments"]]
    random.seed()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if asked["files"] is not None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (asked["files"], asked["files"]))


def main() -> None:
    """Imports, and forks whenever it is asked to."""
    kind, listening = sys.argv[1:]
    warnings.filterwarnings("ignore", "'.*' found in sys.modules", RuntimeWarning, "runpy")
    for name in _IMPORTED[kind]:
        if name not in _NOT_EVERYWHERE or find_spec(name):
            import_module(name)
    gc.collect()
    gc.freeze()
    asked = _serve(socket.socket(fileno=int(listening)))
    if asked is not None:
        _become(asked)
        if TELLS_LATER in os.environ:
            atexit.register(_tell_later, os.environ[TELLS_LATER], frozenset(sys.modules))
        _leave(_run(asked["module"]))


def _run(module: str) -> int:
    """Runs it as `python -m` does; the exit code, where it leaves with one."""
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as left:
        if not isinstance(left.code, int | None):
            raise
        return left.code or 0
    return 0


def _leave(code: int) -> None:
    """Ends as Python does, but for taking each module to pieces: 0.13 s of a CPU, for nothing."""
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads
    atexit._run_exitfuncs()
    gc.collect()  # what nobody waited for says so
    try:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    except OSError:
        sys.exit(code)  # nobody reads: Python has a code and a line for that
    os._exit(code)


def _tell_later(file: str, imported: frozenset[str]) -> None:
    later = [name for name in sys.modules.keys() - imported if name.startswith(_OURS)]
    Path(file).write_text(json.dumps([n for n in later if not n.startswith(_PER_DATABASE)]))


if __name__ == "__main__":
    main()
