"""Servers over HTTP: whatever they do, a call is posted once, and its end says what is known."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bot.tools import CallDeclined, CallLost, CallNotSent, ServerConfig, ServerDown, Servers
from tests.doubles.commands import dead_port
from tests.doubles.mcp_http import TOOLS, McpHttpServer, mcp_http

pytestmark = pytest.mark.real_time

TOKEN = "run/0"


@pytest.fixture
async def server() -> AsyncIterator[McpHttpServer]:
    async with mcp_http() as server:
        yield server


@pytest.fixture
async def servers(server: McpHttpServer) -> AsyncIterator[Servers]:
    headers = {"Authorization": "Bearer x"}
    config = ServerConfig("http", url=server.url, headers=headers, tools=TOOLS, timeout=20)
    servers = Servers({"http": config})
    await servers.tools("http")
    yield servers
    await servers.aclose()


@pytest.mark.parametrize("tool", ["json", "stream"])
async def test_a_call_is_answered(server: McpHttpServer, servers: Servers, tool: str) -> None:
    """Also beside what the server tells and asks, which is not read and refused."""
    answer = await servers.call("http", TOKEN, tool, {})
    assert answer.content[0]["text"] == "done"
    assert server.posts == [TOKEN]
    assert server.headers["Authorization"] == "Bearer x"


async def test_an_answer_that_broke_off_is_asked_for_again_and_never_the_call(
    server: McpHttpServer, servers: Servers
) -> None:
    answer = await servers.call("http", TOKEN, "resumed", {})
    assert answer.content[0]["text"] == "after a break"
    assert (server.posts, server.gets) == ([TOKEN], ["7"])


@pytest.mark.parametrize("tool", ["redirect", "denied", "error"])
async def test_a_no_of_the_server_is_a_no(
    server: McpHttpServer, servers: Servers, tool: str
) -> None:
    with pytest.raises(CallDeclined):
        await servers.call("http", TOKEN, tool, {})
    assert server.posts == [TOKEN]


@pytest.mark.parametrize("tool", ["broken", "cut", "flood", "gateway", "accepted", "zip"])
async def test_what_is_no_answer_leaves_the_call_in_doubt_and_others_go_on(
    server: McpHttpServer, servers: Servers, tool: str
) -> None:
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    lost, other = await asyncio.gather(
        servers.call("http", TOKEN, tool, {}),
        servers.call("http", "other", "json", {}),
        return_exceptions=True,
    )
    assert isinstance(lost, CallLost), lost
    assert not isinstance(other, BaseException), other
    assert sorted(server.posts) == ["other", TOKEN]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 60_000
    assert (await servers.call("http", "after", "json", {})).content


async def test_a_call_that_takes_too_long_is_in_doubt(
    server: McpHttpServer, servers: Servers
) -> None:
    place = servers._places["http"]
    assert place.connection is not None
    place.connection._config = replace(place.config, timeout=0.2)  # type: ignore[attr-defined]
    with pytest.raises(CallLost) as lost:
        await servers.call("http", TOKEN, "hang", {})
    assert lost.value.reason.id == "tool.timeout"
    assert server.posts == [TOKEN]


async def test_a_call_to_a_server_that_is_gone_was_not_sent() -> None:
    async with mcp_http() as server:
        servers = Servers({"http": ServerConfig("http", url=server.url, tools=TOOLS, timeout=5)})
        await servers.tools("http")
    with pytest.raises(CallNotSent):
        await servers.call("http", TOKEN, "json", {})
    assert server.posts == []
    await servers.aclose()


@pytest.mark.parametrize(
    ("status", "happened"), [(401, "mcp.denied"), (307, "mcp.error"), (500, "mcp.error")]
)
async def test_a_server_that_can_not_be_used_says_why(
    server: McpHttpServer, status: int, happened: str
) -> None:
    server.status = status
    servers = Servers({"http": ServerConfig("http", url=server.url, tools=TOOLS)})
    with pytest.raises(ServerDown) as down:
        await servers.tools("http")
    assert down.value.happened.id == happened
    assert str(status) in down.value.said
    await servers.aclose()


async def test_a_server_that_is_not_there_is_unreached() -> None:
    async with dead_port() as port:
        url = f"http://127.0.0.1:{port}/mcp"
        servers = Servers({"http": ServerConfig("http", url=url, tools=TOOLS)})
        with pytest.raises(ServerDown) as down:
            await servers.tools("http")
    assert down.value.happened.id == "mcp.unreached"
    await servers.aclose()
