"""Where a run of the tests spends its time, by folder, and how long it may take: what CI prints.

The table has CPU seconds, of each test with its fixtures, of its own process and of those that it
waited for: they are the same on a busy machine, which seconds on the clock aren't.
"""

from __future__ import annotations

import os
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import PurePath

import pytest

_KEY = "cpu seconds"
_LONGEST = 12


class Spent:
    """Measures each test where it runs, and adds up where the run is reported.

    A run that takes longer than `most_minutes` fails, once all its tests have run.
    """

    def __init__(
        self, most_minutes: float | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.tests: Counter[str] = Counter()
        self.seconds: dict[str, float] = {}
        self._most_minutes = most_minutes
        self._clock = clock
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
        if self.too_long:
            terminalreporter.write_line(f"Longer than {self._most_minutes:g} minutes.", red=True)

    @property
    def too_long(self) -> bool:
        """Whether the run has taken longer than it may."""
        taken = (self._clock() - self._run_began) / 60
        return self._most_minutes is not None and taken > self._most_minutes

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
