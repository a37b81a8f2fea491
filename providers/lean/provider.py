"""A provider that reads a service's stream itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from uuid import UUID

import openai
from langchain_core.callbacks import AsyncCallbackHandler

from providers.base import Generation, Request
from providers.chunks import Chunks, opened
from providers.decoding import Piece
from providers.finish import TRAILER_SECONDS
from providers.knowing import Ask, Knowing
from providers.lean.protocol import Reader, Speech
from providers.messages import as_messages
from providers.relay import Relay
from providers.stall import AnswerPatience, Bounds, whole


class LeanProvider(Knowing):
    """One model, asked by the openai client, its stream read raw.

    It keeps the contract as the LangChain way does: the same tokens, callbacks, ends and errors.
    """

    def __init__(
        self,
        client: openai.AsyncOpenAI,
        speech: Speech,
        *,
        name: str,
        stall_seconds: float,
        first_seconds: float | None = None,
        room: int | None = None,
        sees: bool | None = None,
        guess: bool = False,
        ask: Ask | None = None,
        url: str | None = None,
        close: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        super().__init__(name, room=room, sees=sees, guess=guess, ask=ask, url=url)
        self._client = client
        self._speech = speech
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
        """See `Provider.generate`. A failure after the finish reason is only reported."""
        answer = _Answer(Relay(callbacks, run_id), generation, self._speech.reader(generation))
        await answer.relay.start({}, [as_messages(request.turns)])
        try:
            try:
                reading = self._read(request, answer)
                await whole(generation, reading, self.name, request)
            finally:
                await answer.tell(answer.reader.flush())
        except BaseException as error:
            self._learn(generation, error)
            await answer.relay.fail(error)
            raise
        self._learn(generation)
        await answer.relay.end(generation)

    async def aclose(self) -> None:
        """Closes the client's connections, and what gives its tokens."""
        await self._client.close()
        if self._close is not None:
            await self._close()

    async def _read(self, request: Request, answer: _Answer) -> None:
        take, heard = answer.reader.take, False
        bounds = Bounds(self._first_seconds, self._stall_seconds, TRAILER_SECONDS)
        async with AnswerPatience(bounds, answer.generation) as patience:
            stream = await opened(self._client, self._speech.path, self._speech.body(request))
            patience.heard()
            async with aclosing(Chunks(stream)) as said:
                while not said.done:
                    chunks = await said.more()
                    patience.heard()
                    for chunk in chunks:
                        heard = True
                        await answer.tell(take(chunk))
                        patience.took()
        if not heard:
            raise ValueError("the stream has no chunks")


class _Answer:
    """One answer on its way: read, kept in the `Generation`, and told to the callbacks."""

    def __init__(self, relay: Relay, generation: Generation, reader: Reader) -> None:
        self.relay = relay
        self.reader = reader
        self.generation = generation

    async def tell(self, pieces: list[Piece]) -> None:
        """Keeps and tells piece by piece: a cancel in between costs the callbacks one at most."""
        for kind, text in pieces:
            self.generation.add(text, kind)
            await self.relay.token(text, kind)
