"""The way of one short answer: which of our functions a mention on Slack passes, in order.

The real Slack connector, the real client of an OpenAI-compatible service and the real store on a
SQLite file run against the test servers over loopback. It begins when Slack sends the mention and
ends when the run is stored and everything that the mention started is done.

Every call is counted on whatever thread it would run. The event loop runs on virtual time and
does at once what is handed to a thread, the database's transactions above all: so the course is
the same each time, and one profile function sees it all.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import asdict, dataclass
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, TypeVarTuple

import structlog

from bot.store import open_store, upgrade
from providers.failover import ChainProvider
from providers.openai_stream import compatible_provider
from tests.doubles.clock import VirtualTimeLoop
from tests.doubles.openai import Answer, OpenAIServer, finish, text
from tests.doubles.slack.limits import Limits
from tests.doubles.slack.server import slack_server
from tests.doubles.slack_way import LIVELY, Way, slack_way
from tests.house.sources import PACKAGES, ROOT

TOKENS = ("The ", "answer", " is one.")

_COMPREHENSIONS = ("<genexpr>", "<listcomp>", "<setcomp>", "<dictcomp>")
_Args = TypeVarTuple("_Args")

_looking_on: ContextVar[bool] = ContextVar("_looking_on", default=False)
"""Set in the task that waits for the answer's end: what it asks the store is not on the way."""


@dataclass(frozen=True, slots=True)
class Passed:
    """A function on the way. `calls` counts a coroutine's continuations too."""

    file: str
    function: str
    calls: int

    @property
    def is_closure(self) -> bool:
        """Whether it is a lambda or defined within another function."""
        return "<locals>" in self.function or self.function.endswith("<lambda>")

    @property
    def package(self) -> str:
        """The package that its file is in, two levels deep at most: `bot/runs`, `providers`."""
        return "/".join(Path(self.file).parent.parts[:2])


class Recorder:
    """Counts the calls of our functions, in the order of their first."""

    def __init__(self, root: Path = ROOT) -> None:
        self._folders = tuple(f"{root / package}/" for package in PACKAGES)
        self._root = root
        self._calls: Counter[CodeType] = Counter()

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Counts what this thread calls meanwhile, and every thread that is started meanwhile."""
        threading.setprofile(self._hear)
        sys.setprofile(self._hear)
        try:
            yield
        finally:
            sys.setprofile(None)
            threading.setprofile(None)

    def passed(self) -> list[Passed]:
        """The functions that were called.

        Left out: the bodies of modules, classes and comprehensions, and what dataclasses generate.
        """
        return [
            Passed(str(Path(code.co_filename).relative_to(self._root)), code.co_qualname, calls)
            for code, calls in self._calls.items()
            if self._is_ours(code)
        ]

    def _hear(self, frame: FrameType, event: str, _argument: Any) -> None:
        if event == "call" and not _looking_on.get():
            self._calls[frame.f_code] += 1

    def _is_ours(self, code: CodeType) -> bool:
        is_function = bool(code.co_flags & inspect.CO_OPTIMIZED)
        is_ours = code.co_filename.startswith(self._folders)
        return is_function and is_ours and code.co_name not in _COMPREHENSIONS


class OneThreadLoop(VirtualTimeLoop):
    """Virtual time, and what is handed to a thread is done at once by the loop's own."""

    def run_in_executor(
        self, _executor: Any, func: Callable[[*_Args], Any], *args: *_Args
    ) -> asyncio.Future[Any]:
        """Calls `func` and returns a future that has its result or its exception already."""
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - it is whoever awaits the future that fails
            done.set_exception(error)
        return done


def trace() -> list[Passed]:
    """Has one mention answered with `TOKENS`, and returns the functions that it passed.

    What was called before in this process may be remembered and not be called again: for the same
    list each time see `fresh_trace`. Raises `RuntimeError` where the answer isn't verified.
    """
    with asyncio.Runner(loop_factory=OneThreadLoop) as runner:
        return runner.run(_trace())


def fresh_trace() -> list[Passed]:
    """`trace` in a process of its own, in which nothing is remembered yet."""
    command = [sys.executable, "-m", "tests.house.answer"]
    run = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, timeout=60)
    return [Passed(**one) for one in json.loads(run.stdout)]


async def _trace() -> list[Passed]:
    recorder = Recorder()
    model = OpenAIServer(Answer([*text(*TOKENS), *finish()]))
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/bot.db"
        await upgrade(url)
        async with slack_server(limits=Limits().unmetered()) as slack, model:
            provider = ChainProvider([compatible_provider("traced", base_url=model.url)])
            options: dict[str, Any] = {**LIVELY, "streaming": "edit", "store": open_store(url)}
            async with slack_way(slack, provider=provider, **options) as way:
                with recorder.recording():
                    slack.ask("What is it?")
                    verdict = await _ended(way)
                if (verdict, way.shown) != ("verified", ["".join(TOKENS)]):
                    raise RuntimeError(f"the answer was {verdict}: {way.shown}")
    return recorder.passed()


async def _ended(way: Way) -> str:
    """The verdict of the only run, once all is done."""
    context = copy_context()
    context.run(_looking_on.set, True)
    (verdict,) = await asyncio.create_task(way.verdicts(1), context=context)
    await asyncio.create_task(way.settled(), context=context)
    return verdict


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    print(json.dumps([asdict(one) for one in trace()]))  # noqa: T201 - that is what it is for
