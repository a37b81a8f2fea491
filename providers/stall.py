"""What can go wrong with any service's stream: it falls silent, or ends without a finish reason."""

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
"""The `heard` of the `StallTimeout` around the current request.

A context variable, because an SDK's client is shared by all requests and passes nothing through
to its hooks.
"""


async def whole(
    generation: Generation, reading: Awaitable[None], model: str, request: Request
) -> None:
    """Runs `reading`, which reads a model's stream; returns if the answer has a finish reason.

    A transport's error after the finish reason is only logged: all that it can lose is the usage.
    An error that the service itself reports then counts all the same. Every other failure, and a
    stream without a finish reason, raises a `ProviderError`.
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
        asked = [text for turn in request.turns for text in turn.texts]
        raise translate(error, model=model, asked=asked) from error
    if generation.finish_reason is None:
        raise failure("not_finished")


def _is_failure(error: Exception) -> bool:
    return is_told(error) or (isinstance(error, ProviderError) and not isinstance(error, Stalled))


class StallTimeout:
    """`async with`: raises `Stalled` in its block after `seconds` without a call of `heard`.

    `heard` is called for each token, so it only notes the time. One timer serves the whole stream;
    when it fires too early, it is set again for the remaining time.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()
        self._limit = asyncio.timeout(None)
        self._bell = self._loop.call_at(self._since + seconds, self._ring)
        self._before: Token[Callable[[], None] | None] | None = None

    def heard(self) -> None:
        """The service sent something: a piece, a comment, a ping, any byte."""
        self._since = self._loop.time()

    def shorten(self, seconds: float) -> None:
        """Sets a new limit in seconds, also for a silence that has already begun."""
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
            # The time-out cancels the block, and some transports raise their own error then.
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

    `first`: before the answer's first piece. `later`: between pieces. `trailer`: after the finish
    reason, when only the usage is still to come.
    """

    first: float
    later: float
    trailer: float


class AnswerPatience(StallTimeout):
    """The stall time-out for one answer; its limit depends on how far the answer is."""

    def __init__(self, bounds: Bounds, generation: Generation) -> None:
        super().__init__(bounds.first)
        self._bounds = bounds
        self._generation = generation
        self._pieces = len(generation.pieces)
        self._begun = False

    def took(self) -> None:
        """A chunk was read: sets the limit for what comes next."""
        self.heard()
        if not self._begun and len(self._generation.pieces) > self._pieces:
            self._begun = True
            self.shorten(self._bounds.later)
        if self._generation.finish_reason not in (None, "unknown"):
            self.shorten(self._bounds.trailer)


async def tell_bytes(response: httpx2.Response) -> None:
    """An HTTP client's hook that reports each byte of a response to the stall time-out.

    SDKs skip the comments and pings that services send while a model thinks, so the bytes are
    watched below them.
    """
    heard = _HEARD.get()
    if heard is not None and isinstance(response.stream, httpx2.AsyncByteStream):
        heard()
        response.extensions.pop("body", None)  # which would be read past this one
        response.stream = _Told(response.stream, heard)


class _Told(httpx2.AsyncByteStream):
    """A response's stream that calls `heard` for whatever comes."""

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


def _said(seconds: float) -> str:
    return f"no token came for {seconds:g} s"
