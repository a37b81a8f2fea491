"""A LangChain callback handler from elsewhere hears what it expects, whichever way is read."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk, LLMResult

from providers.base import Generation
from tests.contract.provider import QUESTION
from tests.doubles.openai import OpenAIServer, recorded
from tests.doubles.providers.ways import WAYS, Way, at

pytestmark = pytest.mark.real_time


class FromElsewhere(AsyncCallbackHandler):
    """Reads `chunk.message`, as handlers for tracing do; knows nothing of this project."""

    def __init__(self) -> None:
        self.message: AIMessageChunk | None = None
        self.tokens: list[str] = []
        self.ids: set[UUID] = set()
        self.result: LLMResult | None = None

    async def on_chat_model_start(self, *_args: Any, run_id: UUID, **_: Any) -> None:
        self.ids.add(run_id)

    async def on_llm_new_token(  # type: ignore[override]  # as chat models call it
        self,
        token: str,
        *,
        chunk: ChatGenerationChunk | None = None,
        run_id: UUID,
        **_: Any,
    ) -> None:
        assert isinstance(chunk, ChatGenerationChunk)
        assert isinstance(chunk.message, AIMessageChunk)
        assert token == chunk.text or chunk.message.additional_kwargs
        self.tokens.append(token)
        self.message = chunk.message if self.message is None else self.message + chunk.message
        self.ids.add(run_id)

    async def on_llm_end(self, response: LLMResult, *, run_id: UUID, **_: Any) -> None:
        self.result = response
        self.ids.add(run_id)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("stream", "text", "beside"),
    [
        ("openai.sse", "Hello there.", {}),
        ("reasoning.sse", None, {"reasoning_content"}),
        ("refusal.sse", "", {"refusal"}),
    ],
)
async def test_a_handler_from_elsewhere_reads_the_chunk(
    stream: str, text: str | None, beside: set[str], way: Way
) -> None:
    """The chunks add up to the answer's message; the ids are the run's."""
    handler, generation, run_id = FromElsewhere(), Generation(), uuid4()
    async with OpenAIServer(recorded(stream)) as server:
        provider = at(server, way, "compatible")
        await provider.generate(QUESTION, run_id=run_id, callbacks=[handler], generation=generation)
        await provider.aclose()
    assert handler.message is not None
    assert handler.message.content == (generation.text if text is None else text)
    assert set(handler.message.additional_kwargs) >= set(beside)
    assert handler.ids == {run_id}
    assert handler.result is not None
    assert len(handler.tokens) == generation.tokens


class OfOurs(AsyncCallbackHandler):
    """Says that it reads no chunks."""

    reads_chunks = False

    def __init__(self) -> None:
        self.chunks: list[Any] = []

    async def on_llm_new_token(self, token: Any, *, chunk: Any = None, **_: Any) -> None:  # noqa: ARG002
        self.chunks.append(chunk)


@pytest.mark.parametrize("way", WAYS)
async def test_no_chunk_is_made_where_nobody_reads_one(way: Way) -> None:
    """It would cost as much as the token."""
    handler = OfOurs()
    async with OpenAIServer(recorded("openai.sse")) as server:
        provider = at(server, way, "compatible")
        await provider.generate(
            QUESTION, run_id=uuid4(), callbacks=[handler], generation=Generation()
        )
        await provider.aclose()
    assert handler.chunks
    assert set(handler.chunks) == {None}
