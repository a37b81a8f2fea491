"""The chunks of a streamed answer, raw: server-sent events to JSON, with nothing made in
between.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing, suppress
from functools import partial
from typing import Any

import httpx2
import openai
import orjson

from providers.decoding import error_in, unended
from providers.http import Body

# Server-sent events, read as they come: bytes in, the data of whole events out.
#
# After the standard: lines end in LF, CR or CRLF; an event's data may stand in several lines;
# comments, ids and events without data say nothing that is of use here. Nor do names, but `error`.


_LINE_ENDS = b"\r\n"
_FIRST, _BETWEEN, _LAST = b"data: ", b"\n\ndata: ", b"\n\n"


class ErrorEvent(bytes):
    """The data of an event that is named `error`; it may be empty."""


class EventReader:
    """Reads one stream. Keeps an unfinished line, and an unfinished event, for the next bytes."""

    def __init__(self) -> None:
        self._begun = bytearray()
        self._data: list[bytes] = []
        self._after_cr = False
        self._is_error = False

    def feed(self, received: bytes) -> list[bytes]:
        """The data of each event that these bytes make whole. A last one without its empty line
        never is: it may have been cut anywhere."""
        if not received:
            return []
        if received.startswith(_FIRST) and received.endswith(_LAST) and self._is_idle():
            events = received[len(_FIRST) : -len(_LAST)].split(_BETWEEN)
            lines = received.count(b"\n")
            if lines == 2 * len(events) and b"\r" not in received and all(events):
                return events  # nearly every read of nearly every service
        if self._after_cr:
            received = received.removeprefix(b"\n")  # the line end was CRLF, and came in two
        self._after_cr = received.endswith(b"\r")
        ended = map(self._event, self._lines(received))
        return [event for event in ended if event or type(event) is ErrorEvent]

    def _is_idle(self) -> bool:
        """Whether nothing of a line or an event was kept."""
        return not (self._begun or self._data or self._after_cr or self._is_error)

    def _lines(self, received: bytes) -> list[bytes]:
        """The lines that are whole now. `bytes.splitlines` knows just the three line ends."""
        lines = received.splitlines()
        rest = lines.pop() if received and received[-1] not in _LINE_ENDS else b""
        if lines and self._begun:
            lines[0] = bytes(self._begun) + lines[0]
            self._begun.clear()
        self._begun += rest
        return lines

    def _event(self, line: bytes) -> bytes:
        """The data of the event that this line ends; empty where it ends none."""
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
_MOST_OPENING = 16_384

Stream = openai.AsyncStream[object]

Read = Callable[[], Awaitable[bytes]]
Stop = Callable[[], Awaitable[None]]


async def opened(client: openai.AsyncOpenAI, path: str, body: Mapping[str, Any]) -> Stream:
    """Asks for a stream. The client authenticates, finds the address, tries again, and raises."""
    return await client.post(path, body=body, cast_to=object, stream=True, stream_cls=Stream)


class Chunks:
    """What a service sends as JSON, read by read, until it says that it is done."""

    def __init__(self, stream: Stream) -> None:
        self.done = False
        """Whether all was read that belongs to the answer."""
        self._stream = stream
        self._events = EventReader()
        self._opening: bytes | None = b""
        """What came before the first event; None once that is there."""
        self._read, self._stop = _reading(stream.response)

    async def more(self) -> Iterator[Any]:
        """The chunks of the next read: none where it made none whole, or the stream has ended.

        Raises whatever the transport raises; and, one by one, `openai.APIError` for an error
        part and `ValueError` for what is no JSON.
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
        """Closes the connection, or gives it back where the answer was read to its end."""
        try:
            if self.done:
                await self._drain()
        finally:
            await self._stop()
            await self._stream.close()

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
                    yield unended(chunk)
                raise self._failure(error)
            yield chunk

    def _look_at_what_was_no_stream(self) -> None:
        """A service may answer with plain JSON, and status 200, that it failed."""
        lines = (self._opening or b"").splitlines()
        said = b"\n".join(line for line in lines if not line.startswith(b":"))
        if not said.lstrip().startswith(b"{"):
            return
        with suppress(ValueError, RecursionError):
            if error := error_in(json.loads(said)):
                raise self._failure(error)

    def _failure(self, told: Any) -> openai.APIError:
        return openai.APIError("error part", self._stream.response.request, body=told)

    async def _drain(self) -> None:
        """Reads the little that follows the last event: so the connection can be used again."""
        with suppress(TimeoutError, httpx2.TransportError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                while await self._read():
                    pass


async def chunks(stream: Stream) -> AsyncGenerator[Any]:
    """The chunks one by one; see `Chunks`. To be closed where it is not read to its end."""
    async with aclosing(Chunks(stream)) as said:
        while not said.done:
            for chunk in await said.more():
                yield chunk


def _may_fail(data: bytes) -> bool:
    """Whether a chunk has to be looked at for what it says of a failure; nearly none has."""
    return b"error" in data or b"base_resp" in data or b'"code"' in data


def _told(data: ErrorEvent) -> Any:
    """What an event named `error` says; it need not be JSON."""
    try:
        chunk = parsed(data)
    except ValueError:
        return data.decode(errors="replace")
    return error_in(chunk) or chunk if isinstance(chunk, dict) else chunk


def _reading(response: httpx2.Response) -> tuple[Read, Stop]:
    """What waits for the response's next bytes (nothing at its end), and what ends that.

    Our own transport's body is asked itself, past the layers of generators above it.
    """
    body = response.extensions.get("body")
    if isinstance(body, Body):
        return body.read, body.aclose
    received = response.aiter_bytes()
    return partial(anext, received, b""), received.aclose


def parsed(data: bytes) -> Any:
    """JSON as the standard library reads it, but fast: lone surrogates and NaN pass."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return json.loads(data.decode())
