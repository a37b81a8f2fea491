"""The wheel has all that the bot needs: it runs where nothing of the checkout is."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.doubles.commands import MODEL, asks, free_port, needs_model, whole
from tests.doubles.openai import OpenAIServer
from tests.process.deploy.test_procfile import Output, asked
from tests.unit.deploy.files import ROOT

pytestmark = [
    pytest.mark.real_time,
    pytest.mark.timeout(180),
    pytest.mark.skipif(
        int(version("setuptools").partition(".")[0]) < 77, reason="setuptools is too old: make test"
    ),
]
DATA = {".sse", ".http", ".json", ".svg", ".css", ".js", ".html", ".po", ".mako", ".lua"}


def _sources() -> set[str]:
    """What git has of the packages."""
    told = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "bot", "connectors", "providers"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return {name for name in told.stdout.splitlines() if (ROOT / name).exists()}


def _build(folder: Path, made: str) -> Path:
    code = f"from setuptools import build_meta as b; print(b.build_{made}({str(folder)!r}))"
    told = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return folder / told.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked sdist: what a wheel is built from, as `uv build` does."""
    folder = tmp_path_factory.mktemp("source")
    for name in (*_sources(), "pyproject.toml", "README.md", "LICENSE"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    with tarfile.open(_build(folder, "sdist")) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    return unpacked


@pytest.fixture(scope="module")
def wheel(source: Path) -> Path:
    """The wheel."""
    return _build(source, "wheel")


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An environment of its own with the wheel; its dependencies are this one's."""
    folder = tmp_path_factory.mktemp("installed") / "env"
    venv.create(folder, with_pip=False, symlinks=True)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install",
         "--quiet", "--no-deps", "--no-index", "--no-compile", "--disable-pip-version-check",
         str(wheel)],
        check=True,
    )  # fmt: skip
    # A path in a `.pth` file brings packages, and nothing of what is installed there to be edited.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    yield folder
    shutil.rmtree(folder)


def _environment(folder: Path, installed: Path, **settings: str) -> dict[str, str]:
    return {
        "PATH": f"{installed / 'bin'}:{os.environ['PATH']}",
        "HOME": str(folder),
        "PIP_NO_INDEX": "1",
        **settings,
    }


def _run(folder: Path, installed: Path, *command: str, **settings: str) -> tuple[int, str]:
    told = subprocess.run(
        ["everytoken", *command],
        cwd=folder, env=_environment(folder, installed, **settings),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, check=False, timeout=90,
    )  # fmt: skip
    assert "Traceback" not in told.stdout, told.stdout
    return told.returncode, told.stdout


def test_every_file_of_the_packages_is_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        has = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert _sources() - has == set()
    assert {name.split("/")[0] for name in has} == {"bot", "connectors", "providers"}
    assert {Path(name).suffix for name in has} == DATA | {".py"}


def test_the_source_has_what_the_wheel_is_built_from_and_nothing_of_the_machine(
    source: Path,
) -> None:
    assert (source / "README.md").exists()
    assert not [path for path in source.rglob("*") if path.name in (".env", "data", "models")]


def test_the_commands_are_listed(installed: Path, tmp_path: Path) -> None:
    code, said = _run(tmp_path, installed, "--help")
    assert code == 0
    assert {"ask", "doctor", "run"} <= set(re.findall(r"^  (\w+) ", said, re.MULTILINE))
    assert list(tmp_path.iterdir()) == []


async def test_it_runs_from_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    """Migrations, templates, pages, sentences and recorded streams: all of them are used."""
    async with OpenAIServer(whole("one ", "two")) as model:
        env = _environment(tmp_path, installed, **asks(model), PORT=str(port := free_port()))
        process = await asyncio.create_subprocess_exec(
            "everytoken", "run",
            cwd=tmp_path, env=env | {"HOST": "127.0.0.1"},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        assert process.stdout is not None
        output = Output()
        reading = asyncio.create_task(output.read(process.stdout))
        try:
            await output.says("Everytoken is ready")
            for path in ("/", "/static/page.js", "/runs", "/overview", "/healthz"):
                status, _ = await asked(port, path)
                assert status == 200, path
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 60) == 0
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            await reading
    assert "Traceback" not in "".join(output.lines)
    assert os.listdir(tmp_path) == ["data"]


@needs_model
def test_the_doctor_is_content_with_the_embedded_model(installed: Path, tmp_path: Path) -> None:
    """It is found in the cache, where the first use has put it, whichever folder that ran in."""
    cache = tmp_path / ".cache" / "everytoken"
    cache.mkdir(parents=True)
    (cache / MODEL.name).symlink_to(MODEL)
    code, said = _run(tmp_path, installed, "doctor")
    assert code == 0, said
    assert "verified" in said
    assert "Fetching" not in said
