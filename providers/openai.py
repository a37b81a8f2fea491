"""OpenAI, and every server that speaks its chat dialect."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import aclosing
from functools import partial
from types import SimpleNamespace
from typing import Any, Unpack

import openai
from langchain_core.outputs import ChatGenerationChunk
from langchain_openai import ChatOpenAI
from langchain_openai.chat_models.base import BaseChatOpenAI
from pydantic import SecretStr

from providers import finish
from providers.asking import SharedOptions, facts_of
from providers.base import TokenKind
from providers.chunks import chunks, opened
from providers.clients import OPENAI_URL, Api, openai_client
from providers.decoding import (
    DELTAS,
    DONE,
    ENDS,
    Parts,
    choice_of,
    delta_of,
    reasoning_of,
    status_of,
    tool_calls_of,
    usage_of,
)
from providers.errors import Answered
from providers.langchain import LangChainProvider
from providers.options import checked, for_responses
from providers.thinking import begins


def change_of(chat: BaseChatOpenAI, api: Api) -> Callable[[], None] | None:
    """What makes a model speak the Responses API from now on; None where that is settled."""

    def change() -> None:
        chat.use_responses_api = True

    return change if api == "auto" else None


def openai_provider(
    model: str,
    *,
    api_key: str,
    base_url: str = OPENAI_URL,
    api: Api = "auto",
    store: bool = False,
    options: Mapping[str, Any] | None = None,
    **shared: Unpack[SharedOptions],
) -> LangChainProvider:
    """`openai:MODEL`. `store`: whether the service may keep a response of the Responses API."""
    client = openai_client(api_key, base_url)
    chat = OpenAIChat(
        model=model,
        api_key=SecretStr(api_key),
        base_url=base_url,
        stream_usage=True,
        use_responses_api=api == "responses",
        **common_options(client, store=store, options=checked(options, f"openai:{model}")),
    )
    return LangChainProvider(
        chat,
        name=f"openai:{model}",
        close=client.close,
        usage_grows=True,
        whole_words=finish.OPENAI,
        change=change_of(chat, api),
        **shared,
    )


def compatible_provider(
    model: str,
    *,
    base_url: str,
    api_key: str | None = None,
    usage: bool = False,
    retries: int = 0,
    begins_thinking: bool | None = None,
    service: str = "compatible",
    options: Mapping[str, Any] | None = None,
    **shared: Unpack[SharedOptions],
) -> LangChainProvider:
    """`compatible:MODEL`: any server that speaks OpenAI's chat completions at `base_url`.

    It is asked for nothing that only some of them know: the limit is called `max_tokens`, and
    usage is only asked for where `usage` says that the server knows how.
    `retries` are the client's own. `begins_thinking`: whether answers begin within the model's
    reasoning, which nothing opens; None: as is known of the model. `service`: the short name of
    one that has its own.
    """
    key = api_key or "none"
    client = openai_client(key, base_url, retries=retries)
    chat = _Compatible(
        model=model,
        api_key=SecretStr(key),
        base_url=base_url,
        stream_usage=usage,
        use_responses_api=False,
        **common_options(client, options=checked(options, f"{service}:{model}")),
    )
    return LangChainProvider(
        chat,
        name=f"{service}:{model}",
        ask=partial(facts_of, client, model),
        url=base_url,
        close=client.close,
        think_block=True,
        begun=begins(model, begins_thinking),
        usage_grows=True,
        whole_words=finish.COMPATIBLE,
        change=change_of(chat, "auto"),
        **shared,
    )


def common_options(
    client: openai.AsyncOpenAI, *, store: bool = False, options: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What every model of this dialect is built with; `options` are further fields of a request.

    `client` is the model's own: LangChain would share one between event loops. The stall
    time-out is ours, so LangChain's is off.
    """
    return {
        "root_async_client": _Root(client, store, for_responses(options or {})),
        "async_client": _Completions(client, options or {}),
        # Never called: it only keeps LangChain from building a client for blocking calls.
        "client": client.chat.completions,
        "streaming": True,
        "stream_chunk_timeout": None,
    }


class _Completions:
    """Stands in for the SDK's chat completions: chunks are plain dictionaries, as they were sent.

    The SDK would make objects of them, from which LangChain makes dictionaries again; on the
    way a chunk of another shape is quoted, text and all, in a warning. And it takes an event
    without data, which some services keep a stream alive with, for a broken chunk.
    """

    def __init__(self, client: openai.AsyncOpenAI, options: Mapping[str, Any]) -> None:
        self._client = client
        self._options = options

    async def create(self, **payload: Any) -> aclosing[AsyncGenerator[Any]]:
        """Opens a stream: LangChain calls it by this name, with `stream` always true."""
        body = {**payload, **self._options}
        return aclosing(chunks(await opened(self._client, "/chat/completions", body)))


