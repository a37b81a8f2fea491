"""The raw chunks of a streamed answer: from server-sent events straight to JSON.

The SDK's own reader builds an object for each line, event and chunk; this one builds none.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing, suppress
from functools import partial
from typing import Any

import httpx2
import orjson

from providers.decoding import error_in, unended
from providers.http import Body
from providers.service import APIError

# Server-sent events: bytes in, the data of complete events out.
#
# As the standard has it, lines end in LF, CR or CRLF, and an event may have several data lines.
# Comments, ids and events without data are dropped; the only event name that matters is `error`.


_LINE_ENDS = b"\r\n"
_FIRST, _BETWEEN, _LAST = b"data: ", b"\n\ndata: ", b"\n\n"


class ErrorEvent(bytes):
    """The data of an event named `error`; it may be empty."""


class EventReader:
    """Parses one stream, keeping an unfinished line or event until its rest has come."""

    def __init__(self) -> None:
        self._begun = bytearray()
        self._data: list[bytes] = []
        self._after_cr = False
        self._is_error = False

    def feed(self, received: bytes) -> list[bytes]:
        """The data of each event that these bytes complete.

        A last event without its empty line never counts: it may have been cut off anywhere.
        """
        if not received:
            return []
        if received.startswith(_FIRST) and received.endswith(_LAST) and self._is_idle():
            events = received[len(_FIRST) : -len(_LAST)].split(_BETWEEN)
            lines = received.count(b"\n")
            if lines == 2 * len(events) and b"\r" not in received and all(events):
                return events  # the fast path: nearly every read from nearly every service
        if self._after_cr:
            received = received.removeprefix(b"\n")  # a CRLF that was split between two reads
        self._after_cr = received.endswith(b"\r")
        ended = map(self._event, self._lines(received))
        return [event for event in ended if event or type(event) is ErrorEvent]

    def _is_idle(self) -> bool:
        """Whether no part of a line or an event is kept from earlier reads."""
        return not (self._begun or self._data or self._after_cr or self._is_error)

    def _lines(self, received: bytes) -> list[bytes]:
        """The lines that are complete now.

        `bytes.splitlines` splits at the standard's three line ends only, unlike `str.splitlines`.
        """
        lines = received.splitlines()
        rest = lines.pop() if received and received[-1] not in _LINE_ENDS else b""
        if lines and self._begun:
            lines[0] = bytes(self._begun) + lines[0]
            self._begun.clear()
        self._begun += rest
        return lines

    def _event(self, line: bytes) -> bytes:
        """The data of the event that this line completes; empty if it completes none."""
        if not line:
            event = b"\n".join(self._data)
            self._data.clear()
            is_error, self._is_error = self._is_error, False
            return ErrorEvent(event) if is_error else event
        if line.startswith(b"data:"):
            self._data.append(line[6:] if line[5:6] == b" " else line[5:])
        elif line.startswith(b"event:"):
            self._is_error = line[6:].strip() == b"error"
        return b""


_DONE = b"[DONE]"
_DRAIN_SECONDS = 0.1
"""Seconds to wait for the bytes after the last event before the connection is given up."""
_MOST_OPENING = 16_384
"""Bytes kept from before the first event, in case the response is a JSON error and no stream."""

Read = Callable[[], Awaitable[bytes]]
Stop = Callable[[], Awaitable[None]]


class Chunks:
    """The JSON chunks of a stream, read by read, until the service says that it is done."""

    def __init__(self, response: httpx2.Response) -> None:
        self.done = False
        """Whether everything that belongs to the answer has been read."""
        self._response = response
        self._events = EventReader()
        self._opening: bytes | None = b""
        """What came before the first event; None once there was one."""
        self._read, self._stop = _reading(response)

    async def more(self) -> Iterator[Any]:
        """The chunks of the next read; none if it completed none, or the stream has ended.

        Raises whatever the transport raises. The iterator raises `APIError` for an error
        in the stream and `ValueError` for invalid JSON, once the chunks before it were taken.
        """
        received = await self._read()
        events = self._events.feed(received)
        if self._opening is not None:
            self._opening = None if events else (self._opening + received)[:_MOST_OPENING]
        if not received:
            self.done = True
            self._look_at_what_was_no_stream()
        return self._parsed(events)

    async def aclose(self) -> None:
        """Closes the connection, or keeps it for the next request if the answer was read whole."""
        try:
            if self.done:
                await self._drain()
        finally:
            await self._stop()
            await self._response.aclose()

    def _parsed(self, events: list[bytes]) -> Iterator[Any]:
        for data in events:
            if type(data) is ErrorEvent:
                raise self._failure(_told(data))
            if data.startswith(_DONE):
                self.done = True
                return
            chunk = parsed(data)
            if _may_fail(data) and isinstance(chunk, dict) and (error := error_in(chunk)):
                if chunk.get("choices"):
                    yield unended(chunk)  # a chunk may have the last token and the error at once
                raise self._failure(error)
            yield chunk

    def _look_at_what_was_no_stream(self) -> None:
        """Raises if the response was plain JSON that reports an error, with status 200."""
        lines = (self._opening or b"").splitlines()
        said = b"\n".join(line for line in lines if not line.startswith(b":"))
        if not said.lstrip().startswith(b"{"):
            return
        with suppress(ValueError, RecursionError):
            if error := error_in(json.loads(said)):
                raise self._failure(error)

    def _failure(self, told: Any) -> APIError:
        return APIError("error part", self._response.request, body=told)

    async def _drain(self) -> None:
        """Reads the few bytes after the last event, so that the connection can be reused."""
        with suppress(TimeoutError, httpx2.TransportError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                while await self._read():
                    pass


async def chunks(response: httpx2.Response) -> AsyncGenerator[Any]:
    """The chunks one by one; see `Chunks`. Close it if it isn't read to its end."""
    async with aclosing(Chunks(response)) as said:
        while not said.done:
            for chunk in await said.more():
                yield chunk


def _may_fail(data: bytes) -> bool:
    """Whether a chunk may report an error; a cheap test on bytes that nearly none passes."""
    return b"error" in data or b"base_resp" in data or b'"code"' in data


def _told(data: ErrorEvent) -> Any:
    """The content of an event named `error`, which need not be JSON."""
    try:
        chunk = parsed(data)
    except ValueError:
        return data.decode(errors="replace")
    return error_in(chunk) or chunk if isinstance(chunk, dict) else chunk


def _reading(response: httpx2.Response) -> tuple[Read, Stop]:
    """Two functions: one waits for the next bytes (empty at the end), the other stops reading.

    With our own transport they are the body's, bypassing httpx's layers of generators.
    """
    body = response.extensions.get("body")
    if isinstance(body, Body):
        return body.read, body.aclose
    received = response.aiter_bytes()
    return partial(anext, received, b""), received.aclose


def parsed(data: bytes) -> Any:
    """JSON by orjson; by the slower standard library where that refuses (lone surrogates, NaN)."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return json.loads(data.decode())
