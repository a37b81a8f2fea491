"""Commands run as real processes, on the real clock."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.commands import Shell


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """The real clock for the whole module: what its tests share outlives each of them."""
    return "asyncio", {"loop_factory": asyncio.SelectorEventLoop}


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A shell in a folder of the test's own."""
    return Shell(tmp_path)
