"""The processes that run tests side by side are forks of one that has imported the tests."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.forked import CAN, Forked

_FILE = Path(__file__).parents[2] / "unit" / "test_spent.py"
_MODULE = "tests.unit.test_spent"
_SAYS = f"import os, sys; print(os.getpid(), os.getppid(), {_MODULE!r} in sys.modules)"

pytestmark = pytest.mark.skipif(not CAN, reason="workers are started one by one here")


def says(python: str) -> list[str]:
    """What a worker says that is started as execnet starts one."""
    command = [*shlex.split(python), "-u", "-c", "what execnet has Python read its first line with"]
    return subprocess.run(
        command, input=f"{_SAYS!r}\n", capture_output=True, text=True, check=True
    ).stdout.split()


def test_each_worker_is_a_process_of_its_own_with_the_tests_imported() -> None:
    forked, specs = Forked(), [SimpleNamespace(), SimpleNamespace()]
    config: Any = SimpleNamespace(
        invocation_params=SimpleNamespace(args=["-n", "2", str(_FILE)], dir=_FILE.parents[2])
    )
    forked.pytest_xdist_setupnodes(config, specs)
    try:
        (one, parent, has), (other, same_parent, has_too) = (says(each.python) for each in specs)
    finally:
        forked.pytest_unconfigure()
    assert has == has_too == "True"
    assert one != other
    assert parent == same_parent
