"""The chunks of a streamed answer, raw: SSE to JSON, with no object made of them in between."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, suppress
from typing import Any

import openai
import orjson

from providers.sse import EventReader

_DONE = b"[DONE]"
_DRAIN_SECONDS = 0.1

Stream = openai.AsyncStream[object]


async def opened(client: openai.AsyncOpenAI, path: str, body: Mapping[str, Any]) -> Stream:
    """Asks for a stream. The client authenticates, finds the address, tries again, and raises."""
    return await client.post(path, body=body, cast_to=object, stream=True, stream_cls=Stream)


async def chunks(stream: Stream, gather_seconds: float = 0.0) -> AsyncGenerator[Any]:
    """What the service sends, as JSON, until it says that it is done; closes the connection.

    After each read it waits `gather_seconds` for more to come: fewer, larger reads cost less.
    Raises `openai.APIError` for an error part, `ValueError` for what is no JSON, and whatever
    the transport raises. To be closed where it is not read to its end.
    """
    events = EventReader()
    try:
        async with aclosing(stream.response.aiter_bytes()) as received:
            async for some in received:
                for data in events.feed(some):
                    if data.startswith(_DONE):
                        await _drain(received)
                        return
                    yield _checked(parsed(data), stream)
                if gather_seconds:
                    await asyncio.sleep(gather_seconds)
    finally:
        await stream.close()


def parsed(data: bytes) -> Any:
    """JSON as the standard library reads it, but fast: lone surrogates and NaN pass."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return json.loads(data.decode())


def _checked(chunk: Any, stream: Stream) -> Any:
    """The chunk; raises where it is an error instead."""
    error = chunk.get("error") if isinstance(chunk, dict) else None
    if error:
        raise openai.APIError("error part", stream.response.request, body=error)
    return chunk


async def _drain(received: AsyncIterator[bytes]) -> None:
    """Reads the little that follows the last event: only so can the connection be used again."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_DRAIN_SECONDS):
            async for _ in received:
                pass
