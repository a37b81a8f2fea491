"""Async tests run on virtual time; those marked `real_time` (threads, sockets) on a real one."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest
import structlog
from hypothesis import settings

from tests.clock import VirtualTimeLoop

# The same examples in every run; EXPLORE=1 looks for others. No deadline: the machine may be busy.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("explore", derandomize=False, deadline=None)
settings.load_profile("explore" if os.environ.get("EXPLORE") else "steady")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What runs on real time has one more try, which the summary names: the machine may be busy.

    Not what hung: pytest-timeout watches a first try alone, so that a second would hang for ever.
    """
    for item in items:
        if item.get_closest_marker("real_time") is not None:
            item.add_marker(pytest.mark.flaky(reruns=1, rerun_except=["Timeout"]))


@pytest.fixture(autouse=True)
def _as_if_nobody_had_set_up_the_log() -> None:
    """A command that ran within this process may have."""
    structlog.reset_defaults()


@pytest.fixture
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """The event loop of an async test."""
    real = request.node.get_closest_marker("real_time") is not None
    return "asyncio", {"loop_factory": asyncio.SelectorEventLoop if real else VirtualTimeLoop}
