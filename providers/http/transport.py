"""A transport for the openai client: it hands on what arrives in one step.

The client's own transports carry each chunk through a dozen layers of generators, which costs
more than reading the token in it. Connections are kept for a while, and used again. Over a
proxy the client's own transport is used, see `providers.clients`.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from functools import partial
from typing import Any

import httpx2
from aiohappyeyeballs import start_connection

from providers.http.connection import Connection

IDLE_SECONDS = 5.0
"""How long a connection is kept that nobody uses: as long as the client's own transport does."""
_ATTEMPT_SECONDS = 0.25
"""How long one of a host's addresses may take before the next is tried beside it (RFC 8305)."""
_PORTS = {"http": 80, "https": 443}

_Origin = tuple[str, str, int]


class UnreadableCertificates(OSError):
    """The file or folder of trusted certificates that the environment names can't be read."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} can't be read")
        self.path = path


def certificates_path() -> str:
    """Where the environment says that the trusted certificates are; empty where it doesn't."""
    return os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR") or ""


class Transport(httpx2.AsyncBaseTransport):
    """HTTP/1.1, straight to the service. Bounds connecting only: silence is the reader's to judge.

    A response's body is in its extensions too, as `body`, where it can be read as it comes.
    """

    def __init__(self) -> None:
        self._open: set[Connection] = set()
        self._kept: dict[_Origin, dict[Connection, asyncio.TimerHandle]] = {}
        """The open ones that nobody uses, and what closes them; the last one is used first."""
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

    async def _connection(self, request: httpx2.Request) -> Connection:
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

    async def _connected(self, origin: _Origin) -> Connection:
        scheme, host, port = origin
        loop = asyncio.get_running_loop()
        connection = Connection(partial(self._keep, origin), partial(self._forget, origin))
        tls: dict[str, Any] = {}
        if scheme == "https":
            tls = {"ssl": await self._context(), "server_hostname": host}
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        reached = await start_connection(found, happy_eyeballs_delay=_ATTEMPT_SECONDS)
        try:
            await loop.create_connection(lambda: connection, sock=reached, **tls)
        except BaseException:
            reached.close()
            raise
        self._open.add(connection)
        return connection

    async def _context(self) -> ssl.SSLContext:
        """Made once, when it is first needed, and by a thread: reading the certificates takes
        tens of milliseconds."""
        if self._tls is None or (self._tls.done() and self._tls.exception() is not None):
            self._tls = asyncio.create_task(asyncio.to_thread(httpx2.create_ssl_context))
        try:
            return await asyncio.shield(self._tls)
        except OSError as error:
            raise UnreadableCertificates(certificates_path()) from error

    def _keep(self, origin: _Origin, connection: Connection) -> None:
        bell = asyncio.get_running_loop().call_later(IDLE_SECONDS, connection.abort)
        self._kept.setdefault(origin, {})[connection] = bell

    def _forget(self, origin: _Origin, connection: Connection) -> None:
        self._open.discard(connection)
        if bell := self._kept.get(origin, {}).pop(connection, None):
            bell.cancel()


async def _message(request: httpx2.Request) -> bytes:
    """A request as bytes. Its body is sent whole: it is a conversation, in memory already."""
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
