"""Servers that misbehave in the middle of a run: it ends in the right way, the tools of others go
on, and nothing is left running.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from bot.store import Store
from bot.tools import Caller, ServerConfig, Servers, Toolbox, ToolOptions
from providers.scripted import CallTool
from tests.doubles import counting_server
from tests.doubles.waiting import until
from tests.doubles.way import a_way

pytestmark = pytest.mark.real_time

_PATIENCE_S = 60.0
_HANGS = "import time; print('no message', flush=True); time.sleep(600)"


def counting(name: str, folder: Path) -> ServerConfig:
    """A server that counts, whose processes can be told by their environment."""
    return ServerConfig(
        name,
        command=sys.executable,
        args=("-S", counting_server.__file__, str(folder / name)),
        env={"MARK": str(folder)},
        tools=counting_server.TOOLS,
        approve="never",
        timeout=20,
    )


def running(folder: Path) -> list[str]:
    """The processes of the servers in a folder, and all that they have started."""
    mark = f"MARK={folder}".encode()
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (each / "environ").read_bytes():
                found.append((each / "cmdline").read_text())
        except (FileNotFoundError, PermissionError, ProcessLookupError):
            continue
    return found


async def times_out_early(servers: Servers) -> None:
    """The calls of the bad one, once it has started, have a third of a second."""
    connection: Any = servers._places["bad"].connection
    connection._config = replace(connection._config, timeout=0.3)


async def is_killed(servers: Servers) -> None:
    """The bad one is gone before anybody asks."""
    connection: Any = servers._places["bad"].connection
    os.kill(connection._process.pid, signal.SIGKILL)
    await until(lambda: connection.ended)


async def goes_on(_: Servers) -> None:
    """Nothing happens."""


@dataclass(frozen=True)
class Case:
    """What a model calls of a bad server, and the last states of those calls."""

    calls: tuple[tuple[str, Mapping[str, Any]], ...]
    states: tuple[str, ...]
    before: Callable[[Servers], Any] = goes_on
    changes: Mapping[str, Any] = field(default_factory=dict)
    counted: int = 1


CASES = {
    "hangs in a call": Case((("hang", {}),), ("uncertain",), times_out_early),
    "dies in a call": Case((("die", {}),), ("uncertain",)),
    "dies, and leaves a child": Case(
        (("child", {}), ("die", {})), ("answered", "uncertain"), counted=2
    ),
    "sends 100 MB": Case((("flood", {}),), ("uncertain",)),
    "writes what is no message": Case((("garbage", {}),), ("answered",)),
    "answers what can't be read": Case((("nonsense", {}),), ("uncertain",)),
    "changes a tool's description": Case(
        (("change", {"tells": True}), ("count", {})), ("answered", "withdrawn")
    ),
    "is gone": Case((("count", {}),), ("refused",), is_killed, counted=0),
    "hangs at its start": Case(
        (("count", {}),), ("refused",), changes={"args": ("-S", "-c", _HANGS)}, counted=0
    ),
    "is not there": Case(
        (("count", {}),), ("refused",), changes={"command": "no-such-program"}, counted=0
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_the_run_ends_whole_the_other_server_answers_and_nothing_is_left(
    tmp_path: Path, case: Case
) -> None:
    bad, good = replace(counting("bad", tmp_path), **case.changes), counting("good", tmp_path)
    servers = Servers({"bad": bad, "good": good})

    def toolbox(store: Store) -> Toolbox:
        return Toolbox(
            Caller(store.calls, servers), servers, store.calls, store.rules, ToolOptions()
        )

    scripts = [[CallTool(f"bad__{name}", arguments)] for name, arguments in case.calls]
    assert running(tmp_path) == []
    async with a_way(*scripts, [CallTool("good__count", {})], ["Well."], toolbox=toolbox) as way:
        await servers.offered("good", _PATIENCE_S)
        await servers.offered("bad", 3 if case.changes else _PATIENCE_S)
        await case.before(servers)
        result = await way.answer()
        rows = await way.store.calls.of_run(result.run_id)
        await servers.aclose()
    assert [row.state for row in rows] == [*case.states, "answered"]
    assert (result.text, result.outcome, result.receipt.verdict) == (
        "Well.", "complete", "verified",
    )  # fmt: skip
    counted = {name: _count(tmp_path / name) for name in ("bad", "good")}
    assert counted == {"bad": case.counted, "good": 1}
    await until(lambda: not running(tmp_path))


async def test_what_is_left_would_be_found(tmp_path: Path) -> None:
    servers = Servers({"good": counting("good", tmp_path)})
    await servers.offered("good", _PATIENCE_S)
    await servers.call("good", "run/0", "child", {})
    assert len(running(tmp_path)) == 2
    await servers.aclose()
    await until(lambda: not running(tmp_path))


async def test_questions_are_answered_at_once_while_a_server_hangs_at_its_start(
    tmp_path: Path,
) -> None:
    bad = replace(counting("bad", tmp_path), args=("-S", "-c", _HANGS))
    servers = Servers({"bad": bad})

    def toolbox(store: Store) -> Toolbox:
        return Toolbox(
            Caller(store.calls, servers), servers, store.calls, store.rules, ToolOptions()
        )

    clock = asyncio.get_running_loop().time
    async with a_way(*[["Well."]] * 6, toolbox=toolbox) as way:
        await way.answer()
        began = clock()
        for _ in range(5):
            await way.answer()
        assert clock() - began < 30, "each took ten seconds"
        await servers.aclose()
    await until(lambda: not running(tmp_path))


def _count(file: Path) -> int:
    return len(file.read_text().split()) if file.exists() else 0
