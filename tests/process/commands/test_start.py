"""Starting: what can't work is refused at once, in plain words that name the cure."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from tests.doubles.commands import Ran, Shell, lines

pytestmark = pytest.mark.real_time


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Starts its commands from nothing: that is what is tested."""
    return Shell(tmp_path, preloaded=False)


OPENAI = {"MODEL": "openai:gpt-4o-mini", "OPENAI_API_KEY": "sk-secret"}
"""Starts without asking anybody."""


@pytest.fixture(scope="module")
async def refused(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ran]:
    """Bots that can't start, each for another reason."""
    settings = OPENAI | {"HOST": "127.0.0.1", "PORT": "0"}
    shell = Shell(tmp_path_factory.mktemp("start"), settings, preloaded=False)
    (shell.folder / "file").touch()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        busy = str(listener.getsockname()[1])
        attempts = {
            "setting": shell.run("run", MODEL="nonsense"),
            "port": shell.run("run", PORT=busy),
            "host": shell.run("run", HOST="192.0.2.1"),
            "gateway": shell.run("run", "--only", "gateway"),
            "database": shell.run("run", DATABASE_URL="postgresql://127.0.0.1:1/x"),
            "folder": shell.run("run", DATA_DIR=str(shell.folder / "file" / "data")),
        }
        ran = await asyncio.gather(*attempts.values())
    return dict(zip(attempts, ran, strict=True))


@pytest.mark.parametrize(
    ("case", "told"),
    [
        ("setting", "MODEL is not one of local:…, openai:…"),
        ("port", "Another program uses port"),
        ("host", "HOST=192.0.2.1 PORT=0 can't be listened on: Cannot assign"),
        ("gateway", "--only gateway needs a platform that is reached by a gateway, such as"),
        ("database", "the database failed: connection failed: "),
        ("folder", "the database's folder "),
    ],
)
async def test_what_can_not_work_is_told_in_one_line(
    refused: dict[str, Ran], case: str, told: str
) -> None:
    """And the exit code is 1. The line that says what is started may stand before it."""
    ran = refused[case]
    assert (ran.code, ran.out) == (1, "")
    (line,) = (line for line in lines(ran.err) if not line.startswith("Starting with "))
    assert line.startswith(told), line


async def test_a_busy_port_comes_with_a_free_choice(refused: dict[str, Ran]) -> None:
    """What to write is told to the letter."""
    assert "HOST=127.0.0.1 PORT=" in refused["port"].err


async def test_help_and_version_need_no_settings(shell: Shell) -> None:
    """So that who has a wrong one can still read them."""
    helped, version = await asyncio.gather(
        shell.run("--help", MODEL="nonsense"), shell.run("--version", MODEL="nonsense")
    )
    assert (helped.code, helped.err, version.code, version.err) == (0, "", 0, "")
    for command in ("ask", "db", "doctor", "run", "runs"):
        assert f"\n  {command} " in helped.out
    assert version.out.startswith("everytoken, version ")


async def test_db_upgrade_may_be_run_again(shell: Shell) -> None:
    """It then finds nothing to do, and the data stays."""
    first = await shell.run("db", "upgrade")
    shell.query("INSERT INTO feedback VALUES ('r', 'p', 1, 0)")
    second = await shell.run("db", "upgrade")
    for ran in (first, second):
        assert (ran.code, ran.out, ran.err) == (0, "The database is up to date.\n", "")
    assert shell.query("SELECT count(*) FROM feedback") == [(1,)]


async def test_port_alone_explains_host(tmp_path: Path) -> None:
    """Hosting services give PORT; at home it opens the bot to all who reach the machine."""
    async with Shell(tmp_path, OPENAI).started("run", PORT="0") as child:
        await child.said("PORT without HOST")
        await child.said("set HOST=127.0.0.1")
