"""`lines:MODEL`: a service that answers with one JSON object a line, over a plain connection.

It is asked `{"model": …, "turns": […]}` and says `{"text": "Hel"}`, `{"text": "lo."}`, and last
`{"finish": "stop", "input_tokens": 9, "output_tokens": 2}`. An empty line says that it is there.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from langchain_core.callbacks import AsyncCallbackHandler

from providers.base import (
    Disconnected,
    Generation,
    Malformed,
    Overloaded,
    Request,
    TokenKind,
    Usage,
)
from providers.decoding import Decoder, TextDelta
from providers.relay import Relay
from providers.stall import AnswerPatience, Bounds, whole

_KINDS: tuple[TokenKind, ...] = ("text", "reasoning", "refusal")
_REASONS = ("stop", "length", "filter")


class LinesProvider:
    """One model of such a service. Connections are opened for a question and closed after it."""

    def __init__(self, model: str, address: str, room: int, bounds: Bounds) -> None:
        self.name = f"lines:{model}"
        self.room = room
        self.sees = False
        self._model = model
        self._address = address
        self._bounds = bounds

    async def start(self) -> None:
        """Nothing takes time here."""

    async def generate(
        self,
        request: Request,
        *,
        run_id: UUID,
        callbacks: Sequence[AsyncCallbackHandler],
        generation: Generation,
    ) -> None:
        """See `Provider.generate`."""
        generation.model = self._model
        relay = Relay(callbacks, run_id)
        await relay.asked(request.turns)
        try:
            reading = self._read(request, relay, generation)
            await whole(generation, reading, self.name, request)
        except BaseException as error:  # a cancel, too
            await relay.fail(error)
            raise
        await relay.end(generation)

    async def aclose(self) -> None:
        """Nothing stays open."""

    async def _read(self, request: Request, relay: Relay, generation: Generation) -> None:
        """Reads one answer to its end. `whole` says what it means if that comes too early."""
        decoder = Decoder()
        async with AnswerPatience(self._bounds, generation) as patience:
            reader, writer = await self._connect()
            try:
                writer.write(self._question(request))
                while line := await reader.readline():
                    await _take(line, decoder, relay, generation)
                    patience.took()
                    if generation.finish_reason:
                        return
            finally:
                await _tell(decoder.flush(), relay, generation)
                writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, _, port = self._address.rpartition(":")
        try:
            return await asyncio.open_connection(host, int(port))
        except OSError as error:
            raise Disconnected(f"nothing answers at {self._address}") from error

    def _question(self, request: Request) -> bytes:
        turns = [{"role": turn.role, "text": turn.text} for turn in request.turns]
        asked = {"model": self._model, "turns": turns, "max_tokens": request.max_tokens}
        return json.dumps(asked).encode() + b"\n"


async def _take(line: bytes, decoder: Decoder, relay: Relay, generation: Generation) -> None:
    if not line.strip():
        return
    try:
        said: dict[str, Any] = json.loads(line)
    except ValueError as error:
        raise Malformed("the service sent a line that is no JSON") from error
    if "error" in said:
        raise Overloaded("the service says that it failed")
    for kind in _KINDS:
        if text := said.get(kind):
            await _tell(decoder.text(text, kind), relay, generation)
    if reason := said.get("finish"):
        generation.finish_word = str(reason)[:64]
        generation.finish_reason = reason if reason in _REASONS else "unknown"
        if "output_tokens" in said:
            generation.usage = Usage(said["input_tokens"], said["output_tokens"])


async def _tell(pieces: list[TextDelta], relay: Relay, generation: Generation) -> None:
    """First the record of what was read, then whoever listens."""
    for kind, text in pieces:
        generation.add(text, kind)
    await relay.tokens(pieces)


def lines_provider(
    model: str,
    *,
    base_url: str,
    stall_seconds: float = 60.0,
    first_seconds: float | None = None,
    room: int = 8192,
    sees: bool | None = None,  # noqa: ARG001 - it takes no images
    options: Mapping[str, Any] | None = None,  # noqa: ARG001 - it takes none
) -> LinesProvider:
    """`lines:MODEL` at `base_url`, as `host:port`. `room` is the model's context in tokens."""
    bounds = Bounds(first_seconds or stall_seconds, stall_seconds, stall_seconds)
    return LinesProvider(model, base_url, room, bounds)
