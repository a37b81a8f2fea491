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
from providers.stall import Patience, whole


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
                await whole(generation, self._read(request, answer))
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
        async with Patience(self._stall_seconds) as patience:
            stream = await opened(self._client, self._speech.path, self._speech.body(request))
            async with aclosing(Chunks(stream)) as said:
                while not said.done:
                    for chunk in await said.more():
                        heard = True
                        patience.heard()
                        await answer.tell(take(chunk))
                        if answer.finished:
                            patience.shorten(TRAILER_SECONDS)
        if not heard:
            raise ValueError("the stream has no chunks")


class _Answer:
    """One answer on its way: read, kept in the `Generation`, and told to the callbacks."""

    def __init__(self, relay: Relay, generation: Generation, reader: Reader) -> None:
        self.relay = relay
        self.reader = reader
        self._generation = generation

    @property
    def finished(self) -> bool:
        """Whether the service said why the answer ended."""
        return self._generation.finish_reason is not None

    async def tell(self, pieces: list[Piece]) -> None:
        """Keeps and tells piece by piece: a cancel in between costs the callbacks one at most."""
        for kind, text in pieces:
            self._generation.add(text, kind)
            await self.relay.token(text, kind)
