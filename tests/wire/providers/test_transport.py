"""The transport, over real sockets: what it hands on, and what becomes of its connections.

What comes of each thing that a server can send is in `tests/wire/providers/transports.py`.
"""

from __future__ import annotations

import asyncio
import gzip
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import aiohttp
import httpx2
import pytest
from aiohttp import client_exceptions

from providers import http
from providers.http import ERRORS, Body, RedirectedAway, Transport, as_ours, stay
from tests.doubles.waiting import PATIENCE_S

pytestmark = pytest.mark.real_time

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

KNOWN: dict[str, type[httpx2.TransportError]] = {
    **dict.fromkeys(
        ("ClientHttpProxyError", "ClientProxyConnectionError"), httpx2.ProxyError
    ),
    **dict.fromkeys(
        ("ClientConnectorError", "ClientConnectorDNSError", "ClientSSLError",
         "ClientConnectorSSLError", "ClientConnectorCertificateError", "UnixClientConnectorError"),
        httpx2.ConnectError,
    ),
    "ConnectionTimeoutError": httpx2.ConnectTimeout,
    **dict.fromkeys(("ServerTimeoutError", "SocketTimeoutError"), httpx2.ReadTimeout),
    **dict.fromkeys(
        ("ClientResponseError", "ContentTypeError", "TooManyRedirects", "WSServerHandshakeError"),
        http.NoHttp,
    ),
    **dict.fromkeys(
        ("InvalidURL", "InvalidUrlClientError", "InvalidUrlRedirectClientError",
         "NonHttpUrlClientError", "NonHttpUrlRedirectClientError"),
        httpx2.UnsupportedProtocol,
    ),
    **dict.fromkeys(
        ("ClientError", "ClientConnectionError", "ClientConnectionResetError", "ClientOSError",
         "ClientPayloadError", "RedirectClientError", "ServerConnectionError",
         "ServerDisconnectedError", "ServerFingerprintMismatch", "UploadAbortedError"),
        httpx2.ReadError,
    ),
}  # fmt: skip
"""Each of aiohttp's errors, and which of httpx2's it is."""

PUBLIC = [
    error
    for error in vars(client_exceptions).values()
    if isinstance(error, type) and issubclass(error, aiohttp.ClientError)
]

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Service:
    """Answers each request as it is told, and counts connections."""

    def __init__(self, serve: Serve) -> None:
        self.url = ""
        self.opened = 0
        self.closed = asyncio.Event()
        self.writer: asyncio.StreamWriter | None = None
        self.heads: list[bytes] = []
        self._serve = serve

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        self.writer = writer
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.heads.append(head)
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


def client_of() -> httpx2.AsyncClient:
    """A client over our transport."""
    return httpx2.AsyncClient(
        transport=Transport(PATIENCE_S), event_hooks={"response": [stay]}, follow_redirects=True
    )


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
        client_of() as client,
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
        client_of() as client,
    ):
        response, body = await opened(client, told.url)
        assert await body.read() == b"abc"
        await response.aclose()
        async with asyncio.timeout(PATIENCE_S):
            await told.closed.wait()


async def test_one_that_the_service_has_closed_is_not_used_again() -> None:
    """Services close what is idle, and need not say so."""

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        await writer.drain()
        writer.close()

    async with service(serve) as told, client_of() as client:
        for opened_so_far in (1, 2):
            assert (await client.get(told.url)).text == "hi"
            async with asyncio.timeout(PATIENCE_S):
                await told.closed.wait()
            told.closed.clear()
            assert told.opened == opened_so_far


