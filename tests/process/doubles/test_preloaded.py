"""What the tests start in place of whole processes leaves nothing behind."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from tests.doubles.commands import ROOT, Shell, asks, whole
from tests.doubles.openai import OpenAIServer
from tests.doubles.preloaded import TELLS_LATER

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


@pytest.mark.skipif(sys.platform != "linux", reason="commands are forked on Linux alone")
async def test_a_fork_has_nothing_of_ours_to_import(tmp_path: Path) -> None:
    """Else each command of each test would import it again, and nobody would notice."""
    async with OpenAIServer(whole("So.")) as server:
        shell = Shell(tmp_path, asks(server))
        told = {}
        for command in ("ask Why?", "runs list", "doctor --json", "data show a", "config"):
            file = tmp_path / "later.json"
            ran = await shell.run(*command.split(), **{TELLS_LATER: str(file)})
            told[command] = (ran.code, json.loads(file.read_text()))
            file.unlink()
    assert told["ask Why?"][0] == 0
    assert {command for command, (_, later) in told.items() if later} == set()
