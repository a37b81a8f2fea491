"""Looks every locked dependency up among the known vulnerabilities: `make audit`.

Fails where one is known. Where the data can't be reached, it says so and passes: nothing is known
then. One package is asked for first, so that nobody waits for the others in vain.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

LOCK = Path(__file__).parent.parent / "requirements-dev.txt"
"""It holds all that the bot, its extras and its tests are locked to."""
_FIRST_S = 30.0
_ALL_S = 300.0

Found = list[dict[str, Any]]
Ask = Callable[[str, float], Found | None]
"""Looks the packages of a lock file up within so many seconds; None where that can't be done."""


def first_of(lock: str) -> str:
    """A lock file's first package, with its hashes."""
    lines = lock.splitlines(keepends=True)
    end = next((n for n, line in enumerate(lines[1:], 1) if not line.startswith(" ")), len(lines))
    return "".join(lines[:end])


def audit(lock: str, ask: Ask) -> tuple[int, str]:
    """The exit code, and what is said."""
    if not _known(ask(first_of(lock), _FIRST_S)) or not (found := _known(ask(lock, _ALL_S))):
        return 0, "Not audited: the data about known vulnerabilities can't be reached from here."
    bad = [f"{each['name']} {each['version']}: {_ids(each)}" for each in found if _ids(each)]
    skipped = sum("skip_reason" in each for each in found)
    left = f" {skipped} could not be looked up." if skipped else ""
    if bad:
        return 1, "\n".join(["Known vulnerabilities:", *bad]) + left
    return 0, f"{len(found) - skipped} packages have no known vulnerability.{left}"


def _known(found: Found | None) -> Found:
    """What was found, if any package could be looked up."""
    return [] if found is None or all("skip_reason" in each for each in found) else found


def _ids(package: dict[str, Any]) -> str:
    return ", ".join(known["id"] for known in package.get("vulns", ()))


def ask(packages: str, seconds: float) -> Found | None:
    """Asks with pip-audit."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(packages)
        file.flush()
        command = [
            sys.executable, "-m", "pip_audit", "--requirement", file.name, "--require-hashes",
            "--disable-pip", "--progress-spinner", "off", "--format", "json", "--timeout", "10",
        ]  # fmt: skip
        try:
            ran = subprocess.run(command, capture_output=True, timeout=seconds, check=False)
        except subprocess.TimeoutExpired:
            return None
    try:
        found: Found = json.loads(ran.stdout)["dependencies"]
    except ValueError:
        return None
    return found


if __name__ == "__main__":
    code, told = audit(LOCK.read_text(), ask)
    sys.stdout.write(f"{told}\n")
    sys.exit(code)
