"""OpenAI and all servers with its API, through LangChain.

LangChain's classes lose some of what these services send. So they get stand-ins for the SDK's
client, which deliver chunks that LangChain reads completely.
"""

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
    """A function that switches a model to the Responses API; None if the protocol is set."""

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
    """`openai:MODEL`. `store`: whether the service may store responses of the Responses API."""
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
    """`compatible:MODEL`: any server at `base_url` with OpenAI's Chat Completions.

    Requests use only what all such servers know: the limit is called `max_tokens`, and usage is
    asked for only if `usage` says that the server supports it. `retries` is for the HTTP client.
    `begins_thinking`: whether answers begin inside the model's reasoning, without an opening tag;
    None decides by the model's name. `service` is the prefix in the model's name.
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
    """Arguments for every LangChain model of this API; `options` are more fields of its requests.

    Each model gets a `client` of its own, since LangChain would share one between event loops.
    LangChain's stall time-out is off, because `providers.stall` has one for all providers.
    """
    return {
        "root_async_client": _Root(client, store, for_responses(options or {})),
        "async_client": _Completions(client, options or {}),
        # Never called, but without it LangChain makes a client for blocking calls.
        "client": client.chat.completions,
        "streaming": True,
        "stream_chunk_timeout": None,
    }


class _Completions:
    """Stands in for the SDK's `chat.completions`; its chunks are dictionaries, as they were sent.

    The SDK makes objects of them, and LangChain dictionaries again. On the way, a chunk with an
    unexpected shape is quoted with its text in a warning, and an event without data, which some
    services send as a keep-alive, counts as a broken chunk.
    """

    def __init__(self, client: openai.AsyncOpenAI, options: Mapping[str, Any]) -> None:
        self._client = client
        self._options = options

    async def create(self, **payload: Any) -> aclosing[AsyncGenerator[Any]]:
        """Opens a stream: LangChain calls it by this name, with `stream` always true."""
        body = {**payload, **self._options}
        return aclosing(chunks(await opened(self._client, "/chat/completions", body)))


class _Root:
    """Stands in for the SDK's client, of which LangChain uses only `responses`."""

    def __init__(self, client: openai.AsyncOpenAI, store: bool, options: dict[str, Any]) -> None:
        self.responses = _Responses(client, {"store": store, **options})


class _Responses:
    """Stands in for the SDK's `responses`; keeps the code of an error in the stream.

    LangChain raises a bare `ValueError` for such an error.
    """

    def __init__(self, client: openai.AsyncOpenAI, fields: dict[str, Any]) -> None:
        self._client = client
        self._fields = fields

    async def create(self, **payload: Any) -> aclosing[AsyncGenerator[Any]]:
        """Opens a stream: LangChain calls it by this name, with `stream` always true."""
        asked = self._client.responses.create(**payload, extra_body=self._fields)
        return aclosing(_events(await asked))


async def _events(stream: Any) -> AsyncGenerator[Any]:
    """The SDK's events; text that LangChain would drop comes in an extra event that it reads."""
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
"""Events that are not passed on: `_delta` has replaced them by events that LangChain reads."""


def _said(parts: Parts, event: str, told: dict[str, Any]) -> Iterator[tuple[TokenKind, str]]:
    """The text in an event that LangChain would not read."""
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
    """An event with this text as LangChain reads it."""
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
    """Mixin for LangChain's OpenAI models that loses no part of a chunk.

    LangChain drops refusals and reasoning, drops the finish reason if a chunk's delta is null, and
    fails if the delta is missing; Azure's content filter sends such chunks.
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
    """A model of OpenAI."""


class _Compatible(KeepsEveryDelta, BaseChatOpenAI):
    """A model of another server with OpenAI's API; it sends `max_tokens`, which all servers know.

    `ChatOpenAI` would rename it to `max_completion_tokens`.
    """

    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        """Streams by the protocol in use; in LangChain only `ChatOpenAI` looks at that."""
        ask = super()._astream_responses if self.use_responses_api else super()._astream
        async for chunk in ask(*args, **kwargs):
            yield chunk


def _complete(chunk: dict[str, Any]) -> Mapping[str, Any]:
    """Fills in, in place, what LangChain expects in a chunk; returns the choice's delta."""
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
