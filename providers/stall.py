"""How a stream may go wrong whatever the service: it says nothing, or it just ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextvars import ContextVar, Token
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpx2
import structlog

from providers.base import Generation, ProviderError, Request, Stalled
from providers.errors import failure, translate
from providers.failures import is_told

log = structlog.get_logger(__name__)

_HEARD: ContextVar[Callable[[], None] | None] = ContextVar("heard", default=None)
"""Whom a response's bytes are told to: the `StallTimeout` of the task that asked for it."""


async def whole(
    generation: Generation, reading: Awaitable[None], model: str, request: Request
) -> None:
    """Reads a model's stream to its end; returns where the service said that the answer ended.

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
        asked = [turn.text for turn in request.turns]
        raise translate(error, model=model, asked=asked) from error
    if generation.finish_reason is None:
        raise failure("not_finished")


def _is_failure(error: Exception) -> bool:
    return is_told(error) or (isinstance(error, ProviderError) and not isinstance(error, Stalled))


class StallTimeout:
    """Bounds the silence of a stream that is read in its `async with`; raises `Stalled`.

    `heard` starts the wait again. It only notes the time: one timer serves the whole stream, and
    looks again when it rings too early.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()
        self._limit = asyncio.timeout(None)
        self._bell = self._loop.call_at(self._since + seconds, self._ring)
        self._before: Token[Callable[[], None] | None] | None = None

    def heard(self) -> None:
        """The service showed that it is there: by a piece, a comment, a ping, any byte."""
        self._since = self._loop.time()

    def shorten(self, seconds: float) -> None:
        """From now on, so many seconds of silence are too many."""
        self.seconds = seconds
        self._bell.cancel()
        self._ring()

    async def __aenter__(self) -> Self:
        await self._limit.__aenter__()
        self._before = _HEARD.set(self.heard)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bell.cancel()
        if self._before is not None:
            _HEARD.reset(self._before)
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


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long a service may be silent, in seconds.

    `first`: before the answer's first piece. `later`: between pieces. `trailer`: once it said why
    the answer ended, when only the usage is missing.
    """

    first: float
    later: float
    trailer: float


class AnswerPatience(StallTimeout):
    """The patience with one answer, by how far it is."""

    def __init__(self, bounds: Bounds, generation: Generation) -> None:
        super().__init__(bounds.first)
        self._bounds = bounds
        self._generation = generation
        self._pieces = len(generation.pieces)
        self._begun = False

    def took(self) -> None:
        """Some of the stream was read."""
        self.heard()
        if not self._begun and len(self._generation.pieces) > self._pieces:
            self._begun = True
            self.shorten(self._bounds.later)
        if self._generation.finish_reason not in (None, "unknown"):
            self.shorten(self._bounds.trailer)


async def tell_bytes(response: httpx2.Response) -> None:
    """A client's hook: each byte of the response is a sign of life, whatever its reader makes of
    it.

    SDKs skip comments and pings, which a service keeps a stream alive with while its model thinks.
    """
    heard = _HEARD.get()
    if heard is not None and isinstance(response.stream, httpx2.AsyncByteStream):
        heard()
        response.stream = _Told(response.stream, heard)


class _Told(httpx2.AsyncByteStream):
    """A response's bytes, told as they come."""

    def __init__(self, stream: httpx2.AsyncByteStream, heard: Callable[[], None]) -> None:
        self._stream = stream
        self._heard = heard

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        async for received in self._stream:
            self._heard()
            yield received

    async def aclose(self) -> None:
        """Closes the response."""
        await self._stream.aclose()


HOOKS = {"response": [tell_bytes]}
"""What a client is given that reads for a provider."""


def _said(seconds: float) -> str:
    return f"no token came for {seconds:g} s"
