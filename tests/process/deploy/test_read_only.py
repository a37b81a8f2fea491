"""As a container runs it: a folder that can't be written, and a user without a name or a home."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doubles.commands import asks, free_port, whole
from tests.doubles.databases import postgres_schema
from tests.doubles.openai import OpenAIServer
from tests.process.commands.test_slack import ANSWER
from tests.process.deploy.test_procfile import Output, asked, environment
from tests.unit.deploy import files

pytestmark = [pytest.mark.real_time, pytest.mark.timeout(180)]

STRANGER = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups"]


def _as_stranger() -> list[str]:
    """What makes a command run as nobody in particular, where that can be done."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("only root can become somebody else")
    can = subprocess.run([*STRANGER, sys.executable, "-c", "import sqlalchemy"], check=False)
    if can.returncode != 0:
        pytest.skip("somebody else may not run this Python")
    return STRANGER


@pytest.fixture
def app() -> Iterator[Path]:
    """What the image holds, to be read by anybody and written by nobody."""
    top = Path(tempfile.mkdtemp(prefix="everytoken-"))  # pytest's own are closed to strangers
    top.chmod(0o755)
    folder = top / "app"
    sources = [
        given.split()[:-1]
        for step, given in files.dockerfile()
        if step == "COPY" and not given.startswith("--from")
    ]
    folder.mkdir()
    for source in {name for names in sources for name in names if "requirements" not in name}:
        path = files.ROOT / source
        copy = shutil.copytree if path.is_dir() else shutil.copy
        copy(path, folder / source)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield folder
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755)
    shutil.rmtree(top)


def _environment(app: Path, **settings: str) -> dict[str, str]:
    given = environment(app, PYTHONDONTWRITEBYTECODE="1", **settings)
    return given | {"PYTHONPATH": str(app), "DATA_DIR": "/nonexistent/data"}


async def test_it_runs_where_nothing_can_be_written(app: Path) -> None:
    """Migrates, answers its health check as the image asks it, and stops."""
    stranger, port = _as_stranger(), free_port()
    with postgres_schema() as url:
        async with OpenAIServer(whole(*ANSWER)) as model:
            settings = asks(model) | {"DATABASE_URL": url, "PORT": str(port)}
            given = _environment(app, **settings)
            process = await asyncio.create_subprocess_exec(
                *stranger, sys.executable, "-m", "bot", "run",
                cwd=app, env=given,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )  # fmt: skip
            assert process.stdout is not None
            output = Output()
            reading = asyncio.create_task(output.read(process.stdout))
            try:
                await output.says("Everytoken is ready")
                assert await _health(app, given) == 0
                status, _ = await asked(port, "/readyz")
                assert status == 200
                process.send_signal(signal.SIGTERM)
                assert await asyncio.wait_for(process.wait(), 60) == 0
            finally:
                if process.returncode is None:
                    process.kill()
                await process.wait()
                await reading
        assert "Traceback" not in "".join(output.lines)


async def _health(app: Path, given: dict[str, str]) -> int:
    """The exit code of the image's health check."""
    check = next(text for step, text in files.dockerfile() if step == "HEALTHCHECK")
    code = re.search(r'"-c", "(.*)"\]$', check)
    assert code is not None
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code[1], cwd=app, env=given
    )
    return await asyncio.wait_for(process.wait(), 60)


async def test_without_a_database_elsewhere_it_says_what_can_not_be_written(app: Path) -> None:
    stranger = _as_stranger()
    ran = await asyncio.create_subprocess_exec(
        *stranger, sys.executable, "-m", "bot", "db", "upgrade",
        cwd=app, env=_environment(app),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await asyncio.wait_for(ran.communicate(), 60)
    assert ran.returncode == 1
    assert "the database's folder /nonexistent/data can't be made" in out.decode()
