"""Async tests run on virtual time; those marked `real_time` (threads, sockets) on a real one."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.clock import VirtualTimeLoop


@pytest.fixture
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """The event loop of an async test."""
    real = request.node.get_closest_marker("real_time") is not None
    return "asyncio", {"loop_factory": asyncio.SelectorEventLoop if real else VirtualTimeLoop}
