"""OpenAI, and every server that speaks its chat dialect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import openai
from langchain_core.outputs import ChatGenerationChunk
from langchain_openai import ChatOpenAI
from langchain_openai.chat_models.base import BaseChatOpenAI
from pydantic import SecretStr

from providers.langchain import LangChainProvider

OPENAI_URL = "https://api.openai.com/v1"

CONNECT_SECONDS = 10.0
MAX_RETRIES = 2
"""Only before the stream begins: nothing is sent twice."""

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def openai_provider(
    model: str,
    *,
    api_key: str,
    base_url: str = OPENAI_URL,
    stall_seconds: float = 60.0,
    room: int = 128_000,
) -> LangChainProvider:
    """`openai:MODEL`. `room` is the model's context in tokens."""
    client = _client(api_key, base_url)
    chat = _OpenAI(
        model=model,
        api_key=SecretStr(api_key),
        base_url=base_url,
        stream_usage=True,
        **common_options(client),
    )
    return LangChainProvider(
        chat,
        name=f"openai:{model}",
        room=room,
        stall_seconds=stall_seconds,
        close=client.close,
    )


def compatible_provider(
    model: str,
    *,
    base_url: str,
    api_key: str | None = None,
    usage: bool = False,
    stall_seconds: float = 60.0,
    room: int = 8192,
) -> LangChainProvider:
    """`compatible:MODEL`: any server that speaks OpenAI's chat completions at `base_url`.

    It is asked for nothing that only some of them know: the limit is called `max_tokens`, and
    usage is only asked for where `usage` says that the server knows how.
    """
    key = api_key or "none"
    client = _client(key, base_url)
    chat = _Compatible(
        model=model,
        api_key=SecretStr(key),
        base_url=base_url,
        stream_usage=usage,
        **common_options(client),
    )
    return LangChainProvider(
        chat,
        name=f"compatible:{model}",
        room=room,
        stall_seconds=stall_seconds,
        close=client.close,
    )


def common_options(client: openai.AsyncOpenAI) -> dict[str, Any]:
    """What every model of this dialect is built with.

    `client` is the model's own: LangChain would share one between event loops. The stall
    time-out is ours, so LangChain's is off.
    """
    return {
        "root_async_client": client,
        "async_client": _Completions(client),
        # Never called: it only keeps LangChain from building a client for blocking calls.
        "client": client.chat.completions,
        "streaming": True,
        "stream_chunk_timeout": None,
    }


def http_options(url: str) -> dict[str, Any]:
    """How a service is reached: bounded while connecting, and past no proxy on this machine."""
    timeout = openai.Timeout(None, connect=CONNECT_SECONDS)
    direct = urlsplit(url).hostname in _LOOPBACK
    return {
        "timeout": timeout,
        "max_retries": MAX_RETRIES,
        "http_client": openai.DefaultAsyncHttpxClient(timeout=timeout, trust_env=not direct),
    }


def _client(api_key: str, base_url: str) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(api_key=api_key, base_url=base_url, **http_options(base_url))


class _Completions:
    """Stands in for the SDK's chat completions: chunks are plain dictionaries, as they were sent.

    The SDK would make objects of them, from which LangChain makes dictionaries again; on the
    way a chunk of another shape is quoted, text and all, in a warning.
    """

    def __init__(self, client: openai.AsyncOpenAI) -> None:
        self._client = client

    async def create(self, **payload: Any) -> openai.AsyncStream[object]:
        """Opens a stream: LangChain calls it by this name, with `stream` always true."""
        return await self._client.post(
            "/chat/completions",
            body=payload,
            cast_to=object,
            stream=True,
            stream_cls=openai.AsyncStream[object],
        )


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
        delta = _complete_delta(chunk)
        converted: ChatGenerationChunk | None = super()._convert_chunk_to_generation_chunk(  # type: ignore[misc]  # the class it is mixed into has it
            chunk, default_chunk_class, base_generation_info
        )
        if converted is not None:
            converted.message.additional_kwargs.update(_extras(delta))
        return converted


class _OpenAI(KeepsEveryDelta, ChatOpenAI):
    """A model of OpenAI's."""


class _Compatible(KeepsEveryDelta, BaseChatOpenAI):
    """A model of a server like OpenAI's; it asks for `max_tokens`, as all of them know it."""


def _complete_delta(chunk: dict[str, Any]) -> Mapping[str, Any]:
    """The chunk's delta, made whole in place: never missing or null, always the assistant's."""
    choices = chunk.get("choices")
    if not choices:
        return {}
    delta = {**(choices[0].get("delta") or {}), "role": "assistant"}
    choices[0]["delta"] = delta
    return delta


def _extras(delta: Mapping[str, Any]) -> dict[str, str]:
    extras = {
        "refusal": delta.get("refusal"),
        "reasoning_content": delta.get("reasoning_content") or delta.get("reasoning"),
    }
    return {name: text for name, text in extras.items() if isinstance(text, str) and text}
