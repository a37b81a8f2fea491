"""A provider whose service sees placeholders, and whose answers have the values again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any
from uuid import UUID

from langchain_core.callbacks import AsyncCallbackHandler

from providers.base import (
    Generation,
    Opaque,
    Provider,
    Request,
    TokenKind,
    Turn,
    takes_tools,
)
from providers.masking.masks import NOTE, Masks
from providers.masking.restoring import Restoring
from providers.relay import Relay

_QUICK_CHARACTERS = 20_000
"""A longer request is looked through in a thread of its own, so that nobody waits for it."""

Open = Callable[[], Awaitable[Masks]]
Keep = Callable[[Masks], Awaitable[None]]


class Masking:
    """What the models of one run share: its masks, and what was sent and came back.

    `opening` gives the masks, once they are needed; `keep` is called before a request is sent with
    placeholders that were not issued before. Both may raise a `ProviderError`.
    """

    def __init__(self, opening: Open, keep: Keep) -> None:
        self.masks: Masks | None = None
        """None before the first request."""
        self.requests = 0
        """The requests that were checked and sent."""
        self.chars = 0
        """Length of what the services sent as answers."""
        self._sent = sha256()
        self._open = opening
        self._keep = keep
        self._kept = 0

    @property
    def sha256(self) -> str:
        """The hash of what the services sent as answers, one after the other."""
        return self._sent.hexdigest()

    def came(self, text: str) -> None:
        """A service has sent this as its answer, or a part of it."""
        self.chars += len(text)
        self._sent.update(text.encode(errors="surrogatepass"))

    async def masked(self, request: Request) -> tuple[Request, Masks | None]:
        """The request as it is sent, and the masks to restore its answer by; None where it has no
        placeholders. Raises `ProviderError` where it would hold a value.
        """
        masks = await self._opened()
        size = sum(len(text) for turn in request.turns for text in turn.texts)
        if size > _QUICK_CHARACTERS:
            masked = await asyncio.to_thread(masks.request, request)
        else:
            masked = masks.request(request)
        await self._keep_new(masks)
        self.requests += 1
        return (_told(masked, masks), masks) if masks.values else (masked, None)

    async def arguments(self, arguments: str) -> str:
        """A call's arguments for a server that is not to see values. Raises `ProviderError`."""
        masks = await self._opened()
        masked = masks.arguments(arguments)
        await self._keep_new(masks)
        return masked

    async def _opened(self) -> Masks:
        if self.masks is None:
            self.masks = await self._open()
        return self.masks

    async def _keep_new(self, masks: Masks) -> None:
        if len(masks.values) > self._kept:
            await self._keep(masks)
            self._kept = len(masks.values)


def _told(request: Request, masks: Masks) -> Request:
    """With a word to the model on what placeholders are."""
    note = NOTE.format(example=f"MASKED-NAME-0-{masks.nonce}")
    first, *others = request.turns
    if first.role != "system":
        return replace(request, turns=(Turn("system", note), *request.turns))
    return replace(request, turns=(replace(first, text=f"{first.text}\n\n{note}"), *others))


class MaskedProvider:
    """One model in one run. Where a run has no values, nothing of it stands in an answer's way."""

    def __init__(self, model: Provider, masking: Masking) -> None:
        self.name = model.name
        self._model = model
        self._masking = masking

    @property
    def room(self) -> int:
        """See `Provider.room`."""
        return self._model.room

    @property
    def sees(self) -> bool:
        """See `Provider.sees`."""
        return self._model.sees

    @property
    def tools(self) -> bool:
        """See `TakesTools`."""
        return takes_tools(self._model)

    async def start(self) -> None:
        """See `Provider.start`."""
        await self._model.start()

    async def generate(
        self,
        request: Request,
        *,
        run_id: UUID,
        callbacks: Sequence[AsyncCallbackHandler],
        generation: Generation,
    ) -> None:
        """See `Provider.generate`."""
        masked, masks = await self._masking.masked(request)
        if masks is not None:
            answer = _MaskedAnswer(self._masking, masks, Relay(callbacks, run_id), generation)
            await answer.read(self._model, masked, run_id)
            return
        before = len(generation.text)
        try:
            await self._model.generate(
                masked, run_id=run_id, callbacks=callbacks, generation=generation
            )
        finally:
            self._masking.came(generation.text[before:])

    async def aclose(self) -> None:
        """See `Provider.aclose`."""
        await self._model.aclose()


