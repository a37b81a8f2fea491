"""HTTP/1.1 for streams of many small chunks, as a transport of httpx2's."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

import httptools
import httpx2
from aiohappyeyeballs import start_connection

# An answer's body.


_MOST_UNREAD = 256 * 1024
"""Bytes waiting to be read from which on the socket is read no more, until they have been taken."""


class Body(httpx2.AsyncByteStream):
    """The bytes that have come and are not yet read.

    When the connection breaks, what came before is still read first; then the error is raised.
    """

    def __init__(self, flow: Callable[[bool], None], release: Callable[[], None]) -> None:
        """`flow(False)` pauses the connection and `flow(True)` resumes it; `release` frees it."""
        self.ended = False
        """Whether the whole body has come."""
        self._flow = flow
        self._release: Callable[[], None] | None = release
        self._loop = asyncio.get_running_loop()
        self._unread: list[bytes] = []
        self._size = 0
        self._slowed = False
        self._failure: Exception | None = None
        self._reader: asyncio.Future[None] | None = None

    async def read(self) -> bytes:
        """Everything that came since the last read; waits for more, and is empty at the end.

        Raises `httpx2.TransportError` if the connection broke.
        """
        while not self._unread:
            if self._failure is not None:
                raise self._failure
            if self.ended:
                return b""
            self._reader = self._loop.create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        received = self._unread[0] if len(self._unread) == 1 else b"".join(self._unread)
        self._unread.clear()
        self._size = 0
        if self._slowed:
            self._slowed = False
            self._flow(True)
        return received

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        while received := await self.read():
            yield received

    async def aclose(self) -> None:
        """Stops reading. If the body hasn't come whole, the connection is closed."""
        release, self._release = self._release, None
        if release is not None:
            release()

    def add(self, received: bytes) -> None:
        """Adds bytes that have come."""
        self._unread.append(received)
        self._size += len(received)
        if self._size > _MOST_UNREAD and not self._slowed:
            self._slowed = True
            self._flow(False)
        self._wake()

    def end(self) -> None:
        """The whole body has come."""
        self.ended = True
        self._wake()

    def fail(self, failure: Exception) -> None:
        """The connection broke before the body's end; no effect after it."""
        if not self.ended and self._failure is None:
            self._failure = failure
            self._wake()

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)


# One connection to a service, for one request at a time.


@dataclass(slots=True)
class Head:
    """An answer's status line and headers."""

    status: int = 0
    reason: bytes = b""
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)

    def has(self, name: bytes) -> bool:
        """Whether there is a header of this name, given in lower case."""
        return any(key.lower() == name for key, _ in self.headers)


