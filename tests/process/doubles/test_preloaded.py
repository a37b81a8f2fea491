"""What the tests start in place of whole processes leaves nothing behind."""

from __future__ import annotations

import asyncio
import sys

import pytest

from tests.doubles.commands import ROOT

pytestmark = pytest.mark.real_time

_STARTS_ONE = """
import os, subprocess, sys
from tests.doubles.preloaded import Preloaded

pipes = {name: subprocess.PIPE for name in ("stdin", "stdout", "stderr")}
command = [sys.executable, "-m", "bot", "--help"]
started = Preloaded(command, env=dict(os.environ), cwd=".", **pipes)
said, _ = started.communicate()
sys.stdout.buffer.write(said)
"""


async def test_the_process_that_commands_are_forked_from_ends_with_the_tests() -> None:
    """No process still runs then, and no socket is open: Python would warn."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-X", "dev", "-c", _STARTS_ONE,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, warned = await process.communicate()
    assert b"Usage:" in said
    assert warned.decode() == ""
