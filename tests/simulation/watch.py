"""What is seen of a simulation: its trace, its processes' tasks and log lines, what was broken."""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict, deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar
from uuid import UUID

import structlog

from connectors.base import Budget
from connectors.memory.platform import Call
from tests.simulation.model import SECRET

T = TypeVar("T")

_PROCESS: ContextVar[int] = ContextVar("process", default=0)
_ROUNDING_S = 1e-6
_VERDICTS = {"run.ended", "run.compared_late"}
"""The log's lines that have a verdict: each is written when the comparison has just been made."""


class Broken(Exception):
    """An invariant does not hold."""


class Watch:
    """Keeps the trace, and says what was broken first."""

    def __init__(self) -> None:
        self.trace: list[str] = []
        self.broken: list[str] = []
        self.dead: set[int] = set()
        self.after_effect: Callable[[], None] = lambda: None
        self.leeway: Callable[[Budget, float], int] = lambda _budget, _now: 0
        self.verdict: Callable[[int, UUID, str], None] = lambda _process, _run_id, _verdict: None
        """Called in the moment in which a process makes a verdict on a run."""
        self.untold: set[UUID] = set()
        """The runs of which the log says that nobody but the operator could be told of a cut."""
        self.denied: set[UUID | None] = set()
        """The runs of which the platform has refused a post."""
        self._tasks: defaultdict[int, dict[asyncio.Task[Any], None]] = defaultdict(dict)
        self._spent: defaultdict[tuple[int, str], deque[float]] = defaultdict(deque)

    # The trace.

    def note(self, line: str) -> None:
        """One line of the trace."""
        self.trace.append(f"{_now():10.4f} {line}")

    def breach(self, what: str) -> None:
        """An invariant was broken."""
        self.note(f"BROKEN {what}")
        self.broken.append(what)

    @property
    def digest(self) -> str:
        """Of the whole trace."""
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()

    # Calls.

    def spent(self, process: int, budget: Budget) -> None:
        """A call was begun: no sliding window may hold more than the budget, of one process or all.

        All of them together may exceed it by what `World.leeway` says.
        """
        self._spend(f"p{process}", process, budget, 0)
        more = self.leeway(budget, _now())
        self._spend(f"all (leeway: {more})", 0, budget, more)

    def callers(self, budget: Budget) -> int:
        """So many processes have made a call within the budget's last seconds, the dead as well."""
        since = _now() + _ROUNDING_S - budget.seconds
        return sum(
            who > 0 and key == budget.key and calls[-1] > since
            for (who, key), calls in self._spent.items()
        )

    def _spend(self, name: str, who: int, budget: Budget, more: int) -> None:
        calls = self._within(self._spent[who, budget.key], budget.seconds)
        if len(calls) > budget.calls + more:
            self.breach(f"budget: {name} made {len(calls)} calls on {budget.key}")

    def _within(self, calls: deque[float], seconds: float) -> deque[float]:
        """The calls of the last seconds, and one more that is made now."""
        while calls and calls[0] + seconds <= _now() + _ROUNDING_S:
            calls.popleft()
        calls.append(_now())
        return calls

    def effect(self, process: int, call: Call) -> None:
        """A call took effect."""
        self.note(f"p{process} {call.name} #{call.number} done")
        if call.name in ("post", "edit"):
            self.after_effect()

    # Tasks: each belongs to a process, or to the world beyond.

    @property
    def process(self) -> int:
        """The process that is at work; 0: none."""
        return _PROCESS.get()

    def beyond(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Work that no process's death ends."""
        with self.within(0):
            task = asyncio.create_task(work)
        task.add_done_callback(_seen)
        return task

    @contextmanager
    def within(self, process: int) -> Iterator[None]:
        """What is begun here belongs to a process."""
        token = _PROCESS.set(process)
        try:
            yield
        finally:
            _PROCESS.reset(token)

    def make_task(
        self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **options: Any
    ) -> asyncio.Task[Any]:
        """The loop's task factory."""
        task = asyncio.Task(work, loop=loop, **options)
        tasks = self._tasks[_PROCESS.get()]
        tasks[task] = None
        task.add_done_callback(lambda done: tasks.pop(done, None))
        return task

    def end(self, process: int) -> list[asyncio.Task[Any]]:
        """Cancels all that a process does, in the order in which it was begun."""
        self.dead.add(process)
        tasks = list(self._tasks[process])
        for task in tasks:
            task.cancel()
        return tasks

    # Log lines.

    def log(self, _logger: Any, method: str, line: Any) -> Any:
        """Structlog's last processor: keeps the line, and judges it."""
        error = line.pop("exc_info", None)
        told = " ".join(f"{key}={line[key]}" for key in sorted(line))
        process = _PROCESS.get()
        self.note(f"p{process} log {method} {told}")
        if line.get("event") in _VERDICTS and line["verdict"] is not None:
            self.verdict(process, UUID(line["run_id"]), line["verdict"])
        if line.get("event") == "reply.nobody_told":
            self.untold.add(UUID(line["run_id"]))
        if SECRET in told:
            self.breach(f"secret in a log line: {line.get('event')}")
        if error is not None and process not in self.dead:
            self.breach(f"bug: {line.get('event')}: {_told(error)}")
        raise structlog.DropEvent

    @contextmanager
    def logs(self) -> Iterator[None]:
        """The bot's log goes here."""
        before = structlog.get_config()
        structlog.configure(
            processors=[structlog.contextvars.merge_contextvars, self.log],
            wrapper_class=structlog.make_filtering_bound_logger(20),
        )
        try:
            yield
        finally:
            structlog.configure(**before)


def _told(error: Any) -> str:
    import sys
    import traceback

    raised = sys.exception() if error is True else error
    if not isinstance(raised, BaseException):
        return str(raised)
    frames = traceback.extract_tb(raised.__traceback__)
    at = f"{frames[-1].name}:{frames[-1].lineno}" if frames else ""
    return f"{type(raised).__name__}: {raised} ({at})"


def _seen(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()


def _now() -> float:
    return asyncio.get_running_loop().time()
