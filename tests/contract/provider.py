"""What every provider keeps to. One suite; each implementation says how it plays a script.

A script is written in the steps of `providers.scripted`, plus what only a real service can do:
`Garbage`, `ErrorPart` and `Severed`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest
from langchain_core.callbacks import AsyncCallbackHandler
from structlog.testing import capture_logs

from providers.base import (
    Disconnected,
    FinishReason,
    Generation,
    Malformed,
    Provider,
    ProviderError,
    Request,
    Stalled,
    TokenKind,
    Turn,
    Usage,
)
from providers.scripted import Alive, Cut, Finish, Hang, Pause, Step
from tests.doubles.waiting import PATIENCE_S

QUESTION = Request((Turn("system", "Be brief."), Turn("user", "Hello?")))

LONG_STALL = 60.0


@dataclass(frozen=True)
class Garbage:
    """The service sends something unreadable in the middle of the stream."""


@dataclass(frozen=True)
class ErrorPart:
    """The service sends an error in the middle of the stream."""


@dataclass(frozen=True)
class Severed:
    """The connection breaks."""


WireStep = Step | Garbage | ErrorPart | Severed


@dataclass
class Stage:
    """A provider that will play a script, and a way to wait until its service was left."""

    provider: Provider
    left: Callable[[], Awaitable[object]]


@dataclass
class Heard(AsyncCallbackHandler):
    """A callback that keeps what it was told; `awaited` is set once it heard that text."""

    run_inline = True
    awaiting: str = ""
    tokens: list[tuple[str, TokenKind]] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    run_ids: set[UUID] = field(default_factory=set)
    error: BaseException | None = None
    awaited: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def text(self) -> str:
        return "".join(text for text, kind in self.tokens if kind in {"text", "refusal"})

    async def on_chat_model_start(self, *_args: Any, run_id: UUID, **_: Any) -> None:
        self.events.append("start")
        self.run_ids.add(run_id)

    async def on_llm_new_token(self, token: Any, *, run_id: UUID, **kwargs: Any) -> None:
        self.tokens.append((token, kwargs["kind"]))
        self.run_ids.add(run_id)
        if self.text == self.awaiting:
            self.awaited.set()

    async def on_llm_end(self, *_args: Any, run_id: UUID, **_: Any) -> None:
        self.events.append("end")
        self.run_ids.add(run_id)

    async def on_llm_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        self.events.append("error")
        self.error = error
        self.run_ids.add(run_id)


class Raising(AsyncCallbackHandler):
    """A callback that fails at everything."""

    run_inline = True

    async def on_chat_model_start(self, *_args: Any, **_: Any) -> None:
        raise RuntimeError("no start")

    async def on_llm_new_token(self, token: Any, **_: Any) -> None:
        raise ValueError(f"no {token}")

    async def on_llm_end(self, *_args: Any, **_: Any) -> None:
        raise RuntimeError("no end")


@dataclass
class Told:
    """How one question went."""

    generation: Generation
    heard: Heard
    error: ProviderError | None


async def ask(provider: Provider, *others: AsyncCallbackHandler) -> Told:
    """Asks once; `others` are called before the callback that keeps what it hears."""
    told = Told(Generation(), Heard(), None)
    try:
        await provider.generate(
            QUESTION,
            run_id=uuid4(),
            callbacks=[*others, told.heard],
            generation=told.generation,
        )
    except ProviderError as error:
        told.error = error
    return told


class ProviderContract:
    """Subclass it, and say in `opened` how a script is played."""

    def opened(
        self, *script: WireStep, stall_seconds: float = LONG_STALL
    ) -> AbstractAsyncContextManager[Stage]:
        """A provider for the script, closed at the end."""
        raise NotImplementedError

    async def told(self, *script: WireStep, stall_seconds: float = LONG_STALL) -> Told:
        """Asks a provider that plays the script once."""
        async with self.opened(*script, stall_seconds=stall_seconds) as stage:
            return await ask(stage.provider)

    async def test_every_token_reaches_the_generation_and_each_callback_in_order(self) -> None:
        """Three witnesses of one stream, the same tokens in the same order."""
        tokens = ["Hel", "lo ", "the", "re,", "\n", " 世界", "!"]
        first = Heard()
        async with self.opened(*tokens, Finish()) as stage:
            told = await ask(stage.provider, first)
        assert told.error is None
        assert told.generation.pieces == tokens
        assert first.tokens == told.heard.tokens == [(token, "text") for token in tokens]
        assert told.generation.tokens == len(tokens)

    async def test_a_callback_hears_one_start_and_one_end_of_its_run(self) -> None:
        """Whatever else is called, these two frame the tokens, under the run's own id."""
        told = await self.told("Hi.", Finish())
        assert told.heard.events == ["start", "end"]
        assert len(told.heard.run_ids) == 1

    async def test_empty_tokens_vanish(self) -> None:
        """Role, usage and filter chunks are no tokens."""
        told = await self.told("", "Hi", "", ".", "", Finish())
        assert told.generation.pieces == ["Hi", "."]
        assert told.heard.text == "Hi."

    async def test_a_refusal_is_an_answer(self) -> None:
        """It is kept, as its own kind, and the reader will see it."""
        told = await self.told(("refusal", "I'm sorry, "), ("refusal", "no."), Finish())
        assert told.generation.text == "I'm sorry, no."
        assert told.heard.tokens == [("I'm sorry, ", "refusal"), ("no.", "refusal")]

    async def test_reasoning_is_told_but_is_no_part_of_the_text(self) -> None:
        """The receipt compares answers; thoughts are recorded beside them."""
        told = await self.told(("reasoning", "Hm."), "Four.", Finish())
        assert told.heard.tokens == [("Hm.", "reasoning"), ("Four.", "text")]
        assert told.generation.text == "Four."
        assert told.generation.tokens == 2

    @pytest.mark.parametrize("reason", ["stop", "length", "filter"])
    async def test_the_finish_reason_is_kept(self, reason: FinishReason) -> None:
        """A limit and a filter end an answer without an error."""
        told = await self.told("So", Finish(reason))
        assert told.error is None
        assert told.generation.finish_reason == reason

    async def test_usage_is_kept(self) -> None:
        """It comes last, after the finish reason."""
        told = await self.told("So", Finish("stop", Usage(9, 4)))
        assert told.generation.usage == Usage(9, 4)

    async def test_the_model_is_named(self) -> None:
        """As the service names it."""
        told = await self.told("So", Finish())
        assert told.generation.model

    async def test_a_stream_that_just_ends_is_an_error(self) -> None:
        """Half an answer never looks finished, and is kept."""
        told = await self.told("Half an", " answer", Cut())
        assert isinstance(told.error, Disconnected)
        assert told.generation.text == told.heard.text == "Half an answer"
        assert told.heard.events == ["start", "error"]

    async def test_a_broken_connection_is_an_error_and_keeps_the_text(self) -> None:
        """What was read stands."""
        told = await self.told("Half an", " answer", Pause(0.05), Severed())
        assert isinstance(told.error, Disconnected)
        assert told.generation.text == told.heard.text == "Half an answer"

    async def test_garbage_in_the_stream_is_an_error_and_keeps_the_text(self) -> None:
        """It is named for what it is, with its cause."""
        told = await self.told("Half an", Garbage())
        assert isinstance(told.error, Malformed)
        assert told.generation.text == told.heard.text == "Half an"
        assert told.heard.error is told.error

    async def test_an_error_part_in_the_stream_is_an_error_and_keeps_the_text(self) -> None:
        """It is not skipped as if it were a chunk without text."""
        told = await self.told("Half an", ErrorPart())
        assert isinstance(told.error, ProviderError)
        assert told.generation.text == told.heard.text == "Half an"

    async def test_silence_before_the_first_token_is_a_stall(self) -> None:
        """The time-out counts from the question."""
        told = await self.told(Hang(), stall_seconds=0.2)
        assert isinstance(told.error, Stalled)

    async def test_silence_in_the_middle_is_a_stall_and_keeps_the_text(self) -> None:
        """The time-out counts from the last token."""
        told = await self.told("Half an", Hang(), stall_seconds=0.2)
        assert isinstance(told.error, Stalled)
        assert told.generation.text == told.heard.text == "Half an"

    async def test_a_slow_stream_is_no_stall(self) -> None:
        """Each token starts the time-out anew."""
        slow = [step for token in "abcd" for step in (Pause(0.4), token)]
        told = await self.told(*slow, Finish(), stall_seconds=1.4)
        assert told.error is None
        assert told.generation.text == "abcd"

    async def test_a_service_that_shows_that_it_is_there_is_no_stall(self) -> None:
        """Comments, pings and progress say nothing, and count as much as a token does."""
        thinking = [step for _ in range(4) for step in (Pause(0.4), Alive())]
        told = await self.told(*thinking, "a", *thinking, "b", Finish(), stall_seconds=1.4)
        assert told.error is None
        assert told.generation.text == "ab"

    async def test_a_cancel_closes_the_connection_and_keeps_the_text(self) -> None:
        """Within a second the service is left; what was read stands, and no more comes."""
        heard = Heard(awaiting="Hello")
        generation = Generation()
        async with self.opened("Hel", "lo", Hang()) as stage:
            answering = asyncio.create_task(
                stage.provider.generate(
                    QUESTION, run_id=uuid4(), callbacks=[heard], generation=generation
                )
            )
            await heard.awaited.wait()
            answering.cancel()
            async with asyncio.timeout(PATIENCE_S):
                await asyncio.wait([answering])
                await stage.left()
        assert answering.cancelled()
        assert generation.text == heard.text == "Hello"
        assert generation.finish_reason is None

    async def test_a_raising_callback_harms_nobody_and_is_reported_without_text(self) -> None:
        """Neither the stream, nor the callbacks behind it, nor the log."""
        with capture_logs() as logs:
            async with self.opened("Hel", "lo", Finish()) as stage:
                told = await ask(stage.provider, Raising())
        assert told.error is None
        assert told.generation.text == told.heard.text == "Hello"
        assert told.heard.events == ["start", "end"]
        failures = [entry for entry in logs if entry["event"] == "callback.failed"]
        assert [entry["error"] for entry in failures] == ["RuntimeError"]
        assert "Hel" not in str(logs)

    async def test_a_callback_that_implements_nothing_is_no_failure(self) -> None:
        """LangChain's own base class raises when a chat model starts; that is its way."""
        with capture_logs() as logs:
            async with self.opened("Hi.", Finish()) as stage:
                told = await ask(stage.provider, AsyncCallbackHandler())
        assert told.error is None
        assert not logs

    async def test_an_emoji_split_over_two_tokens_is_joined(self) -> None:
        """Half of it is nothing that could be stored or shown."""
        told = await self.told("a\ud83d", "\ude00b", Finish())
        assert told.generation.text == told.heard.text == "a😀b"

    async def test_a_lone_half_of_an_emoji_becomes_a_replacement_character(self) -> None:
        """In the middle, and at the end, where no other half will come."""
        told = await self.told("a\ud83d", "b\ude00", "c\ud83d", Finish())
        assert told.generation.text == told.heard.text == "a\ufffdb\ufffdc\ufffd"

    async def test_a_nul_becomes_a_replacement_character(self) -> None:
        """PostgreSQL would refuse it."""
        told = await self.told("a\0b", Finish())
        assert told.generation.text == told.heard.text == "a\ufffdb"

    async def test_two_answers_at_once_stay_apart(self) -> None:
        """Nothing of a stream is kept in the provider."""
        async with self.opened("a\ud83d", Pause(0.05), "\ude00", Finish()) as stage:
            both = await asyncio.gather(ask(stage.provider), ask(stage.provider))
        assert [told.generation.text for told in both] == ["a😀", "a😀"]
        assert [told.heard.text for told in both] == ["a😀", "a😀"]

    async def test_closing_twice_is_closing_once(self) -> None:
        """A shutdown may come from two sides."""
        async with self.opened("Hi.", Finish()) as stage:
            await ask(stage.provider)
            await stage.provider.aclose()
