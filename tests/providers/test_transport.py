"""Our own transport, over real sockets: what it hands on, and what becomes of its connections."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from providers import http
from providers import http as transport
from providers.clients import openai_client
from providers.http import Body, Transport
from tests.providers.tls import certificate

pytestmark = pytest.mark.real_time

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
PATIENCE_S = 30.0

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Service:
    """Answers each request as it is told, and counts connections."""

    def __init__(self, serve: Serve) -> None:
        self.url = ""
        self.opened = 0
        self.closed = asyncio.Event()
        self._serve = serve

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                await self._serve(reader, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.closed.set()
            writer.close()


@asynccontextmanager
async def service(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[Service]:
    """A service on loopback."""
    told = Service(serve)
    server = await asyncio.start_server(told.connected, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    told.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{port}/"
    try:
        yield told
    finally:
        server.close()


def sending(*pieces: bytes) -> Serve:
    """Sends pieces, as the same answer to everybody."""

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.writelines(pieces)

    return serve


async def opened(client: httpx2.AsyncClient, url: str) -> tuple[httpx2.Response, Body]:
    """A response whose body is still to come."""
    response = await client.send(client.build_request("GET", url), stream=True)
    body = response.extensions["body"]
    assert isinstance(body, Body)
    return response, body


async def whole(body: Body) -> bytes:
    """All that comes."""
    return b"".join([received async for received in body])


async def test_a_connection_is_used_again_once_an_answer_was_read_to_its_end() -> None:
    """Opening one costs a round trip, and three more with TLS."""
    async with (
        service(sending(CHUNKED, b"3\r\nabc\r\n0\r\n\r\n")) as told,
        httpx2.AsyncClient(transport=Transport()) as client,
    ):
        for _ in range(3):
            response, body = await opened(client, told.url)
            assert await whole(body) == b"abc"
            await response.aclose()
        assert told.opened == 1


async def test_one_that_is_not_read_to_its_end_is_closed() -> None:
    """The service is to generate no more; and the rest is nobody else's answer."""
    async with (
        service(sending(CHUNKED, b"3\r\nabc\r\n")) as told,
        httpx2.AsyncClient(transport=Transport()) as client,
    ):
        response, body = await opened(client, told.url)
        assert await body.read() == b"abc"
        await response.aclose()
        async with asyncio.timeout(PATIENCE_S):
            await told.closed.wait()