class ServiceConnection(asyncio.Protocol):
    """Sends requests and parses the answers with llhttp.

    `idle` is called when the connection can take another request, `gone` once it is closed.
    """

    def __init__(
        self, idle: Callable[[ServiceConnection], None], gone: Callable[[ServiceConnection], None]
    ) -> None:
        self._idle = idle
        self._gone = gone
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._head = Head()
        self._answered: asyncio.Future[Head] | None = None
        self._body: Body | None = None
        self._stays = False

    async def ask(self, request: bytes) -> tuple[Head, Body]:
        """Sends a request and waits for the answer's head; the body is read from what it returns.

        Raises `httpx2.TransportError`. Cancelling it closes the connection.
        """
        self._answered = asyncio.get_running_loop().create_future()
        body = self._body = Body(self._flow, self._release)
        try:
            self._send(request)
            return await self._answered, body
        except BaseException:
            self._answered = None
            self.abort()
            raise

    def abort(self) -> None:
        """Closes the connection at once, so that the service stops generating."""
        if self._transport is not None:
            self._transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._body is None or self._body.ended:
            self.abort()  # bytes without a request: what they belong to can't be known
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._break(httpx2.RemoteProtocolError(str(error)))

    def eof_received(self) -> None:
        self.connection_lost(None)

    def connection_lost(self, error: Exception | None) -> None:
        self._gone(self)
        if error is None and self._until_closed():
            self.on_message_complete()
        failure = httpx2.ReadError(f"the connection was closed: {error or 'by the service'}")
        failure.__cause__ = error
        self._break(failure)

    # What llhttp calls.

    def on_status(self, reason: bytes) -> None:
        self._head.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._head.status = self._parser.get_status_code()
        if self._head.status < 200:
            self._head = Head()  # 1xx, such as 100 Continue: the real answer follows
        elif self._answered is not None and not self._answered.done():
            self._answered.set_result(self._head)

    def on_body(self, data: bytes) -> None:
        if self._body is not None and not self._body.ended:
            self._body.add(data)

    def on_message_complete(self) -> None:
        if self._head.status >= 200 and self._body is not None:
            self._stays = self._parser.should_keep_alive()  # llhttp knows it only in this callback
            self._body.end()

    def _send(self, request: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            raise httpx2.WriteError("the connection was closed")
        self._transport.write(request)

    def _until_closed(self) -> bool:
        """Whether the body ends with the connection: it has neither a length nor chunks."""
        head = self._head
        told = head.has(b"content-length") or head.has(b"transfer-encoding")
        return head.status >= 200 and not told

    def _break(self, failure: Exception) -> None:
        self.abort()
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(failure)
        if self._body is not None:
            self._body.fail(failure)

    def _flow(self, on: bool) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if on:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def _release(self) -> None:
        """The body is not read any more: keeps the connection if it can be reused, or closes it."""
        body, self._body = self._body, None
        if body is None:
            return
        open_ = self._transport is not None and not self._transport.is_closing()
        if open_ and body.ended and self._stays:
            self._head, self._answered = Head(), None
            self._parser = httptools.HttpResponseParser(self)
            self._idle(self)
        else:
            self.abort()


# A transport for the openai client that hands on what arrives in one step.
#
# The SDK's own transports pass each chunk through a dozen generators, which costs more than parsing
# the token in it. Unused connections are kept for a while. It knows no proxies: with one, another
# transport is used (`providers.clients`).


IDLE_SECONDS = 5.0
"""Seconds for which an unused connection is kept; the same as in the SDK's own transport."""
_ATTEMPT_SECONDS = 0.25
"""Seconds after which the next of a host's addresses is tried in parallel (RFC 8305)."""
_PORTS = {"http": 80, "https": 443}

_Origin = tuple[str, str, int]


class UnreadableCertificates(OSError):
    """The file or folder of trusted certificates that the environment names can't be read."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} can't be read")
        self.path = path


def certificates_path() -> str:
    """Where the environment says that the trusted certificates are; empty if it doesn't."""
    return os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR") or ""


class Transport(httpx2.AsyncBaseTransport):
    """HTTP/1.1 to a service, without a proxy.

    Only connecting has a time-out, since `providers.stall` bounds the stream's silence. An answer's
    `Body` is in the response's extensions too, as `body`, unless it is compressed: the reader of
    chunks takes the bytes from there.
    """

    def __init__(self) -> None:
        self._open: set[ServiceConnection] = set()
        self._kept: dict[_Origin, dict[ServiceConnection, asyncio.TimerHandle]] = {}
        """Unused connections and the timers that close them; the last added is reused first."""
        self._tls: asyncio.Task[ssl.SSLContext] | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """See `httpx2.AsyncBaseTransport`."""
        message = await _message(request)
        connection = await self._connection(request)
        head, body = await connection.ask(message)
        extensions: dict[str, Any] = {"http_version": b"HTTP/1.1", "reason_phrase": head.reason}
        if not head.has(b"content-encoding"):
            extensions["body"] = body
        return httpx2.Response(
            head.status, headers=head.headers, stream=body, extensions=extensions
        )

    async def aclose(self) -> None:
        """Closes every connection."""
        for connection in list(self._open):
            connection.abort()
        for kept in self._kept.values():
            for bell in kept.values():
                bell.cancel()

    async def _connection(self, request: httpx2.Request) -> ServiceConnection:
        url = request.url
        if url.scheme not in _PORTS:
            raise httpx2.UnsupportedProtocol(f"{url.scheme}: is no address of a service")
        origin = (url.scheme, url.raw_host.decode(), url.port or _PORTS[url.scheme])
        if kept := self._kept.get(origin):
            connection, bell = kept.popitem()
            bell.cancel()
            return connection
        seconds = request.extensions.get("timeout", {}).get("connect")
        try:
            async with asyncio.timeout(seconds):
                return await self._connected(origin)
        except TimeoutError as error:
            raise httpx2.ConnectTimeout(f"not reached within {seconds} s") from error
        except OSError as error:  # names, refusals, certificates
            raise httpx2.ConnectError(str(error)) from error

    async def _connected(self, origin: _Origin) -> ServiceConnection:
        scheme, host, port = origin
        loop = asyncio.get_running_loop()
        connection = ServiceConnection(partial(self._keep, origin), partial(self._forget, origin))
        tls: dict[str, Any] = {}
        if scheme == "https":
            tls = {"ssl": await self._context(), "server_hostname": host}
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        reached = await start_connection(found, happy_eyeballs_delay=_ATTEMPT_SECONDS)
        try:
            await loop.create_connection(lambda: connection, sock=reached, **tls)
        except BaseException:  # a cancel, too, must not leave the socket open
            reached.close()
            raise
        self._open.add(connection)
        return connection

    async def _context(self) -> ssl.SSLContext:
        """The TLS context, made once and in a thread: reading the certificates takes tens of ms.

        Shielded, so that one cancelled request doesn't fail others that wait for it. After a
        failure the next request tries again.
        """
        if self._tls is None or (self._tls.done() and self._tls.exception() is not None):
            self._tls = asyncio.create_task(asyncio.to_thread(httpx2.create_ssl_context))
        try:
            return await asyncio.shield(self._tls)
        except OSError as error:
            raise UnreadableCertificates(certificates_path()) from error

    def _keep(self, origin: _Origin, connection: ServiceConnection) -> None:
        bell = asyncio.get_running_loop().call_later(IDLE_SECONDS, connection.abort)
        self._kept.setdefault(origin, {})[connection] = bell

    def _forget(self, origin: _Origin, connection: ServiceConnection) -> None:
        self._open.discard(connection)
        if bell := self._kept.get(origin, {}).pop(connection, None):
            bell.cancel()


async def _message(request: httpx2.Request) -> bytes:
    """A request as bytes, with its whole body, which is in memory anyway.

    Raises `httpx2.LocalProtocolError` for a line end in a header, which could smuggle in another.
    """
    content = await request.aread()
    lines = [b"%s %s HTTP/1.1" % (request.method.encode(), request.url.raw_path)]
    lines += [
        name + b": " + value
        for name, value in request.headers.raw
        if name.lower() not in (b"content-length", b"transfer-encoding")
    ]
    if any(b"\r" in line or b"\n" in line for line in lines):
        raise httpx2.LocalProtocolError("a header has a line end in it")
    lines.append(b"Content-Length: %d" % len(content))
    return b"\r\n".join(lines) + b"\r\n\r\n" + content


__all__ = ["Body", "Transport", "certificates_path"]
