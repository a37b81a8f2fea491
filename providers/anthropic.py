"""Anthropic's models, through LangChain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Unpack

import anthropic
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import AIMessageChunk, BaseMessage
from pydantic import SecretStr

from providers import finish
from providers.addresses import MAX_RETRIES
from providers.asking import SharedOptions
from providers.base import Opaque, Request, ToolCall, Turn
from providers.calls import GoesBack
from providers.clients import TIMEOUT, http_client
from providers.langchain import LangChainProvider, ToolForm
from providers.messages import arguments_of, as_message, laid_out
from providers.options import made

ANTHROPIC_URL = "https://api.anthropic.com"


def anthropic_provider(
    model: str,
    *,
    api_key: str,
    base_url: str = ANTHROPIC_URL,
    options: Mapping[str, Any] | None = None,
    **shared: Unpack[SharedOptions],
) -> LangChainProvider:
    """`anthropic:MODEL`. `options` are further keyword arguments of `ChatAnthropic`."""
    name = f"anthropic:{model}"
    client = _client(api_key, base_url)
    settings: dict[str, Any] = {
        "model": model,
        "api_key": SecretStr(api_key),
        "base_url": base_url,
        **(options or {}),
    }
    chat = made(_Anthropic, settings, f"MODEL=anthropic:{model}")
    # LangChain caches the client it makes here, and would share one between event loops.
    chat.__dict__["_async_client"] = client
    return LangChainProvider(
        chat,
        name=name,
        whole_words=finish.ANTHROPIC,
        close=client.close,
        usage_grows=True,
        form=ToolForm(messages=lambda request: _messages(request, name), keep=_keep),
        **shared,
    )


# Thoughts have signatures; with a tool's results they go back unchanged, each at its place.


def _keep(message: AIMessageChunk, kept: GoesBack) -> None:
    """Keeps the blocks of thoughts in a chunk; the pieces of one are put together."""
    for block in message.content if isinstance(message.content, list) else ():
        if not isinstance(block, dict):
            continue
        told = {name: value for name, value in block.items() if value is not None}
        if block.get("type") == "redacted_thinking":
            kept.add("block", {name: told[name] for name in ("type", "data") if name in told})
        elif block.get("type") == "thinking":
            _keep_thought(told, kept)


def _keep_thought(told: dict[str, Any], kept: GoesBack) -> None:
    last, index = kept.last, told.get("index")
    if last is None or last.kind != "block" or last.item.get("index") != index:
        empty = {"type": "thinking", "thinking": "", "signature": "", "index": index}
        last = kept.add("block", empty)
    for name in ("thinking", "signature"):
        last.item[name] += told.get(name) or ""


def _messages(request: Request, name: str) -> list[BaseMessage]:
    """The conversation, with the thoughts of this model."""
    return [
        as_message(turn, list(_blocks(turn, name)) if turn.calls else None)
        for turn in request.turns
    ]


def _blocks(turn: Turn, name: str) -> Iterator[dict[str, Any]]:
    for part in laid_out(turn, name):
        match part:
            case str():
                yield {"type": "text", "text": part}
            case ToolCall():
                arguments = arguments_of(part)
                yield {"type": "tool_use", "id": part.id, "name": part.name, "input": arguments}
            case Opaque(kind="block"):
                yield {key: value for key, value in part.item.items() if key != "index"}


def _client(api_key: str, base_url: str) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(
        api_key=api_key,
        base_url=base_url,
        timeout=TIMEOUT,
        max_retries=MAX_RETRIES,
        http_client=http_client(base_url),
    )


class _Anthropic(ChatAnthropic):
    """Delivers every answer as content blocks.

    LangChain flattens an answer to plain text if the request asked for neither tools nor
    thinking, and then warns about tool calls that come anyway.
    """

    def _make_message_chunk_from_anthropic_event(
        self, event: Any, *, coerce_content_to_string: bool, **known: Any
    ) -> tuple[AIMessageChunk | None, Any]:
        del coerce_content_to_string
        return super()._make_message_chunk_from_anthropic_event(
            event, coerce_content_to_string=False, **known
        )