@pytest.mark.parametrize("junk", [b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", b"\0\r\n"])
async def test_one_with_bytes_that_nobody_asked_for_is_not_used_again(junk: bytes) -> None:
    """They would be taken for the next answer."""
    sent = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
    async with service(sending(sent + b"h")) as told, client_of() as client:
        for opened_so_far in (1, 2):
            response, body = await opened(client, told.url)
            assert await body.read() == b"h"
            assert told.writer is not None
            told.writer.write(b"i" + junk)
            assert await whole(body) == b"i"
            await response.aclose()
            assert told.opened == opened_so_far


async def test_one_that_nobody_uses_is_closed_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The service closes it sooner or later, and maybe just when the next request is sent."""
    monkeypatch.setattr(http, "IDLE_SECONDS", 0.05)
    async with (
        service(sending(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")) as told,
        client_of() as client,
    ):
        assert (await client.get(told.url)).text == "hi"
        async with asyncio.timeout(PATIENCE_S):
            await told.closed.wait()
        assert (await client.get(told.url)).text == "hi"
        assert told.opened == 2


async def test_what_came_before_a_connection_broke_is_read_first() -> None:
    """However late: a token that arrived is generated."""
    broken = asyncio.Event()

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED + b"3\r\nabc\r\n")
        await writer.drain()
        await broken.wait()
        writer.transport.abort()

    async with service(serve) as told, client_of() as client:
        response, body = await opened(client, told.url)
        assert await body.read() == b"abc"
        broken.set()
        with pytest.raises(httpx2.ReadError):
            await body.read()
        await response.aclose()


async def test_a_service_that_is_too_fast_is_slowed_down() -> None:
    """Or one that never stops would fill the memory. Nothing is lost by it."""
    piece = b"10000\r\n" + b"x" * 65536 + b"\r\n"

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED)
        for _ in range(200):
            writer.write(piece)
            await writer.drain()
        writer.write(b"0\r\n\r\n")

    async with service(serve) as told, client_of() as client:
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
        client_of() as client,
    ):
        response = await client.send(client.build_request("GET", told.url), stream=True)
        assert "body" not in response.extensions
        assert (await response.aread()).startswith(b"data: {")


async def test_a_redirect_takes_no_key_to_another_address() -> None:
    """Services have headers of their own for keys, which httpx2 would send on."""
    async with service(sending(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")) as other:
        away = f"HTTP/1.1 307 Go\r\nLocation: {other.url}\r\nContent-Length: 0\r\n\r\n".encode()
        async with service(sending(away)) as told, client_of() as client:
            with pytest.raises(RedirectedAway) as refused:
                await client.post(told.url, headers={"api-key": "sk-secret"}, content=b"Hello?")
        assert str(refused.value.to) == other.url
        assert not other.heads


@pytest.mark.parametrize("error", PUBLIC, ids=lambda error: error.__name__)
def test_each_error_of_aiohttp_is_one_of_httpx2(error: type[Exception]) -> None:
    """A new one has to be thought of: it may mean that nothing was sent, or everything."""
    ours = next(ours for theirs, ours in ERRORS if issubclass(error, theirs))
    assert ours is KNOWN[error.__name__]
    assert issubclass(ours, httpx2.TransportError)


def test_what_came_is_not_in_an_errors_text() -> None:
    """It would be in logs, and a conversation in it."""
    info: Any = SimpleNamespace(real_url="http://x")
    told = as_ours(aiohttp.ClientResponseError(info, (), status=400, message="b'Dear diary'"))
    assert "diary" not in str(told)


async def test_a_header_with_a_line_end_is_not_sent() -> None:
    """It would be two headers, or another request."""
    async with client_of() as client:
        with pytest.raises(httpx2.LocalProtocolError, match="header"):
            await client.get("http://127.0.0.1:9/", headers={"Authorization": "Bearer a\nb: c"})


@pytest.mark.skipif(sys.platform == "win32", reason="there is no uvloop for Windows")
def test_it_reads_on_uvloop_as_on_pythons_own_loop() -> None:
    """The bot runs on it where it is installed."""
    from uvloop import new_event_loop

    async def ask() -> str:
        async with (
            service(sending(CHUNKED, b"3\r\nabc\r\n0\r\n\r\n")) as told,
            client_of() as client,
        ):
            return (await client.get(told.url)).text

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        assert runner.run(ask()) == "abc"
