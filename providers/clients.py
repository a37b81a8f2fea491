"""How services are reached: address, credentials, transport, proxy, certificates."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Literal

import httpx2

from providers.addresses import CONNECT_SECONDS, proxy_of, without_credentials
from providers.base import Unusable
from providers.errors import failure
from providers.http import Transport, UnreadableCertificates, stay, trusted
from providers.service import AzureService, Secret, Service
from providers.stall import tell_bytes

OPENAI_URL = "https://api.openai.com/v1"

Api = Literal["auto", "chat", "responses"]
"""Which of OpenAI's protocols is used.

`auto` is Chat Completions, unless the service says that the model only knows Responses.
"""

AZURE_V1 = "v1"
"""The API version that selects Azure's newer endpoint, which has no versions by date."""


TIMEOUT = httpx2.Timeout(None, connect=CONNECT_SECONDS)
"""Only connecting has a time-out: `providers.stall` decides how long a stream may be silent."""


def openai_service(secret: Secret, base_url: str, *, retries: int = 0) -> Service:
    """OpenAI, or any server at `base_url` with the same API; for `retries` see `Service`."""
    return Service(base_url, secret, http_client(base_url, watched=False), retries=retries)


def azure_service(deployment: str, endpoint: str, secret: Secret, api_version: str) -> Service:
    """One deployment on Azure; with the API version `v1`, at its newer endpoint.

    That endpoint works like OpenAI's: the deployment is the request's `model`, and the key is
    sent as a bearer token.
    """
    if api_version == AZURE_V1:
        return openai_service(secret, azure_v1(endpoint))
    http = http_client(endpoint, watched=False)
    return AzureService(deployment, endpoint, secret, http, version=api_version)


def azure_v1(endpoint: str) -> str:
    """The root of Azure's newer API."""
    return f"{endpoint.rstrip('/')}/openai/v1"


def http_client(url: str, *, watched: bool = True) -> httpx2.AsyncClient:
    """How our own reader and every SDK reach a service at `url`.

    `watched`: whether a hook tells the stall time-out about each byte; our own reader does it
    itself.

    The proxies that the environment names are read here and not by the client, which would set up
    all of them and fail on a bad one that this address doesn't need. Raises `Unusable` for a
    proxy that can't be used.
    """
    return httpx2.AsyncClient(
        timeout=TIMEOUT,
        transport=_transport(proxy_of(url)),
        event_hooks={"response": [stay, tell_bytes] if watched else [stay]},
        headers={"Accept-Encoding": "identity"},  # compressed, tokens would wait for each other
        follow_redirects=True,
        trust_env=False,
    )


def _transport(proxy: str | None) -> httpx2.AsyncBaseTransport:
    if proxy is None:
        return Transport(CONNECT_SECONDS)
    scheme, shown = proxy.partition("://")[0], without_credentials(proxy)
    if scheme in ("http", "https"):
        return Transport(CONNECT_SECONDS, proxy)
    if scheme not in ("socks5", "socks5h"):
        raise Unusable(cause="proxy_scheme", params={"proxy": f"{scheme}://{shown}"})
    if find_spec("socksio") is None:
        raise Unusable(cause="socks_package", params={"proxy": shown})
    # aiohttp knows no SOCKS; httpx2's own transport costs more for each token.
    try:
        return httpx2.AsyncHTTPTransport(verify=trusted(), proxy=httpx2.Proxy(proxy))
    except UnreadableCertificates as error:
        raise failure("ca_file", {"path": error.path}) from error
