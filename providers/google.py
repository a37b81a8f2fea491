"""Google's Gemini models, through LangChain."""

from __future__ import annotations

import warnings
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Unpack

import httpx2
from google.genai import Client
from google.genai.types import HttpOptions
from langchain_google_genai import ChatGoogleGenerativeAI
from pydantic import SecretStr

from providers import finish
from providers.addresses import CONNECT_SECONDS, MAX_RETRIES
from providers.asking import SharedOptions
from providers.clients import way_to
from providers.langchain import LangChainProvider
from providers.options import made
from providers.stall import HOOKS

# The SDK warns about each finish reason that it doesn't know; `providers.finish` logs them already.
warnings.filterwarnings("ignore", r"(?s).* is not a valid FinishReason", UserWarning)

GOOGLE_URL = "https://generativelanguage.googleapis.com"


def google_provider(
    model: str,
    *,
    api_key: str,
    base_url: str = GOOGLE_URL,
    options: Mapping[str, Any] | None = None,
    **shared: Unpack[SharedOptions],
) -> LangChainProvider:
    """`google:MODEL`. `options` are further keyword arguments of `ChatGoogleGenerativeAI`."""
    settings: dict[str, Any] = {
        "model": model,
        "api_key": SecretStr(api_key),
        "base_url": base_url,
        "vertexai": False,
        "max_retries": MAX_RETRIES + 1,  # the SDK counts the first try too
        **(options or {}),
    }
    chat = made(ChatGoogleGenerativeAI, settings, f"MODEL=google:{model}")
    client, closed = _client(api_key, base_url)
    chat.client = client
    return LangChainProvider(
        chat,
        name=f"google:{model}",
        whole_words=finish.GOOGLE,
        close=closed,
        limit="max_output_tokens",
        **shared,
    )


def _client(api_key: str, base_url: str) -> tuple[Client, Callable[[], Awaitable[None]]]:
    """A client over a transport of our own, and what closes both.

    LangChain's would have no bound on connecting, and its other transport, aiohttp, leaves a
    coroutine that nobody awaits behind each failed request.
    """
    timeout = httpx2.Timeout(None, connect=CONNECT_SECONDS)
    transport = httpx2.AsyncClient(timeout=timeout, event_hooks=HOOKS, **way_to(base_url))
    options = HttpOptions(base_url=base_url, httpx_async_client=transport)
    client = Client(vertexai=False, api_key=api_key, http_options=options)

    async def closed() -> None:
        client.close()
        await client.aio.aclose()
        await transport.aclose()

    return client, closed
