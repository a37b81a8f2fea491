"""Chromium for the browser tests: finds one, and installs one where there is none.

Run as a program before the tests: `python -m tests.chromium`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

LIGHT = ("chromium-headless-shell", "chrome-headless-shell")
"""The same engine without a browser's profile around it: a page costs half as much CPU."""
NAMES = (*LIGHT, "chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""For a browser that runs as root, without a screen, and talks to nobody but the tests."""


def find() -> str | None:
    """The path of a Chromium: `CHROMIUM`, one on the path, or Playwright's own; else None."""
    named = os.environ.get("CHROMIUM")
    if named:
        return shutil.which(named)
    return next(filter(None, map(shutil.which, NAMES)), None) or _playwrights()


def _playwrights() -> str | None:
    # Playwright is a package of the developers' only.
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = Path(playwright.chromium.executable_path)
    return str(path) if path.exists() else None


def install() -> None:
    """Installs a Chromium: Debian's where the user may, else Playwright's."""
    if not _from_debian(LIGHT[0]) and not _from_debian("chromium"):
        _run([sys.executable, "-m", "playwright", "install", "chromium"])


def _from_debian(package: str) -> bool:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    _run(["apt-get", "update", "-q"])
    return _run(["apt-get", "install", "-qy", "--no-install-recommends", package])


def _run(command: Sequence[str]) -> bool:
    _say(f"Running: {' '.join(command)}")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, env=quiet, check=False).returncode == 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Sees to it that there is a Chromium, and says what became of it."""
    if find() is None:
        _say("There is no Chromium here for the browser tests: installing one.")
        install()
    elif not any(map(shutil.which, LIGHT)) and not os.environ.get("CHROMIUM"):
        _from_debian(LIGHT[0])
    path = find()
    _say(
        f"Browser tests use {path}."
        if path
        else "There is no Chromium here and none could be installed: browser tests will be "
        "skipped. Install one and set CHROMIUM to its path to run them."
    )


if __name__ == "__main__":
    main()
