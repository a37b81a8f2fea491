"""Servers as processes: what they get, how their calls end, and that nothing of them is left."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from bot.tools import (
    CallDeclined,
    CallLost,
    CallNotSent,
    ServerConfig,
    ServerDown,
    Servers,
    ToolAnswer,
)
from tests.doubles import counting_server

pytestmark = pytest.mark.real_time

SCRIPT = str(Path(counting_server.__file__))
BIN = Path(sys.executable).parent
_SECONDS = 20.0
FIRST = "t"


@dataclass
class Counting:
    """A counting server, and what it has counted."""

    file: Path
    servers: Servers
    late: list[tuple[str, ToolAnswer]] = field(default_factory=list)

    @property
    def counted(self) -> list[str]:
        """The tokens of the calls that it did, in order."""
        return self.file.read_text().split() if self.file.exists() else []

    async def has_counted(self) -> None:
        """Returns once it has done something."""
        for _ in range(round(_SECONDS / 0.02)):
            if self.counted:
                return
            await asyncio.sleep(0.02)
        raise AssertionError("it has done nothing")

    async def call(self, tool: str, token: str = FIRST, **arguments: Any) -> ToolAnswer:
        """One call."""
        await self.servers.tools("counting")
        return await self.servers.call("counting", token, tool, arguments)


def config_of(folder: Path, **changes: Any) -> ServerConfig:
    """The counting server's configuration."""
    args = ("-S", SCRIPT, str(folder / "counted"))
    usual = ServerConfig(
        "counting", command=sys.executable, args=args, tools=counting_server.TOOLS, timeout=_SECONDS
    )
    return replace(usual, **changes)


@pytest.fixture
async def counting(tmp_path: Path) -> AsyncIterator[Counting]:
    """A counting server that is started when it is needed, and ended with the test."""
    servers = Servers({"counting": config_of(tmp_path)})
    made = Counting(tmp_path / "counted", servers)
    servers.on_late = lambda token, answer: made.late.append((token, answer))
    yield made
    await servers.aclose()


async def hurried(counting: Counting, tmp_path: Path, timeout: float) -> None:
    """Has the calls of a server that runs time out early."""
    await counting.servers.tools("counting")
    connection: Any = counting.servers._places["counting"].connection
    connection._config = config_of(tmp_path, timeout=timeout)


def alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has waited for yet doesn't."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def peak_mb() -> float:
    """The most memory that this process has ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def gone(pid: int) -> bool:
    """Whether a process ends in time."""
    for _ in range(round(_SECONDS / 0.02)):
        if not alive(pid):
            return True
        await asyncio.sleep(0.02)
    return False


def pid_of(servers: Servers, name: str = "counting") -> int:
    """The process of a server that runs."""
    connection: Any = servers._places[name].connection
    found: int = connection._process.pid
    return found


async def test_a_call_is_answered_and_counted_once(counting: Counting) -> None:
    assert (await counting.call("count", "a")).content[0]["text"] == "done"
    assert counting.counted == ["a"]


async def test_a_server_finds_only_what_was_named_in_its_environment(
    counting: Counting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-secret")
    place = counting.servers._places["counting"]
    place.config = config_of(tmp_path, env={"ZONE": "UTC"})
    found = json.loads((await counting.call("environment")).content[0]["text"])
    found.pop("LC_CTYPE", None)  # CPython's own, in a C locale
    assert found == {"PATH": os.environ["PATH"], "ZONE": "UTC"}


@pytest.mark.parametrize(
    ("tool", "reason"),
    [("die", "tool.broke_off"), ("flood", "tool.flooded"), ("hang", "tool.timeout")],
)
async def test_a_call_that_gets_no_answer_is_lost_and_the_next_one_is_made(
    counting: Counting, tmp_path: Path, tool: str, reason: str
) -> None:
    await counting.call("count", "before")
    before_mb = peak_mb()
    if tool == "hang":
        await hurried(counting, tmp_path, 0.3)
    with pytest.raises(CallLost) as lost:
        await counting.call(tool, "it")
    assert lost.value.reason.id == reason
    assert counting.counted == ["before", "it"]
    assert peak_mb() - before_mb < 60, "a flood of 100 MB is not held"


async def test_a_server_that_died_is_started_again_after_a_pause(counting: Counting) -> None:
    with pytest.raises(CallLost):
        await counting.call("die", "it")
    with pytest.raises(ServerDown) as down:
        await counting.call("count", "soon")
    assert down.value.happened.id == "mcp.put_off"
    counting.servers._places["counting"].not_before = 0
    await counting.call("count", "later")
    assert counting.counted == ["it", "later"]


async def test_what_is_no_message_is_skipped(counting: Counting) -> None:
    assert (await counting.call("garbage")).content[0]["text"] == "done"
    assert (await counting.call("chatter", "u")).content[0]["text"] == "done"


async def test_a_server_that_asks_for_something_is_refused_and_goes_on(counting: Counting) -> None:
    said = json.loads((await counting.call("asks")).content[0]["text"])
    assert ["error" in each for each in said] == [True, True, False]


async def test_a_servers_own_error_is_a_no(counting: Counting) -> None:
    """Whatever its code: here it is the one that the SDK uses for a closed connection."""
    with pytest.raises(CallDeclined, match="no such mailbox"):
        await counting.call("error")


async def test_an_answer_that_comes_late_is_told(counting: Counting, tmp_path: Path) -> None:
    await hurried(counting, tmp_path, 0.1)
    with pytest.raises(CallLost):
        await counting.call("late", "it", seconds=0.4)
    for _ in range(500):
        if counting.late:
            break
        await asyncio.sleep(0.02)
    ((token, answer),) = counting.late
    assert (token, answer.content[0]["text"]) == ("it", "done")


async def test_a_token_is_sent_once_at_a_time_and_nothing_to_a_server_that_is_gone(
    counting: Counting,
) -> None:
    slow = asyncio.create_task(counting.call("slow", "it", seconds=0.3))
    await asyncio.sleep(0)
    await counting.has_counted()
    with pytest.raises(ValueError, match="is being made"):
        await counting.call("slow", "it")
    await slow
    await counting.servers.aclose()
    with pytest.raises(CallNotSent):
        await counting.servers.call("counting", "after", "count", {})
    assert counting.counted == ["it"]


async def test_a_changed_description_is_another_tool(counting: Counting) -> None:
    servers = counting.servers
    before = await servers.tool("counting", "count")
    await counting.call("change", "1")
    assert before == await servers.tool("counting", "count"), "as it was listed"
    fresh = await servers.tool("counting", "count", fresh=True)
    assert before is not None
    assert fresh is not None
    assert before.sha256 != fresh.sha256
    await counting.call("change", "2", tells=True)
    assert (await servers.tool("counting", "count")) == fresh


async def test_nothing_is_left_of_a_server_and_its_children(counting: Counting) -> None:
    child = int((await counting.call("child")).content[0]["text"])
    server = pid_of(counting.servers)
    assert alive(child)
    assert alive(server)
    await counting.servers.aclose()
    assert await gone(server)
    assert await gone(child)


async def test_a_server_that_hangs_is_ended_too(counting: Counting) -> None:
    asking = asyncio.create_task(counting.call("hang"))
    await counting.has_counted()
    server = pid_of(counting.servers)
    asking.cancel()
    await counting.servers.aclose()
    assert await gone(server)


@pytest.mark.parametrize(
    ("changes", "happened"),
    [
        ({"command": "no-such-program"}, "mcp.start"),
        ({"args": ("-c", "raise SystemExit('the token is missing')")}, "mcp.exited"),
        ({"cwd": "/no/such/folder"}, "mcp.start"),
    ],
)
async def test_a_server_that_does_not_start_says_why(
    tmp_path: Path, changes: dict[str, Any], happened: str
) -> None:
    servers = Servers({"counting": config_of(tmp_path, **changes)})
    with pytest.raises(ServerDown) as down:
        await servers.tools("counting")
    assert down.value.happened.id == happened
    assert down.value.said
    await servers.aclose()


OWNER = """
import asyncio, sys
from pathlib import Path
from bot.tools import Servers, ServerConfig

async def main():
    args = tuple(sys.argv[1:])
    config = ServerConfig("counting", command=sys.executable, args=args, tools=("count",))
    servers = Servers({"counting": config})
    await servers.tools("counting")
    print("PID", servers._places["counting"].connection._process.pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


async def test_a_server_ends_when_its_bot_is_killed(tmp_path: Path) -> None:
    owner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OWNER, *config_of(tmp_path).args, stdout=asyncio.subprocess.PIPE
    )
    assert owner.stdout is not None
    try:
        while not (line := await owner.stdout.readline()).startswith(b"PID"):
            assert line, "it ended"
        server = int(line.split()[1])
        assert alive(server)
    finally:
        owner.send_signal(signal.SIGKILL)
        await owner.wait()
    assert await gone(server)


async def test_servers_that_others_wrote_answer(tmp_path: Path) -> None:
    """The reference servers for the time and for Git, side by side."""
    git = await asyncio.create_subprocess_exec("git", "init", "-q", str(tmp_path))
    assert await git.wait() == 0
    servers = Servers({
        "time": ServerConfig(
            "time", command=str(BIN / "mcp-server-time"), tools=("convert_time",), timeout=60
        ),
        "git": ServerConfig(
            "git", command=str(BIN / "mcp-server-git"), tools=("git_status",), timeout=60
        ),
    })  # fmt: skip
    try:
        listed = await asyncio.gather(*(servers.tools(name) for name in servers.names))
        assert [[tool.name for tool in tools] for tools in listed] == [
            ["convert_time"],
            ["git_status"],
        ]
        times = {"source_timezone": "UTC", "time": "12:00", "target_timezone": "Asia/Tokyo"}
        time = await servers.call("time", "t", "convert_time", times)
        status = await servers.call("git", "g", "git_status", {"repo_path": str(tmp_path)})
        assert "21:00" in time.content[0]["text"]
        assert "No commits yet" in status.content[0]["text"]
    finally:
        await servers.aclose()
