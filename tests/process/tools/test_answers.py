"""The whole way with a server of tools that others wrote: asked, called, answered, proven."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.commands import Ran, Shell, asks, whole
from tests.doubles.openai import Answer, OpenAIServer, calls, text

pytestmark = pytest.mark.real_time

SERVER = Path(sys.executable).parent / "mcp-server-time"
MCP = {
    "mcpServers": {
        "time": {
            "command": str(SERVER),
            "tools": ["get_current_time", "convert_time"],
            "approve": "never",
        }
    }
}
ZONES = '{"source_timezone": "Europe/Rome", "time": "12:00", "target_timezone": "Asia/Tokyo"}'


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """The real clock for the whole module."""
    return "asyncio", {"loop_factory": asyncio.SelectorEventLoop}


@pytest.fixture(scope="module")
async def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ran, OpenAIServer, Shell]:
    """A question that the model answers from a converted time."""
    folder = tmp_path_factory.mktemp("tools")
    (folder / "mcp.json").write_text(json.dumps(MCP))
    shell = Shell(folder)
    async with OpenAIServer(
        Answer([*text("Let me see."), *calls("time__convert_time", ZONES)]), whole("It is evening.")
    ) as model:
        settings = asks(model) | {"MCP_CONFIG": str(folder / "mcp.json")}
        ran = await shell.run_each("ask", "Noon in Rome?", "--json", settings={"it": settings})
    return ran["it"], model, shell


async def test_the_answer_is_whole_and_proven(told: tuple[Ran, OpenAIServer, Shell]) -> None:
    ran, _, _ = told
    assert ran.code == 0, ran.err
    assert ran.json["answer"] == "Let me see.It is evening."
    assert ran.json["outcome"] == "complete"


async def test_the_model_was_offered_the_tools_and_given_what_the_server_said(
    told: tuple[Ran, OpenAIServer, Shell],
) -> None:
    _, model, _ = told
    first, second = (exchange.body for exchange in model.exchanges)
    names = [tool["function"]["name"] for tool in first["tools"]]
    assert sorted(names) == ["time__convert_time", "time__get_current_time"]
    called, answered = second["messages"][-2:]
    assert called["tool_calls"][0]["function"] == {
        "name": "time__convert_time",
        "arguments": ZONES,
    }
    assert (answered["role"], answered["tool_call_id"]) == ("tool", "call_1")
    assert "Asia/Tokyo" in answered["content"]
    assert answered["content"].startswith('<tool_result server="time"')


async def test_the_record_has_the_call_from_its_question_to_its_answer(
    told: tuple[Ran, OpenAIServer, Shell],
) -> None:
    ran, _, shell = told
    assert shell.query("SELECT run_id, n, server, tool, state FROM tool_calls") == [
        (ran.json["run_id"], 0, "time", "convert_time", "answered")
    ]
