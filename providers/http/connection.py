"""One connection to a service: a request goes out, its answer comes back, then perhaps another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import httptools
import httpx2

from providers.http.body import Body


@dataclass(slots=True)
class Head:
    """An answer's status line and headers."""

    status: int = 0
    reason: bytes = b""
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)

    def has(self, name: bytes) -> bool:
        """Whether there is a header of this name, in small letters."""
        return any(key.lower() == name for key, _ in self.headers)


class Connection(asyncio.Protocol):
    """Reads answers with llhttp.

    `idle` is called where it can take another request, `gone` once it is closed.
    """

    def __init__(
        self, idle: Callable[[Connection], None], gone: Callable[[Connection], None]
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
        """Sends a request; returns once the answer's head is there.

        Raises `httpx2.TransportError`. A cancel closes the connection.
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
        """Closes the connection at once: the service is to generate no more."""
        if self._transport is not None:
            self._transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._body is None or self._body.ended:
            self.abort()  # nothing was asked
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
            self._head = Head()  # "go on": the answer follows
        elif self._answered is not None and not self._answered.done():
            self._answered.set_result(self._head)

    def on_body(self, data: bytes) -> None:
        if self._body is not None and not self._body.ended:
            self._body.add(data)

    def on_message_complete(self) -> None:
        if self._head.status >= 200 and self._body is not None:
            self._stays = self._parser.should_keep_alive()  # known just now: not later any more
            self._body.end()

    def _send(self, request: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            raise httpx2.WriteError("the connection was closed")
        self._transport.write(request)

    def _until_closed(self) -> bool:
        """Whether the answer's end is the connection's: it told neither a length nor chunks."""
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
        """Nobody reads the body any more."""
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
