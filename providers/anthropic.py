"""Anthropic's models, through LangChain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

import anthropic
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import AIMessageChunk
from pydantic import SecretStr

from providers import finish
from providers.addresses import CONNECT_SECONDS, MAX_RETRIES
from providers.asking import SharedOptions
from providers.clients import way_to
from providers.langchain import LangChainProvider
from providers.options import made
from providers.stall import HOOKS

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
        name=f"anthropic:{model}",
        whole_words=finish.ANTHROPIC,
        close=client.close,
        usage_grows=True,
        **shared,
    )


def _client(api_key: str, base_url: str) -> anthropic.AsyncAnthropic:
    # Only connecting is bounded: how long a stream may be silent is `providers.stall`'s decision.
    timeout = anthropic.Timeout(None, connect=CONNECT_SECONDS)
    return anthropic.AsyncAnthropic(
        api_key=api_key,
        base_url=base_url,
        timeout=timeout,
        max_retries=MAX_RETRIES,
        http_client=anthropic.DefaultAsyncHttpxClient(
            timeout=timeout, event_hooks=HOOKS, **way_to(base_url)
        ),
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
