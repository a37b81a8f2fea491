"""Where a run of the tests spends its time, by folder, and how long it may take: what CI prints.

The table has CPU seconds, of each test with its fixtures, of its own process and of those that it
waited for: on a busy machine they differ less than seconds on the clock.

The time that a run may take is that of a usual machine. What shares its cores may make one several
times as slow: so a small piece of work is timed again and again while the tests run, and where that
takes longer than on a usual machine, the run may take as much longer.
"""

from __future__ import annotations

import os
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import PurePath
from statistics import median

import pytest

_KEY = "cpu seconds"
_LONGEST = 12
_EVERY = 100
"""Tests after which the machine's speed is looked at."""
_STEPS = 100_000
USUAL_S = 0.004
"""CPU seconds that a usual machine (3 GHz, both cores at work) takes for so many steps."""


def steps_s() -> float:
    """CPU seconds that this machine takes now for a small piece of work."""
    began, found = time.thread_time(), 0
    for step in range(_STEPS):
        found += step & 7
    return time.thread_time() - began


class Spent:
    """Measures each test where it runs, and adds up where the run is reported.

    A run that takes longer than `most_minutes` fails, once all its tests have run.
    """

    def __init__(
        self,
        most_minutes: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        work: Callable[[], float] = steps_s,
    ) -> None:
        self.tests: Counter[str] = Counter()
        self.seconds: dict[str, float] = {}
        self._most_minutes = most_minutes
        self._clock = clock
        self._work = work
        self._worked: list[float] = []
        self._run_began = clock()
        self._began = 0.0

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self) -> Iterator[None]:
        """The first of a test."""
        self._began = _cpu()
        yield

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Iterator[None]:
        """The last of a test."""
        try:
            yield
        finally:
            item.user_properties.append((_KEY, round(_cpu() - self._began, 4)))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Adds a test, in the process that reports, once it is over."""
        if report.when == "teardown":
            file = report.nodeid.partition("::")[0]
            if self.tests.total() % _EVERY == 0:
                self._worked.append(self._work())
            self.tests[file] += 1
            spent = float(str(dict(report.user_properties).get(_KEY, 0)))
            self.seconds[file] = self.seconds.get(file, 0.0) + spent

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fails a run that took too long."""
        if self.too_long and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Prints the folders, and the files that take longest."""
        if len(self.tests) > 1:
            terminalreporter.section("where the CPU seconds went")
            terminalreporter.write_line("\n".join(self.table()))
        if self._most_minutes is not None:
            slow = f"{self.slowness:.1f} times a usual machine's time for a piece of work"
            terminalreporter.write_line(slow)
        if self.too_long:
            most = f"Longer than {self._most_minutes:g} minutes of a usual machine."
            terminalreporter.write_line(most, red=True)

    @property
    def slowness(self) -> float:
        """How many times a usual machine's time this one takes for a piece of work; 1 at least."""
        return max(1.0, median(self._worked) / USUAL_S) if self._worked else 1.0

    @property
    def too_long(self) -> bool:
        """Whether the run has taken longer than it may."""
        if self._most_minutes is None:
            return False
        taken = (self._clock() - self._run_began) / 60
        return taken > self._most_minutes * self.slowness

    def table(self) -> list[str]:
        """Folders by cost and by subject, and the files that take longest, as lines."""
        seconds, tests = defaultdict[str, float](float), Counter[str]()
        for file in self.seconds:
            for folder in _folders(file):
                seconds[folder] += self.seconds[file]
                tests[folder] += self.tests[file]
        lines = [_line(seconds[name], tests[name], name) for name in sorted(seconds)]
        longest = sorted(self.seconds.items(), key=lambda item: -item[1])[:_LONGEST]
        return [*lines, "and the longest files:", *(_line(s, self.tests[f], f) for f, s in longest)]


def _cpu() -> float:
    return sum(os.times()[:4])


def _folders(file: str) -> list[str]:
    parts = PurePath(file).parts[:-1]
    return ["/".join(parts[:depth]) for depth in range(1, min(3, len(parts)) + 1)]


def _line(seconds: float, tests: int, name: str) -> str:
    indent = "  " * name.count("/") if not name.endswith(".py") else ""
    return f"{seconds:8.1f} s {tests:6} tests  {indent}{name}"