class _MaskedAnswer:
    """One answer of a model. The `Generation` and the callbacks each have a restoring of their
    own, so that they stay independent witnesses.
    """

    def __init__(self, masking: Masking, masks: Masks, relay: Relay, restored: Generation) -> None:
        self._masking = masking
        self._masks = masks
        self._relay = relay
        self._restored = restored
        self._begins = len(restored.said)
        self._reads = Restoring(masks)
        self._raw = _RawGeneration(self._reads, restored)
        self._tells = _Tells(Restoring(masks), relay, restored)

    async def read(self, model: Provider, request: Request, run_id: UUID) -> None:
        """Asks the model; what it leaves unsaid is said, however it ends."""
        self._raw.usage = self._restored.usage
        await self._relay.asked(request.turns)
        try:
            await model.generate(
                request, run_id=run_id, callbacks=[self._tells], generation=self._raw
            )
        except Exception as error:
            await self._end()
            await self._relay.fail(error)
            raise
        except asyncio.CancelledError:
            await self._end()
            raise
        await self._end()
        await self._relay.end(self._restored)

    async def _end(self) -> None:
        for kind, text, _ in self._reads.flush():
            self._restored.add(text, kind)
        await self._tells.flush()
        raw, restored, masks = self._raw, self._restored, self._masks
        self._masking.came(raw.text)
        restored.finish_reason, restored.finish_word = raw.finish_reason, raw.finish_word
        restored.model, restored.usage = raw.model or restored.model, raw.usage
        restored.calls[:] = [
            replace(call, arguments=masks.restored(call.arguments, in_json=True))
            for call in raw.calls
        ]
        restored.opaque[:] = [self._moved(each) for each in raw.opaque]

    def _moved(self, opaque: Opaque) -> Opaque:
        """The same at its place in the restored answer."""
        before = self._masks.restored(self._raw.text[: opaque.chars])
        return replace(opaque, chars=self._begins + len(before))


class _RawGeneration(Generation):
    """What the service sent; each token is passed on restored.

    Those of calls are not: only callbacks are told to which call a token belongs.
    """

    def __init__(self, restoring: Restoring, restored: Generation) -> None:
        super().__init__()
        self._restoring = restoring
        self._restored = restored

    def add(self, text: str, kind: TokenKind = "text") -> None:
        """See `Generation.add`."""
        super().add(text, kind)
        if kind != "tool" and (passed := self._restoring.take(text, kind)):
            self._restored.add(passed, kind)


class _Tells(AsyncCallbackHandler):
    """Passes each token on to a run's callbacks, restored."""

    run_inline = True
    reads_chunks = False

    def __init__(self, restoring: Restoring, relay: Relay, restored: Generation) -> None:
        self._restoring = restoring
        self._relay = relay
        self._restored = restored

    async def on_llm_new_token(
        self, token: Any, *, kind: TokenKind = "text", call: int | None = None, **_: Any
    ) -> None:
        """Passes on what can be passed on now."""
        if passed := self._restoring.take(token, kind, call):
            await self._tell(kind, passed, call)

    async def flush(self) -> None:
        """Passes on what is left."""
        for kind, text, call in self._restoring.flush():
            await self._tell(kind, text, call)

    async def _tell(self, kind: TokenKind, text: str, call: int | None) -> None:
        if kind == "tool":
            self._restored.add(text, kind)
        await self._relay.token(text, kind, call)
