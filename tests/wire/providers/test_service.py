"""The client of services with OpenAI's API: when it asks again, and what it says of refusals."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest

from providers.asking import NotAsked
from providers.clients import azure_service, openai_service
from providers.service import APIConnectionError, APIStatusError, Service

pytestmark = pytest.mark.real_time

BODY = {"model": "m"}
OK = b'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\n{"a": 1}\n'
NO = b"HTTP/1.1 404 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


@asynccontextmanager
async def playing(*answers: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that gives each request the next answer, and closes; its root, and its requests.

    An empty answer closes without one.
    """
    heads: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(answers[min(len(heads), len(answers)) - 1])
            await writer.drain()
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heads


@pytest.mark.parametrize(("retries", "requests"), [(0, 1), (1, 2), (2, 3)])
async def test_a_connection_that_broke_before_the_answer_is_tried_again_so_often(
    retries: int, requests: int
) -> None:
    async with playing(b"") as (root, heads):
        service = openai_service("k", root, retries=retries)
        with pytest.raises(APIConnectionError) as failed:
            await service.stream("/chat/completions", BODY)
        await service.aclose()
    assert len(heads) == requests
    assert str(failed.value.request.url) == f"{root}/chat/completions"


async def test_an_answer_at_the_second_try_is_the_answer() -> None:
    async with playing(b"", OK) as (root, heads):
        service = openai_service("k", root, retries=2)
        response = await service.stream("/chat/completions", BODY)
        assert await response.aread() == b'{"a": 1}\n'
        await service.aclose()
    assert len(heads) == 2


async def test_a_refusal_is_not_tried_again_and_says_what_the_service_said() -> None:
    told = b'{"error": {"message": "no", "code": 7, "param": "p", "type": "t"}}'
    refusal = b"HTTP/1.1 503 Away\r\nContent-Length: %d\r\n\r\n%s" % (len(told), told)
    async with playing(refusal) as (root, heads):
        service = openai_service("k", root, retries=2)
        with pytest.raises(APIStatusError) as refused:
            await service.stream("/chat/completions", BODY)
        await service.aclose()
    error = refused.value
    assert (error.status_code, error.code, error.param, error.type) == (503, "7", "p", "t")
    assert len(heads) == 1


async def test_the_facts_of_a_service_are_json_or_nothing() -> None:
    async with playing(OK, NO, b"") as (root, heads):
        service = openai_service("k", f"{root}/v1?tenant=a")
        assert await service.json("/models") == {"a": 1}
        assert await service.json(f"{root}/props") is None
        with pytest.raises(NotAsked):
            await service.json("/api/show", {"model": "m"})
        await service.aclose()
    assert [head.split(b" ")[:2] for head in heads] == [
        [b"GET", b"/v1/models?tenant=a"],
        [b"GET", b"/props"],
        [b"POST", b"/v1/api/show?tenant=a"],
    ]


async def test_azures_older_api_is_asked_below_the_deployment_for_chat_alone() -> None:
    async with playing(OK) as (root, heads):
        service = azure_service("my deployment", root, "secret", "2024-10-21")
        for path in ("/chat/completions", "/responses"):
            await (await service.stream(path, BODY)).aread()
        await service.aclose()
    assert [head.split(b" ")[1] for head in heads] == [
        b"/openai/deployments/my%20deployment/chat/completions?api-version=2024-10-21",
        b"/openai/responses?api-version=2024-10-21",
    ]
    assert all(b"api-key: secret" in head and b"Bearer" not in head for head in heads)


async def test_an_address_that_is_none_is_refused_at_once() -> None:
    async with httpx2.AsyncClient() as client:
        with pytest.raises(httpx2.InvalidURL):
            Service("http://localhost:port/v1", "k", client)
