"""An answer's body, as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

import httpx2

_MOST_UNREAD = 256 * 1024
"""Bytes that may wait to be read until the service is asked to slow down."""


class Body(httpx2.AsyncByteStream):
    """What the service has sent and nobody has read yet.

    What came before a connection broke is read first; only then the failure is raised.
    """

    def __init__(self, flow: Callable[[bool], None], release: Callable[[], None]) -> None:
        """`flow` stops and starts the service's sending; `release` gives the connection back."""
        self.ended = False
        """Whether all of it has come."""
        self._flow = flow
        self._release: Callable[[], None] | None = release
        self._loop = asyncio.get_running_loop()
        self._unread: list[bytes] = []
        self._size = 0
        self._slowed = False
        self._failure: Exception | None = None
        self._reader: asyncio.Future[None] | None = None

    async def read(self) -> bytes:
        """What has come since the last read; waits for some, and returns nothing at the end.

        Raises `httpx2.TransportError` where the connection broke.
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
        """Reads no more. A connection that is in the middle of it is closed at once."""
        release, self._release = self._release, None
        if release is not None:
            release()

    def add(self, received: bytes) -> None:
        """The next bytes came."""
        self._unread.append(received)
        self._size += len(received)
        if self._size > _MOST_UNREAD and not self._slowed:
            self._slowed = True
            self._flow(False)
        self._wake()

    def end(self) -> None:
        """All of it has come."""
        self.ended = True
        self._wake()

    def fail(self, failure: Exception) -> None:
        """No more will come, and it is not whole."""
        if not self.ended and self._failure is None:
            self._failure = failure
            self._wake()

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)