async def test_one_that_nobody_uses_is_closed_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The service closes it sooner or later, and maybe just when the next request is sent."""
    monkeypatch.setattr(transport, "IDLE_SECONDS", 0.0)
    async with (
        service(sending(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")) as told,
        httpx2.AsyncClient(transport=Transport()) as client,
    ):
        assert (await client.get(told.url)).text == "hi"
        async with asyncio.timeout(PATIENCE_S):
            await told.closed.wait()
        assert (await client.get(told.url)).text == "hi"
        assert told.opened == 2


async def test_an_answer_may_end_with_its_connection() -> None:
    """HTTP/1.0 servers tell neither a length nor chunks."""

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.0 200 OK\r\n\r\nhi")
        writer.write_eof()

    async with service(serve) as told, httpx2.AsyncClient(transport=Transport()) as client:
        assert (await client.get(told.url)).text == "hi"


async def test_what_came_before_a_connection_broke_is_read_first() -> None:
    """However late: a token that arrived is generated."""
    broken = asyncio.Event()

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED + b"3\r\nabc\r\n")
        await writer.drain()
        await broken.wait()
        writer.transport.abort()

    async with service(serve) as told, httpx2.AsyncClient(transport=Transport()) as client:
        response, body = await opened(client, told.url)
        assert await body.read() == b"abc"
        broken.set()
        with pytest.raises(httpx2.ReadError):
            await body.read()
        await response.aclose()


async def test_an_answer_that_breaks_off_before_its_head_is_an_error() -> None:
    """Which the client tells apart from one that the service has refused."""

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 O")
        writer.close()

    async with service(serve) as told, httpx2.AsyncClient(transport=Transport()) as client:
        with pytest.raises(httpx2.ReadError, match="closed"):
            await client.get(told.url)


async def test_what_is_no_http_is_an_error() -> None:
    """A wrong port, mostly."""
    async with (
        service(sending(b"220 mail.example.com ESMTP\r\n")) as told,
        httpx2.AsyncClient(transport=Transport()) as client,
    ):
        with pytest.raises(httpx2.RemoteProtocolError):
            await client.get(told.url)


async def test_answers_that_only_say_go_on_are_passed_over() -> None:
    """Status 100 to 199: the answer itself follows."""
    async with (
        service(
            sending(
                b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
                b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
            )
        ) as told,
        httpx2.AsyncClient(transport=Transport()) as client,
    ):
        response = await client.get(told.url)
        assert (response.status_code, response.text) == (200, "hi")
        assert "link" not in response.headers


async def test_a_service_that_is_too_fast_is_slowed_down() -> None:
    """Or one that never stops would fill the memory. Nothing is lost by it."""
    piece = b"10000\r\n" + b"x" * 65536 + b"\r\n"

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED)
        for _ in range(200):
            writer.write(piece)
            await writer.drain()
        writer.write(b"0\r\n\r\n")

    async with service(serve) as told, httpx2.AsyncClient(transport=Transport()) as client:
        response, body = await opened(client, told.url)
        sizes = [len(received) async for received in body]
        assert sum(sizes) == 200 * 65536
        assert max(sizes) < 2_000_000
        await response.aclose()


async def test_what_is_compressed_is_read_through_the_client() -> None:
    """A gateway may compress what was not asked to be; the raw body would be no events."""
    said = gzip.compress(b'data: {"choices": []}\n\ndata: [DONE]\n\n')
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(said)
    async with (
        service(sending(head, said)) as told,
        httpx2.AsyncClient(transport=Transport()) as client,
    ):
        response = await client.send(client.build_request("GET", told.url), stream=True)
        assert "body" not in response.extensions
        assert (await response.aread()).startswith(b"data: {")


async def test_a_certificate_that_is_trusted_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the environment names who is to be trusted."""
    made = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(made)
    async with (
        service(sending(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), tls) as told,
        httpx2.AsyncClient(transport=Transport()) as client,
    ):
        url = told.url.replace("127.0.0.1", "localhost")
        assert (await client.get(url)).text == "hi"


async def test_a_header_with_a_line_end_is_not_sent() -> None:
    """It would be two headers, or another request."""
    async with httpx2.AsyncClient(transport=Transport()) as client:
        with pytest.raises(httpx2.LocalProtocolError, match="line end"):
            await client.get("http://127.0.0.1:9/", headers={"Authorization": "Bearer a\nb: c"})


@pytest.mark.parametrize(
    ("url", "ours"),
    [
        ("https://api.example.com/v1", False),
        ("https://inside.example.org/v1", True),
        ("http://127.0.0.1:8000/v1", True),
    ],
)
async def test_over_a_proxy_the_clients_own_transport_is_used(
    url: str, *, ours: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It knows how; and what the environment exempts is reached straight."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com:3128")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example.com:3128")
    monkeypatch.setenv("NO_PROXY", "example.org")
    client = openai_client("sk-x", url, "own")
    assert isinstance(client._client._transport, Transport) is ours
    await client.close()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no uvloop for Windows")
def test_it_reads_on_uvloop_as_on_pythons_own_loop() -> None:
    """The bot runs on it where it is installed."""
    from uvloop import new_event_loop

    async def ask() -> str:
        async with (
            service(sending(CHUNKED, b"3\r\nabc\r\n0\r\n\r\n")) as told,
            httpx2.AsyncClient(transport=http.Transport()) as client,
        ):
            return (await client.get(told.url)).text

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        assert runner.run(ask()) == "abc"
