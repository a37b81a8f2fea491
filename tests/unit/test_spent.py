"""Each run says where its time went, and CI runs everything within its time."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.spent import USUAL_S, Spent

ROOT = Path(__file__).parents[2]


def _report(nodeid: str, seconds: float, when: str = "teardown") -> Any:
    return SimpleNamespace(nodeid=nodeid, when=when, user_properties=[("cpu seconds", seconds)])


def test_seconds_are_added_up_by_folder_and_the_longest_files_are_named() -> None:
    spent = Spent()
    spent.pytest_runtest_logreport(_report("tests/wire/slack/test_a.py::test_x[1]", 2.0))
    spent.pytest_runtest_logreport(_report("tests/wire/slack/test_a.py::test_x[2]", 1.0))
    spent.pytest_runtest_logreport(_report("tests/wire/slack/test_a.py::test_x[2]", 9, "call"))
    spent.pytest_runtest_logreport(_report("tests/unit/test_b.py::test_y", 0.5))
    assert [" ".join(line.split()) for line in spent.table()] == [
        "3.5 s 3 tests tests",
        "0.5 s 1 tests tests/unit",
        "3.0 s 2 tests tests/wire",
        "3.0 s 2 tests tests/wire/slack",
        "and the longest files:",
        "3.0 s 2 tests tests/wire/slack/test_a.py",
        "0.5 s 1 tests tests/unit/test_b.py",
    ]


@pytest.mark.parametrize(
    ("most", "took", "slow", "before", "after"),
    [
        (15, 901, 1.0, 0, 1),
        (15, 899, 1.0, 0, 0),
        (15, 899, 0.5, 0, 0),
        (15, 901, 0.5, 0, 1),
        (15, 1799, 2.0, 0, 0),
        (15, 1801, 2.0, 0, 1),
        (None, 9000, 1.0, 0, 0),
        (15, 901, 1.0, 2, 2),
    ],
)
def test_a_run_that_takes_too_long_for_its_machine_fails(
    most: float | None, took: float, slow: float, before: int, after: int
) -> None:
    times = iter([0.0, took, took])
    spent = Spent(most, clock=lambda: next(times), work=lambda: slow * USUAL_S)
    spent.pytest_runtest_logreport(_report("tests/unit/test_b.py::test_y", 0.5))
    session: Any = SimpleNamespace(exitstatus=before)
    spent.pytest_sessionfinish(session)
    assert session.exitstatus == after


def test_ci_runs_everything_and_no_longer_than_a_quarter_of_an_hour() -> None:
    """By the same commands as everybody."""
    run = (ROOT / ".ci" / "run").read_text().splitlines()
    makes = [line for line in run if line.startswith("make ")]
    assert makes == ["make check", "make test ARGS=--most-minutes=15", "make audit"]
    assert "set -euo pipefail" in run
