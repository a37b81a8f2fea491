"""A provider that parses the service's stream itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from uuid import UUID

import httpx2
import structlog
from langchain_core.callbacks import AsyncCallbackHandler

from providers.asking import STALL_SECONDS, Ask, Knowing
from providers.base import Generation, Request
from providers.calls import settle
from providers.chunks import Chunks
from providers.decoding import TextDelta
from providers.errors import cause_of
from providers.finish import TRAILER_SECONDS
from providers.openai_stream.protocols import Speech, StreamReader
from providers.relay import Relay
from providers.service import APIStatusError, Service
from providers.stall import AnswerPatience, Bounds, whole

log = structlog.get_logger(__name__)


class LeanProvider(Knowing):
    """One model of a service with OpenAI's API, without LangChain or the SDK in between.

    Tokens, callbacks, finish reasons and errors are the same as with `LangChainProvider`.
    `speech` is the protocol in use. `other` is the one to switch to if the service says that it
    knows the model only there. For the remaining arguments see `Knowing` and `LangChainProvider`.
    """

    def __init__(
        self,
        service: Service,
        speech: Speech,
        other: Speech | None = None,
        *,
        name: str,
        stall_seconds: float = STALL_SECONDS,
        first_seconds: float | None = None,
        room: int | None = None,
        sees: bool | None = None,
        guess: bool = False,
        ask: Ask | None = None,
        url: str | None = None,
        close: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        super().__init__(name, room=room, sees=sees, guess=guess, ask=ask, url=url)
        self._service = service
        self._speech = speech
        self._other = other
        self._first_seconds = first_seconds or stall_seconds
        self._stall_seconds = stall_seconds
        self._close = close

    async def generate(
        self,
        request: Request,
        *,
        run_id: UUID,
        callbacks: Sequence[AsyncCallbackHandler],
        generation: Generation,
    ) -> None:
        """See `Provider.generate`. A transport's error after the finish reason is only logged."""
        answer = _StreamedAnswer(
            Relay(callbacks, run_id), generation, self._speech.reader(generation)
        )
        await answer.relay.asked(request.turns)
        # In this order, whatever happens: read, flush what was held back, then tell the callbacks
        # the end or the error. A cancel passes through here too, hence `BaseException`.
        try:
            try:
                reading = self._read(request, answer)
                await whole(generation, reading, self.name, request)
            finally:
                await answer.tell(answer.reader.flush())
            if request.tools:
                settle(generation, answer.reader.kept, request, run_id)
        except BaseException as error:
            self._learn(generation, error)
            await answer.relay.fail(error)
            raise
        self._learn(generation)
        await answer.relay.end(generation)

    async def aclose(self) -> None:
        """Closes the service's connections, and the source of its credentials."""
        await self._service.aclose()
        if self._close is not None:
            await self._close()

    async def _read(self, request: Request, answer: _StreamedAnswer) -> None:
        bounds = Bounds(self._first_seconds, self._stall_seconds, TRAILER_SECONDS)
        async with AnswerPatience(bounds, answer.generation) as patience:
            stream = await self._opened(request, answer)
            patience.heard()
            heard = await answer.take(stream, patience)
        if not heard:
            raise ValueError("the stream has no chunks")

    async def _opened(self, request: Request, answer: _StreamedAnswer) -> httpx2.Response:
        speech, other = self._speech, self._other
        try:
            return await self._service.stream(speech.path, speech.body(request))
        except APIStatusError as refusal:
            if other is None or cause_of(refusal) != "responses_only":
                raise
            return await self._opened_otherwise(request, answer, other, refusal)

    async def _opened_otherwise(
        self,
        request: Request,
        answer: _StreamedAnswer,
        other: Speech,
        refusal: APIStatusError,
    ) -> httpx2.Response:
        """Asks by the other protocol, and keeps to it if that works.

        If the service doesn't have it, the first refusal is raised: that one names the problem.
        """
        try:
            stream = await self._service.stream(other.path, other.body(request))
        except APIStatusError as error:
            if cause_of(error) != "path_unknown":
                raise
            raise refusal from error
        log.info("model.protocol_changed", model=self.name, path=other.path)
        self._speech, self._other = other, None
        answer.reader = other.reader(answer.generation)
        return stream


@dataclass(slots=True)
class _StreamedAnswer:
    """One answer in progress: its reader, its `Generation`, and the relay to its callbacks."""

    relay: Relay
    generation: Generation
    reader: StreamReader

    async def take(self, stream: httpx2.Response, patience: AnswerPatience) -> bool:
        """Reads a stream to its end; whether it had any chunks."""
        heard, take = False, self.reader.take
        async with aclosing(Chunks(stream)) as said:
            while not said.done:
                chunks = await said.more()
                patience.heard()
                for chunk in chunks:
                    heard = True
                    await self.tell(take(chunk))
                    patience.took()
        return heard

    async def tell(self, pieces: list[TextDelta]) -> None:
        """Adds each piece to the `Generation`, then sends it to the callbacks.

        Piece by piece, so that after a cancel the callbacks are at most one piece behind.
        """
        for piece in pieces:
            kind, text = piece
            self.generation.add(text, kind)
            if kind == "reasoning":
                self.reader.kept.think(text)
            await self.relay.token(text, kind, piece.call if kind == "tool" else None)
