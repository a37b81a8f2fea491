"""HTTP/1.1 to model services: aiohttp, as a transport of httpx2's that every SDK's client takes.

httpx2's own transport passes each chunk through a dozen generators, which costs more than parsing
the token in it. aiohttp has the parser, the connections that are used again and the proxies; here
is only what joins the two, and the bounds.
"""

from __future__ import annotations

import asyncio
import base64
import os
import ssl
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

import aiohttp
import httpx2
from aiohttp.connector import Connection
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.tracing import Trace

IDLE_SECONDS = 5.0
"""Seconds for which an unused connection is kept; the same as in the SDK's own transport."""
MOST_HEADERS = 128
"""Most headers of an answer. With more it is refused: it would fill the memory."""
LONGEST_HEADER = 32 * 1024
"""Most bytes of one header, or of the status line."""


_CODINGS = {
    "Content-Encoding": frozenset({"identity", "gzip", "deflate"}),
    "Transfer-Encoding": frozenset({"identity", "chunked"}),
}
"""What an answer may be packed in. Only `identity` is asked for; the others come all the same."""


class UnreadableCertificates(OSError):
    """The file or folder of trusted certificates that the environment names can't be read."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} can't be read")
        self.path = path


class NoHttp(httpx2.RemoteProtocolError):
    """What was answered can't be understood, or is beyond the bounds."""


class RedirectedAway(httpx2.TooManyRedirects):
    """A service leads to another address, where neither the key nor the question may go."""

    def __init__(self, response: httpx2.Response, to: httpx2.URL) -> None:
        super().__init__("redirected to another address", request=response.request)
        self.to = to


def certificates_path() -> str:
    """Where the environment says that the trusted certificates are; empty if it doesn't."""
    return os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR") or ""


def trusted() -> ssl.SSLContext:
    """The TLS context with the certificates that are trusted; raises `UnreadableCertificates`."""
    try:
        return httpx2.create_ssl_context()
    except OSError as error:
        raise UnreadableCertificates(certificates_path()) from error


# aiohttp's errors as httpx2's.


ERRORS: tuple[tuple[type[Exception], type[httpx2.TransportError]], ...] = (
    (UnreadableCertificates, httpx2.ConnectError),
    (aiohttp.ClientHttpProxyError, httpx2.ProxyError),
    (aiohttp.ClientProxyConnectionError, httpx2.ProxyError),
    (aiohttp.ClientConnectorError, httpx2.ConnectError),
    (aiohttp.ConnectionTimeoutError, httpx2.ConnectTimeout),
    (aiohttp.ServerTimeoutError, httpx2.ReadTimeout),
    (aiohttp.ClientResponseError, NoHttp),
    (HttpProcessingError, NoHttp),
    (aiohttp.InvalidURL, httpx2.UnsupportedProtocol),
    (aiohttp.NonHttpUrlClientError, httpx2.UnsupportedProtocol),
    (aiohttp.ClientError, httpx2.ReadError),
    (ValueError, httpx2.LocalProtocolError),
    (OSError, httpx2.ReadError),
)
"""The first that fits counts: subclasses come before their bases."""


def as_ours(error: Exception) -> httpx2.TransportError:
    """An error of aiohttp's as httpx2's; raise it `from` that."""
    kind = next(ours for theirs, ours in ERRORS if isinstance(error, theirs))
    if isinstance(error, aiohttp.ClientResponseError):  # its text quotes what came
        return kind(f"{error.status} {type(error.__cause__ or error).__name__}")
    return kind(str(error))


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (aiohttp.ClientError, HttpProcessingError, ValueError, OSError) as error:
        raise as_ours(error) from error


class Body(httpx2.AsyncByteStream):
    """An answer's body: the bytes that have come and are not yet read.

    When the connection breaks, what came before is still read first; then the error is raised.
    """

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self._content = response.content
        connection = response.connection
        protocol = None if connection is None else connection.protocol
        self._closed = None if protocol is None else protocol.closed
        if self._closed is not None:
            self._closed.add_done_callback(self._lost)

    async def read(self) -> bytes:
        """Everything that came since the last read; waits for more, and is empty at the end.

        Raises `httpx2.ReadError` if the connection broke, or what came is no HTTP any more.
        """
        try:
            return await self._content.readany()
        except (aiohttp.ClientError, HttpProcessingError, OSError) as error:
            raise httpx2.ReadError(str(error)) from error

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        while received := await self.read():
            yield received

    async def aclose(self) -> None:
        """Stops reading. If the body hasn't come whole, the connection is closed at once.

        Then the service stops generating. A TLS connection isn't closed politely, for which the
        service would have half a minute.
        """
        if self._closed is not None:
            self._closed.remove_done_callback(self._lost)
        connection = self._response.connection  # None once the body has come whole
        if connection is not None and connection.transport is not None:
            connection.transport.abort()
        self._response.close()

    def _lost(self, closed: asyncio.Future[None]) -> None:
        """The connection was closed: aiohttp tells no reader of a body whose chunks are broken."""
        if not closed.cancelled():
            closed.exception()  # which the reader is told, or has been
        if not self._content.is_eof() and self._content.exception() is None:
            self._content.set_exception(aiohttp.ClientPayloadError("the connection was closed"))


class UnspoiltConnector(aiohttp.TCPConnector):
    """Never uses a connection again on which bytes have come that nobody asked for.

    aiohttp would take them for the next answer, which may be somebody else's.
    """

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        """See `aiohttp.BaseConnector.connect`."""
        while True:
            connection = await super().connect(req, traces, timeout)
            if connection.protocol is None or not connection.protocol.should_close:
                return connection
            connection.close()


