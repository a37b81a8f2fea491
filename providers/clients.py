"""Clients of the openai SDK, with their address, transport, proxy and credentials."""

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
"""The HTTP transport: the SDK's, or ours (`providers.http`), which takes a fraction of its CPU."""

Api = Literal["auto", "chat", "responses"]
"""Which of OpenAI's protocols is used.

`auto` is Chat Completions, unless the service says that the model only knows Responses.
"""

Secret = str | Callable[[], Awaitable[str]]
"""An API key, or a function that returns a valid token for each request."""

AZURE_V1 = "v1"
"""The API version that selects Azure's newer endpoint, which has no versions by date."""


def openai_client(
    api_key: Secret, base_url: str, carrier: Carrier = "sdk", *, retries: int = 0
) -> openai.AsyncOpenAI:
    """A client for OpenAI, or for any server at `base_url` with the same API.

    `retries` is how often the client itself repeats a request that failed before its answer began.
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
    """A client for one deployment on Azure; with the API version `v1`, at its newer endpoint.

    That endpoint works like OpenAI's: the deployment is the request's `model`, and the key is
    sent as a bearer token.
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
    """The client without `OPENAI_ORG_ID` and `OPENAI_PROJECT_ID`: these are no settings of ours."""
    client.organization = client.project = None
    return client


def http_options(url: str, carrier: Carrier = "sdk", *, retries: int = 0) -> dict[str, Any]:
    """A client's time-outs, retries and HTTP transport for a service at `url`.

    Only connecting has a time-out: how long a stream may be silent is `providers.stall`'s
    decision. Retries are 0 by default, since `providers.failover` retries for all models together.
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
    # Our transport knows no proxies. aiohttp's is the next cheapest, but knows no SOCKS.
    if carrier == "own" and not _is_socks(proxy or ""):
        return openai.DefaultAioHttpClient(timeout=timeout, **way_to(url))
    return openai.DefaultAsyncHttpxClient(timeout=timeout, event_hooks=HOOKS, **way_to(url))


def way_to(url: str) -> dict[str, Any]:
    """How a client of httpx's gets to an address: over which proxy, and what it trusts.

    The environment is read here and not by the client, which would set up every proxy named there
    and fail on a bad one that this address doesn't need. Raises `Unusable` for a proxy that can't
    be used, and `Disconnected` for trusted certificates that can't be read.
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
