"""How a stream may go wrong whatever the service: it says nothing, or it just ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from types import TracebackType
from typing import Self, TypeVar

import structlog

from providers.base import Disconnected, Generation, ProviderError, Stalled
from providers.errors import translate
from providers.failures import is_told

CUT = "the stream ended without a finish reason: try again"
"""The message of the `Disconnected` that a stream earns by just ending."""

log = structlog.get_logger(__name__)

T = TypeVar("T")


async def whole(generation: Generation, reading: Awaitable[None]) -> None:
    """Reads a stream to its end; returns where the service said that the answer has ended.

    What the transport does after that costs nothing but the usage. What the service itself then
    says of a failure counts all the same. Raises a `ProviderError` for everything else.
    """
    try:
        await reading
    except Exception as error:
        if generation.finish_reason is not None and not _is_failure(error):
            log.warning("stream.trailer_lost", error=type(error).__name__)
            return
        generation.finish_reason = None
        if isinstance(error, ProviderError):
            raise
        raise translate(error) from error
    if generation.finish_reason is None:
        raise Disconnected(CUT)


def _is_failure(error: Exception) -> bool:
    return is_told(error) or (isinstance(error, ProviderError) and not isinstance(error, Stalled))


async def next_within(stream: AsyncIterator[T], seconds: float) -> T | None:
    """The stream's next item, or None at its end; raises `Stalled` when none comes in time."""
    try:
        async with asyncio.timeout(seconds) as limit:
            return await anext(stream, None)
    except Exception as error:
        # A stream that is cancelled may raise something of its own instead.
        if limit.expired():
            raise Stalled(_said(seconds)) from error
        raise


class Patience:
    """Bounds the silence of a stream that is read in its `async with`; raises `Stalled`.

    `heard` starts the wait anew. It only notes the time: one timer serves the whole stream,
    and looks again when it rings too early.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()
        self._limit = asyncio.timeout(None)
        self._bell = self._loop.call_at(self._since + seconds, self._ring)

    def heard(self) -> None:
        """The service said something."""
        self._since = self._loop.time()

    def shorten(self, seconds: float) -> None:
        """From now on, so many seconds of silence are too many."""
        self.seconds = seconds
        self._bell.cancel()
        self._ring()

    async def __aenter__(self) -> Self:
        await self._limit.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bell.cancel()
        try:
            await self._limit.__aexit__(kind, error, trace)
        except TimeoutError as late:
            raise Stalled(_said(self.seconds)) from late
        if self._limit.expired() and isinstance(error, Exception):
            # A stream that is cancelled may raise something of its own instead.
            raise Stalled(_said(self.seconds)) from error

    def _ring(self) -> None:
        due = self._since + self.seconds
        if due <= self._loop.time():
            self._limit.reschedule(self._loop.time())
        else:
            self._bell = self._loop.call_at(due, self._ring)


def _said(seconds: float) -> str:
    return f"no token came for {seconds:g} s"
