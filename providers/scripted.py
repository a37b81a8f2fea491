"""A provider whose stream is written step by step, for tests and demonstrations.

    ScriptedProvider(["Hel", "lo", Pause(2.0), ("reasoning", "hm"), " there.", Finish()])

It behaves like a real one: the same callbacks, errors and stall time-out. It runs on the event
loop's clock, whatever that is, and opens no connections.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import takewhile
from typing import Any
from uuid import UUID

from langchain_core.callbacks import AsyncCallbackHandler

from providers.base import (
    FinishReason,
    Generation,
    ProviderError,
    Request,
    TokenKind,
    Turn,
    Usage,
)
from providers.calls import Fragment, GoesBack, settle
from providers.decoding import Decoder, TextDelta
from providers.errors import failure
from providers.relay import Relay
from providers.stall import AnswerPatience, Bounds


@dataclass(frozen=True, slots=True)
class Pause:
    """The service sends nothing for this many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Alive:
    """The service sends a keep-alive, without any text."""


@dataclass(frozen=True, slots=True)
class Hang:
    """The service sends nothing any more, and leaves the connection open."""


@dataclass(frozen=True, slots=True)
class Fail:
    """The service fails with this error."""

    error: ProviderError


@dataclass(frozen=True, slots=True)
class Cut:
    """The stream ends without a finish reason."""


@dataclass(frozen=True, slots=True)
class Finish:
    """The service says that the answer is done."""

    reason: FinishReason = "stop"
    usage: Usage | None = None
    word: str = ""


@dataclass(frozen=True, slots=True)
class CallTool:
    """The model calls a tool, its arguments in two pieces; text is sent as it is, broken or not."""

    name: str
    arguments: Mapping[str, Any] | str = ""
    id: str = ""

    @property
    def fragments(self) -> Iterator[Fragment]:
        """What the service sends of it."""
        told = self.arguments if isinstance(self.arguments, str) else json.dumps(self.arguments)
        half = len(told) // 2
        yield Fragment(id=self.id, name=self.name, place=1)
        yield from (Fragment(arguments=piece) for piece in (told[:half], told[half:]) if piece)


@dataclass(frozen=True, slots=True)
class Keep:
    """The service sends something that it wants back with the calls, such as a signature."""

    item: Any


_Sent = str | tuple[TokenKind, str] | Fragment | Keep | Pause | Alive | Hang | Fail | Cut | Finish
Step = _Sent | CallTool
Script = Sequence[Step]
"""Steps in order. Without `Finish`, `Fail`, `Cut` or `Hang` it ends with `Finish("stop")`.

Calls one after the other are `CallTool`s; those whose pieces are mixed are `Fragment`s.
"""


def results(request: Request) -> tuple[Turn, ...]:
    """The results of the last calls, in order, for a script that answers from them."""
    told = takewhile(lambda turn: turn.role == "tool", reversed(request.turns))
    return tuple(reversed(list(told)))


class ScriptedProvider:
    """Plays one script per request, in the order given; after the last, that one again.

    A script that depends on the request is given as a function of it. `requests` are the requests
    so far, `cancelled` is the number of cancelled streams, `closed` whether `aclose` was called.
    """

    def __init__(
        self,
        *scripts: Script | Callable[[Request], Script],
        name: str = "scripted:script",
        room: int = 8192,
        stall_seconds: float = 60.0,
        first_seconds: float | None = None,
        sees: bool = False,
        tools: bool = True,
    ) -> None:
        self.name = name
        self.room = room
        self.sees = sees
        self.tools = tools
        self.requests: list[Request] = []
        self.cancelled = 0
        self.closed = False
        self._scripts = scripts or ((),)
        self._first_seconds = first_seconds or stall_seconds
        self._stall_seconds = stall_seconds

    async def start(self) -> None:
        """Does nothing."""

    async def generate(
        self,
        request: Request,
        *,
        run_id: UUID,
        callbacks: Sequence[AsyncCallbackHandler],
        generation: Generation,
    ) -> None:
        """See `Provider.generate`."""
        script = self._next_script(request)
        relay = Relay(callbacks, run_id)
        await relay.asked(request.turns)
        decoder = Decoder()
        kept = GoesBack(self.name, generation, decoder.calls)
        try:
            await self._play(script, relay, decoder, kept, generation)
            if request.tools:
                settle(generation, kept, request, run_id)
        except BaseException as error:
            self.cancelled += isinstance(error, asyncio.CancelledError)
            await relay.fail(error)
            raise
        await relay.end(generation)

    async def aclose(self) -> None:
        """Notes that it was closed."""
        self.closed = True

    def _next_script(self, request: Request) -> Script:
        script = self._scripts[min(len(self.requests), len(self._scripts) - 1)]
        self.requests.append(request)
        return script(request) if callable(script) else script

    async def _play(
        self, script: Script, relay: Relay, decoder: Decoder, kept: GoesBack, generation: Generation
    ) -> None:
        generation.model = self.name
        bounds = Bounds(self._first_seconds, self._stall_seconds, self._stall_seconds)
        try:
            async with (
                AnswerPatience(bounds, generation) as patience,
                aclosing(_stream(script)) as stream,
            ):
                async for step in stream:
                    await _tell(_take(step, decoder, kept, generation), relay, generation)
                    patience.took()
        finally:  # as in real providers: what was held back counts after an error too
            await _tell(decoder.flush(), relay, generation)
        if generation.finish_reason is None:
            raise failure("not_finished")


def _take(
    step: TextDelta | Fragment | Keep | Alive | Finish,
    decoder: Decoder,
    kept: GoesBack,
    generation: Generation,
) -> list[TextDelta]:
    match step:
        case TextDelta():
            return decoder.text(step.text, step.kind)
        case Fragment():
            return decoder.call(step)
        case Keep():
            kept.add("scripted", step.item)
        case Finish():
            generation.finish_reason, generation.usage = step.reason, step.usage
            generation.finish_word = step.word
    return []


async def _tell(pieces: list[TextDelta], relay: Relay, generation: Generation) -> None:
    for kind, text in pieces:
        generation.add(text, kind)
    await relay.tokens(pieces)


def _flat(script: Script) -> Iterator[_Sent]:
    for step in script:
        yield from step.fragments if isinstance(step, CallTool) else (step,)


async def _stream(script: Script) -> AsyncGenerator[TextDelta | Fragment | Keep | Alive | Finish]:
    """What the service sends, at the script's pace."""
    for step in _flat(script):
        match step:
            case str() | tuple():
                yield TextDelta("text", step) if isinstance(step, str) else TextDelta(*step)
            case Pause() | Hang():
                await _say_nothing(step)
            case Alive() | Fragment() | Keep():
                yield step
            case Fail():
                raise step.error
            case Cut():
                return
            case Finish():
                yield step
                return
    yield Finish()


async def _say_nothing(step: Pause | Hang) -> None:
    if isinstance(step, Pause):
        await asyncio.sleep(step.seconds)
    else:
        await asyncio.Event().wait()
