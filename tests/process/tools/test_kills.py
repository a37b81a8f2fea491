"""Real processes, killed at each place between two steps: a call is never done twice, and its state
never says what isn't so.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.process.tools.kills import ENDS

pytestmark = pytest.mark.real_time


def test_a_call_is_done_at_most_once_wherever_its_process_is_killed() -> None:
    command = [sys.executable, "-m", "tests.process.tools.kills", "--kills", str(len(ENDS))]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    told = [line for line in ran.stdout.splitlines() if " done " in line]
    assert (ran.returncode, len(told)) == (0, len(ENDS)), ran.stdout + ran.stderr