class Transport(httpx2.AsyncBaseTransport):
    """HTTP/1.1 to services, directly or over an HTTP proxy (`http://` or `https://`).

    An answer's `Body` is in the response's extensions too, as `body`, unless it is compressed: the
    reader of chunks takes the bytes from there. `connect_seconds` bounds connecting, with TLS and a
    proxy's answer; `providers.stall` bounds how long a service may be silent.
    """

    def __init__(self, connect_seconds: float, proxy: str | None = None) -> None:
        self._connect_seconds = connect_seconds
        self._proxy, self._proxy_headers = _proxy_of(proxy)
        self._session: aiohttp.ClientSession | None = None
        self._tls: asyncio.Task[ssl.SSLContext] | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """See `httpx2.AsyncBaseTransport`."""
        content = await request.aread()
        with _translated():
            response = await self._opened().request(
                request.method,
                str(request.url),
                headers=_headers(request),
                data=content or None,
                allow_redirects=False,
                timeout=self._timeout(request),
                ssl=await self._context(request),
                proxy=self._proxy,
                proxy_headers=self._proxy_headers,
            )
        body = Body(response)
        if unfit := _unfit(response):
            await body.aclose()
            raise NoHttp(unfit)
        reason = (response.reason or "").encode("latin-1", "replace")
        extensions: dict[str, Any] = {"http_version": b"HTTP/1.1", "reason_phrase": reason}
        if _coding(response, "Content-Encoding") == "identity":
            extensions["body"] = body
        return httpx2.Response(
            response.status, headers=response.raw_headers, stream=body, extensions=extensions
        )

    async def aclose(self) -> None:
        """Closes every connection."""
        if self._session is not None:
            await self._session.close()

    def _opened(self) -> aiohttp.ClientSession:
        """The session, made when the loop runs that it belongs to."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=UnspoiltConnector(
                    limit=0, keepalive_timeout=IDLE_SECONDS, resolver=aiohttp.ThreadedResolver()
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("User-Agent", "Content-Type"),
                auto_decompress=False,
                max_line_size=LONGEST_HEADER,
                max_field_size=LONGEST_HEADER,
                max_headers=MOST_HEADERS,
            )
        return self._session

    async def _context(self, request: httpx2.Request) -> ssl.SSLContext | bool:
        """The TLS context, made once and in a thread: reading the certificates takes tens of ms.

        Shielded, so that one cancelled request doesn't fail others that wait for it. After a
        failure the next request tries again.
        """
        if request.url.scheme != "https" and not (self._proxy or "").startswith("https"):
            return True
        if self._tls is None or (self._tls.done() and self._tls.exception() is not None):
            self._tls = asyncio.create_task(asyncio.to_thread(trusted))
        return await asyncio.shield(self._tls)

    def _timeout(self, request: httpx2.Request) -> aiohttp.ClientTimeout:
        """Not every SDK keeps to its client's time-outs: the one for connecting is ours."""
        told = request.extensions.get("timeout", {})
        return aiohttp.ClientTimeout(connect=self._connect_seconds, sock_read=told.get("read"))


def _unfit(response: aiohttp.ClientResponse) -> str:
    """Why an answer can't be read, though it is HTTP; empty if it can."""
    if response.status < 200:
        return f"{response.status}: an upgrade that nobody asked for"
    for header, known in _CODINGS.items():
        if (coding := _coding(response, header)) not in known:
            return f"{header}: {coding} is not known, and nobody asked for it"
    return ""


def _coding(response: aiohttp.ClientResponse, header: str) -> str:
    return response.headers.get(header, "identity").strip().lower()


def _headers(request: httpx2.Request) -> list[tuple[str, str]]:
    """The request's headers, as they are; aiohttp adds the length.

    Raises `httpx2.LocalProtocolError` for a line end in one, which could smuggle in another.
    """
    if any(byte in name + value for name, value in request.headers.raw for byte in b"\r\n\0"):
        raise httpx2.LocalProtocolError("a header has a line end in it")
    own = (b"content-length", b"transfer-encoding")
    return [
        (name.decode("latin-1"), value.decode())
        for name, value in request.headers.raw
        if name.lower() not in own
    ]


def _proxy_of(url: str | None) -> tuple[str | None, dict[str, str] | None]:
    """A proxy's address without credentials, and the header that carries them."""
    if url is None:
        return None, None
    address = urlsplit(url)
    bare = f"{address.scheme}://{address.netloc.rpartition('@')[2]}"
    if address.username is None:
        return bare, None
    known = f"{unquote(address.username)}:{unquote(address.password or '')}".encode()
    return bare, {"Proxy-Authorization": f"Basic {base64.b64encode(known).decode()}"}


async def stay(response: httpx2.Response) -> None:
    """An HTTP client's hook that refuses redirects which would change the question or its receiver.

    httpx2 takes only `Authorization` out of a request to another address; the other headers with
    keys, and the conversation, would go there.
    """
    if not response.has_redirect_location:
        return
    asked = response.request
    to = asked.url.join(response.headers["location"])
    kept = response.status_code in (307, 308) or asked.method == "GET"
    if not kept or to.origin != asked.url.origin:
        raise RedirectedAway(response, to)


__all__ = ["Body", "RedirectedAway", "Transport", "UnreadableCertificates", "certificates_path"]
