"""Any LangChain chat model keeps the contract through `LangChainProvider`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.exceptions import ModelConnectionError, ModelRateLimitError
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from structlog.testing import capture_logs

from providers.base import FinishReason, Generation, Malformed, Request, Turn
from providers.langchain import LangChainProvider
from providers.scripted import Alive, Cut, Finish, Hang, Pause
from tests.contract.provider import (
    LONG_STALL,
    ErrorPart,
    Garbage,
    ProviderContract,
    Severed,
    Stage,
    WireStep,
    ask,
)

_WORDS: dict[FinishReason, str] = {"stop": "stop", "length": "length", "filter": "content_filter"}


class ScriptedModel(BaseChatModel):
    """A LangChain chat model that streams a script."""

    script: tuple[Any, ...] = ()
    chunks: tuple[AIMessageChunk, ...] = ()
    left: Any = None
    asked: list[Any] = []  # noqa: RUF012 - pydantic copies it for each model

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        raise NotImplementedError

    async def _astream(
        self, messages: list[BaseMessage], *_: Any, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        self.asked.append((messages, kwargs))
        try:
            for chunk in self.chunks:
                yield ChatGenerationChunk(message=chunk)
            for step in self.script:
                async for message in _said(step):
                    yield ChatGenerationChunk(message=message)
        except BaseException:
            self.left.set()
            raise


async def _said(step: WireStep) -> AsyncIterator[AIMessageChunk]:
    match step:
        case str() | Alive():
            yield AIMessageChunk(content=step if isinstance(step, str) else "")
        case ("refusal", text):
            yield AIMessageChunk(content="", additional_kwargs={"refusal": text})
        case ("reasoning", text):
            yield AIMessageChunk(content=[{"type": "reasoning", "reasoning": text, "index": 0}])
        case Pause():
            await asyncio.sleep(step.seconds)
        case Hang():
            await asyncio.Event().wait()
        case Finish():
            for chunk in _ended(step):
                yield chunk
        case _:
            _broken(step)


def _ended(step: Finish) -> list[AIMessageChunk]:
    metadata = {"finish_reason": _WORDS[step.reason], "model_name": "scripted-1"}
    reason = AIMessageChunk(content="", response_metadata=metadata)
    if step.usage is None:
        return [reason]
    used = (step.usage.input_tokens, step.usage.output_tokens)
    counts = {"input_tokens": used[0], "output_tokens": used[1], "total_tokens": sum(used)}
    return [reason, AIMessageChunk(content="", usage_metadata=counts)]


def _broken(step: WireStep) -> None:
    match step:
        case Garbage():
            json.loads("{")
        case ErrorPart():
            raise ModelRateLimitError("busy")
        case Severed():
            raise ModelConnectionError("gone")
        case _:
            assert isinstance(step, Cut)


def provider_of(model: BaseChatModel, stall_seconds: float = LONG_STALL) -> LangChainProvider:
    """As an operator's own model would be made a provider."""
    return LangChainProvider(model, name="own:model", room=4096, stall_seconds=stall_seconds)


def saying(*chunks: AIMessageChunk) -> LangChainProvider:
    """A provider whose model streams these chunks and finishes."""
    last = AIMessageChunk(content="", response_metadata={"finish_reason": "stop"})
    return provider_of(ScriptedModel(chunks=(*chunks, last), left=asyncio.Event()))


class TestContract(ProviderContract):
    """The contract."""

    @asynccontextmanager
    async def opened(
        self, *script: WireStep, stall_seconds: float = LONG_STALL
    ) -> AsyncIterator[Stage]:
        left = asyncio.Event()
        provider = provider_of(ScriptedModel(script=script, left=left), stall_seconds)
        yield Stage(provider, left.wait)
        await provider.aclose()


async def test_text_in_the_finishing_chunk_is_kept() -> None:
    """The reason is read with the text, not instead of it."""
    metadata = {"finish_reason": "stop"}
    told = await ask(
        provider_of(
            ScriptedModel(
                chunks=(AIMessageChunk(content="Hi."),
                        AIMessageChunk(content=" Bye.", response_metadata=metadata)),
                left=asyncio.Event(),
            )
        )
    )  # fmt: skip
    assert told.generation.text == told.heard.text == "Hi. Bye."


