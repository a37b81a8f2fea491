"""Answers played in this process: a provider's client gets them without a socket.

Everything above the client's transport is the real thing: the adapter, the SDK, the reader.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import httpx2

from providers.http import Transport


@dataclass
class Played:
    """The requests so far: their bodies, and where they went."""

    bodies: list[dict[str, Any]] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)


class _Pieces(httpx2.AsyncByteStream):
    def __init__(self, pieces: Sequence[bytes], broken: bool) -> None:
        self._pieces = pieces
        self._broken = broken

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece
        if self._broken:
            raise httpx2.ReadError("reset")


@contextmanager
def played(
    *answers: Sequence[bytes],
    status: int = 200,
    broken: bool = False,
    headers: Mapping[str, str] | None = None,
) -> Iterator[Played]:
    """Every client of a service gets these answers in turn, then the last one again.

    Without `headers`, an answer is a stream, or JSON if its status is an error. `broken`: the
    connection breaks after the last piece.
    """
    told = Played()
    kind = "text/event-stream" if status == 200 else "application/json"

    async def answer(_transport: object, request: httpx2.Request) -> httpx2.Response:
        told.bodies.append(json.loads(request.content or b"{}"))
        told.urls.append(str(request.url))
        pieces = answers[min(len(told.bodies), len(answers)) - 1]
        stream = _Pieces(pieces, broken)
        return httpx2.Response(
            status, headers={"Content-Type": kind, **(headers or {})}, stream=stream
        )

    with patch.object(Transport, "handle_async_request", answer):
        yield told
