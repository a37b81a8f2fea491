"""The openai SDK's clients: where a service is, how it is reached, and who asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from typing import Any, Literal

import httpx2
import openai

from providers.addresses import CONNECT_SECONDS, proxy_of, without_credentials
from providers.base import Unusable
from providers.errors import failure
from providers.http import Transport, certificates_path
from providers.stall import HOOKS

OPENAI_URL = "https://api.openai.com/v1"

Carrier = Literal["sdk", "own"]
"""What carries the bytes: the SDK's own transport, or ours, which costs a fraction of its CPU."""

Api = Literal["auto", "chat", "responses"]
"""Which of OpenAI's two protocols is spoken; `auto`: Chat Completions, where the model knows it."""

Secret = str | Callable[[], Awaitable[str]]
"""A key, or what gives a fresh token for each request."""

AZURE_V1 = "v1"
"""The API version that stands for Azure's newer endpoint, which has no versions by date."""


def openai_client(
    api_key: Secret, base_url: str, carrier: Carrier = "sdk", *, retries: int = 0
) -> openai.AsyncOpenAI:
    """A client of OpenAI's, or of any server that speaks its dialect at `base_url`.

    `retries`: the client's own, see `http_options`.
    """
    options = http_options(base_url, carrier, retries=retries)
    return _plain(openai.AsyncOpenAI(api_key=api_key, base_url=base_url, **options))


def azure_client(
    deployment: str,
    endpoint: str,
    secret: Secret,
    api_version: str,
    carrier: Carrier = "sdk",
) -> openai.AsyncOpenAI:
    """A client of one deployment on Azure; with the version `v1`, of its newer endpoint.

    There, Azure speaks as OpenAI does: the deployment is the request's `model`, and a key is
    shown as a token is.
    """
    if api_version == AZURE_V1:
        return openai_client(secret, f"{endpoint.rstrip('/')}/openai/v1", carrier)
    shown: dict[str, Any] = (
        {"api_key": secret} if isinstance(secret, str) else {"azure_ad_token_provider": secret}
    )
    client = openai.AsyncAzureOpenAI(
        azure_endpoint=endpoint,
        azure_deployment=deployment,
        api_version=api_version,
        **shown,
        **http_options(endpoint, carrier),
    )
    return _plain(client)


def _plain(client: openai.AsyncOpenAI) -> openai.AsyncOpenAI:
    """The client without the account that it found in the environment: that is no setting."""
    client.organization = client.project = None
    return client


def http_options(url: str, carrier: Carrier = "sdk", *, retries: int = 0) -> dict[str, Any]:
    """How a service is reached: bounded while connecting, and past no proxy on this machine.

    The client tries nothing again by itself: `providers.failover` does, for all models together.
    """
    timeout = openai.Timeout(None, connect=CONNECT_SECONDS)
    return {
        "timeout": timeout,
        "max_retries": retries,
        "http_client": _http_client(url, timeout, carrier),
    }


def _http_client(url: str, timeout: openai.Timeout, carrier: Carrier) -> httpx2.AsyncClient:
    proxy = proxy_of(url)
    if carrier == "own" and proxy is None:
        return openai.DefaultAsyncHttpxClient(timeout=timeout, transport=Transport())
    if carrier == "own" and not _is_socks(proxy or ""):  # aiohttp knows none of those
        return openai.DefaultAioHttpClient(timeout=timeout, **way_to(url))
    return openai.DefaultAsyncHttpxClient(timeout=timeout, event_hooks=HOOKS, **way_to(url))


def way_to(url: str) -> dict[str, Any]:
    """How a client of httpx's gets to an address: over which proxy, and whom it trusts.

    The environment is read here, not by the client: that would look at each proxy that is named
    there, also at those that lead elsewhere. Raises `Unusable` for a proxy that can't be used,
    `Disconnected` for certificates that can't be read.
    """
    proxy = proxy_of(url)
    if proxy is not None:
        _check_proxy(proxy)
    try:
        trusted = httpx2.create_ssl_context()
    except OSError as error:
        raise failure("ca_file", {"path": certificates_path()}) from error
    return {"proxy": proxy, "verify": trusted, "trust_env": False}


def _is_socks(proxy: str) -> bool:
    return proxy.startswith("socks")


def _check_proxy(proxy: str) -> None:
    scheme, shown = proxy.partition("://")[0], without_credentials(proxy)
    if scheme not in ("http", "https", "socks5", "socks5h"):
        raise Unusable(cause="proxy_scheme", params={"proxy": f"{scheme}://{shown}"})
    if _is_socks(proxy) and find_spec("socksio") is None:
        raise Unusable(cause="socks_package", params={"proxy": shown})
