"""Async tests run on virtual time; those marked `real_time` (threads, sockets) on a real one."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import is_hypothesis_test, settings

from tests.dealt import Dealt
from tests.doubles.clock import VirtualTimeLoop
from tests.doubles.guard import GUARD
from tests.forked import CAN, Forked
from tests.spent import Spent

HERE = Path(__file__).parent
_SAMPLED = "_has_fewer_examples"

# The same examples in every run; EXPLORE=1 looks for others. No deadline: the machine may be busy.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("explore", derandomize=False, deadline=None)
settings.load_profile("explore" if os.environ.get("EXPLORE") else "steady")


def pytest_addoption(parser: pytest.Parser) -> None:
    """What CI gives."""
    parser.addoption("--most-minutes", type=float, help="a run that takes longer fails")
    parser.addoption(
        "--sample", action="store_true", help="properties try a fifth of their examples"
    )


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Nothing that is collected is garbage: looking for some takes a tenth of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Draws fewer examples where a sample is asked for: `make test-fast` does."""
    if config.getoption("sample"):
        for item in items:
            if isinstance(item, pytest.Function) and is_hypothesis_test(item.obj):
                _draw_fewer(item.obj)


def _draw_fewer(test: Any) -> None:
    test = getattr(test, "__func__", test)
    if not hasattr(test, _SAMPLED):
        usual: settings = test._hypothesis_internal_use_settings or settings()
        fewer = settings(usual, max_examples=max(10, usual.max_examples // 5))
        test._hypothesis_internal_use_settings = fewer
        setattr(test, _SAMPLED, True)


def pytest_configure(config: pytest.Config) -> None:
    """Each run says where its time went; one in several processes deals out its tests."""
    config.pluginmanager.register(Spent(config.getoption("most_minutes")), "spent")
    if (worker := getattr(config, "workerinput", None)) is not None:
        config.pluginmanager.register(Dealt(worker["workercount"]), "dealt")
    elif CAN:
        config.pluginmanager.register(Forked(), "forked")


def is_cheap(item: pytest.Item) -> bool:
    """Whether a test is said to do without sockets and processes: `make test-fast` runs it."""
    folder = item.path.relative_to(HERE).parts[0]
    return folder == "unit" or (folder == "contract" and item.get_closest_marker("sockets") is None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """A cheap test can open no socket and start no process, and neither can its fixtures."""
    if not is_cheap(item):
        return (yield)
    with GUARD.watching():
        return (yield)


@pytest.fixture(autouse=True)
def _costs_what_its_folder_says(request: pytest.FixtureRequest) -> Iterator[None]:
    """What the guard refused fails the test, also where its code goes on without it."""
    yield
    if is_cheap(request.node):
        assert GUARD.refused == []


@pytest.fixture(autouse=True)
def _as_if_nobody_had_set_up_the_log() -> None:
    """A command that ran within this process may have."""
    structlog.reset_defaults()
    logging.getLogger().setLevel(logging.WARNING)


@pytest.fixture
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """The event loop of an async test."""
    real = request.node.get_closest_marker("real_time") is not None
    return "asyncio", {"loop_factory": asyncio.SelectorEventLoop if real else VirtualTimeLoop}
