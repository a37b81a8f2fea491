"""The openai SDK's clients: where a service is, how it is reached, and who asks."""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import urlsplit

import openai

OPENAI_URL = "https://api.openai.com/v1"

CONNECT_SECONDS = 10.0
Transport = Literal["httpx", "aiohttp"]
"""What carries the bytes: the SDK's own way, or aiohttp, which costs half as much CPU."""

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def openai_client(
    api_key: str, base_url: str, transport: Transport = "httpx", *, retries: int = 0
) -> openai.AsyncOpenAI:
    """A client of OpenAI's, or of any server that speaks its dialect at `base_url`.

    `retries`: the client's own, see `http_options`.
    """
    options = http_options(base_url, transport, retries=retries)
    return openai.AsyncOpenAI(api_key=api_key, base_url=base_url, **options)


def azure_client(
    deployment: str,
    endpoint: str,
    api_key: str,
    api_version: str,
    transport: Transport = "httpx",
) -> openai.AsyncAzureOpenAI:
    """A client of one deployment on Azure."""
    return openai.AsyncAzureOpenAI(
        azure_endpoint=endpoint,
        azure_deployment=deployment,
        api_key=api_key,
        api_version=api_version,
        **http_options(endpoint, transport),
    )


def http_options(url: str, transport: Transport = "httpx", *, retries: int = 0) -> dict[str, Any]:
    """How a service is reached: bounded while connecting, and past no proxy on this machine.

    The client tries nothing again by itself: `providers.failover` does, for all models together.
    """
    timeout = openai.Timeout(None, connect=CONNECT_SECONDS)
    direct = urlsplit(url).hostname in _LOOPBACK
    kind = openai.DefaultAioHttpClient if transport == "aiohttp" else openai.DefaultAsyncHttpxClient
    return {
        "timeout": timeout,
        "max_retries": retries,
        "http_client": kind(timeout=timeout, trust_env=not direct),
    }