class _Root:
    """Stands in for the client, of which LangChain uses the Responses API only."""

    def __init__(self, client: openai.AsyncOpenAI, store: bool, options: dict[str, Any]) -> None:
        self.responses = _Responses(client, {"store": store, **options})


class _Responses:
    """Stands in for the SDK's responses: where the service says that it failed, its code is kept.

    LangChain would make a bare `ValueError` of it.
    """

    def __init__(self, client: openai.AsyncOpenAI, fields: dict[str, Any]) -> None:
        self._client = client
        self._fields = fields

    async def create(self, **payload: Any) -> aclosing[AsyncGenerator[Any]]:
        """Opens a stream: LangChain calls it by this name, with `stream` always true."""
        asked = self._client.responses.create(**payload, extra_body=self._fields)
        return aclosing(_events(await asked))


async def _events(stream: Any) -> AsyncGenerator[Any]:
    """The SDK's events, and where LangChain would drop what one has, one that it reads besides."""
    parts = Parts()
    async with stream:
        async for event in stream:
            if event.type == "error":
                raise Answered(event.model_dump())
            told = event.to_dict(mode="python", exclude_unset=False)
            for kind, text in _said(parts, event.type, told):
                yield _delta(kind, text, told)
            if event.type in ENDS:
                event.response.status = status_of(event.type, told["response"])
            if event.type not in _TOLD:
                yield event


_TOLD = frozenset({"response.refusal.delta", "response.refusal.done"})
"""Events that LangChain reads otherwise, or not at all: they are told in the form that it knows."""


def _said(parts: Parts, event: str, told: dict[str, Any]) -> Iterator[tuple[TokenKind, str]]:
    """What LangChain would not read of an event."""
    if kind := DELTAS.get(event):
        text = parts.delta(told, kind)
        if event in {"response.refusal.delta", "response.reasoning_text.delta"}:
            yield kind, text
        return
    if event in DONE:
        yield parts.done(told)
    elif event in ENDS:
        yield from parts.ended(told["response"].get("output"))
    elif event == "response.failed":
        status_of(event, told["response"])


def _delta(kind: TokenKind, text: str, told: dict[str, Any]) -> Any:
    """An event as LangChain reads it."""
    at = {name: told.get(name) or 0 for name in ("output_index", "content_index", "summary_index")}
    if kind == "refusal":
        return SimpleNamespace(type="response.refusal.done", refusal=text, **at)
    names: dict[TokenKind, str] = {
        "text": "response.output_text.delta",
        "reasoning": "response.reasoning_summary_text.delta",
        "tool": "response.function_call_arguments.delta",
    }
    return SimpleNamespace(type=names[kind], delta=text, **at)


class KeepsEveryDelta:
    """Mixed into a LangChain model of this dialect: no part of a chunk is lost.

    LangChain drops refusals and reasoning, drops the finish reason of a chunk whose delta is
    null, and fails on one whose delta is missing (Azure's content filter sends those).
    """

    def _convert_chunk_to_generation_chunk(
        self,
        chunk: dict[str, Any],
        default_chunk_class: type[Any],
        base_generation_info: dict[str, Any] | None,
    ) -> ChatGenerationChunk | None:
        delta = _complete(chunk)
        converted: ChatGenerationChunk | None = super()._convert_chunk_to_generation_chunk(  # type: ignore[misc]  # the class it is mixed into has it
            chunk, default_chunk_class, base_generation_info
        )
        if converted is not None:
            converted.message.additional_kwargs.update(_extras(delta))
        return converted


class OpenAIChat(KeepsEveryDelta, ChatOpenAI):
    """A model of OpenAI's."""


class _Compatible(KeepsEveryDelta, BaseChatOpenAI):
    """A model of a server like OpenAI's; it asks for `max_tokens`, as all of them know it."""

    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        """By the Responses API, once the server said so; LangChain asks that of OpenAI's only."""
        ask = super()._astream_responses if self.use_responses_api else super()._astream
        async for chunk in ask(*args, **kwargs):
            yield chunk


def _complete(chunk: dict[str, Any]) -> Mapping[str, Any]:
    """Makes the chunk whole in place, as LangChain expects it; returns the choice's delta."""
    chunk["usage"] = usage_of(chunk)
    choice = choice_of(chunk)
    if choice is None:
        return {}
    delta = {**delta_of(choice), "role": "assistant"}
    delta["tool_calls"] = tool_calls_of(delta)
    choice["delta"] = delta
    return delta


def _extras(delta: Mapping[str, Any]) -> dict[str, str]:
    extras = {"refusal": delta.get("refusal"), "reasoning_content": reasoning_of(delta)}
    return {name: text for name, text in extras.items() if isinstance(text, str) and text}