async def test_content_blocks_are_read_by_their_kind() -> None:
    """Text, reasoning, refusals and tool calls, in the order in which they stand."""
    blocks: list[str | dict[str, Any]] = [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
        {"type": "text", "text": "Yes"},
        {"type": "refusal", "refusal": "No"},
        {"type": "image", "url": "https://example.org"},
        "!",
    ]
    told = await ask(saying(AIMessageChunk(content=blocks)))
    assert told.heard.tokens == [
        ("Hm.", "reasoning"), ("Yes", "text"), ("No", "refusal"), ("!", "text"),
    ]  # fmt: skip
    assert told.generation.text == "YesNo!"


async def test_tool_calls_are_recorded_as_such_and_once() -> None:
    """The bot offers no tools; a run whose model calls one all the same says so."""
    call = {"name": "weather", "args": '{"city"', "id": "1", "index": 0, "type": "tool_call_chunk"}
    block = {"type": "function_call", "name": "weather", "arguments": '{"city"', "index": 0}
    chunk = AIMessageChunk(content=[block], tool_call_chunks=[call])
    last = AIMessageChunk(content="", response_metadata={"finish_reason": "tool_calls"})
    told = await ask(saying(chunk, last))
    assert told.generation.called == ["weather", '{"city"']
    assert told.heard.tokens == [("weather", "tool"), ('{"city"', "tool")]
    assert told.generation.text == ""
    assert told.generation.finish_reason == "stop"


async def test_a_model_that_says_nothing_at_all_is_malformed() -> None:
    """No chunk is no stream."""
    told = await ask(provider_of(ScriptedModel(left=asyncio.Event())))
    assert isinstance(told.error, Malformed)
    assert isinstance(told.error.__cause__, ValueError)


async def test_the_request_is_passed_on_as_messages_with_its_limit() -> None:
    """Roles and texts as they are."""
    model = ScriptedModel(script=("Hi.", Finish()), left=asyncio.Event())
    turns = (Turn("system", "s"), Turn("user", "u"), Turn("assistant", "a"))
    await provider_of(model).generate(
        Request(turns, max_tokens=7), run_id=uuid4(), callbacks=[], generation=Generation()
    )
    messages, options = model.asked[0]
    assert [(message.type, message.content) for message in messages] == [
        ("system", "s"), ("human", "u"), ("ai", "a"),
    ]  # fmt: skip
    assert options["max_tokens"] == 7


async def test_what_breaks_after_the_finish_reason_costs_nothing() -> None:
    """The answer is whole; only the usage is lost, and the log says so."""
    model = ScriptedModel(script=("Whole.", Finish(), Severed()), left=asyncio.Event())
    with capture_logs() as logs:
        told = await ask(provider_of(model))
    assert told.error is None
    assert told.generation.finish_reason == "stop"
    assert told.heard.events == ["start", "end"]
    assert logs[0]["event"] == "stream.trailer_lost"


async def test_a_service_that_hangs_after_the_finish_reason_is_not_waited_for() -> None:
    """Five seconds for the usage, not the stall time-out."""
    clock = asyncio.get_running_loop().time
    before = clock()
    model = ScriptedModel(script=("Whole.", Finish(), Hang()), left=asyncio.Event())
    told = await ask(provider_of(model, stall_seconds=60))
    assert told.error is None
    assert clock() - before == pytest.approx(5)


async def test_an_answer_that_comes_whole_is_an_answer() -> None:
    """A model that can't stream gives one message."""

    class Blocking(ScriptedModel):
        _astream = BaseChatModel._astream  # LangChain looks whether it is overridden

        async def _agenerate(self, *_: Any, **__: Any) -> ChatResult:
            message = AIMessage(content="All.", response_metadata={"finish_reason": "stop"})
            return ChatResult(generations=[ChatGeneration(message=message)])

    told = await ask(provider_of(Blocking()))
    assert told.error is None
    assert told.generation.text == told.heard.text == "All."


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("STOP", "stop"),
        ("end_turn", "stop"),
        ("max_tokens", "length"),
        ("SAFETY", "filter"),
        ("eos", "stop"),
        ("wound_down", "unknown"),
    ],
)
async def test_finish_reasons_of_other_services_are_understood(word: str, reason: str) -> None:
    """An unknown word says that the answer is done, but never that it is whole."""
    metadata = {"stop_reason": word}
    model = ScriptedModel(
        chunks=(AIMessageChunk(content="x", response_metadata=metadata),), left=asyncio.Event()
    )
    assert (await ask(provider_of(model))).generation.finish_reason == reason
