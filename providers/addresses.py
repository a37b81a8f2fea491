"""Where a service is, which proxy leads there, and how patient every SDK's client is with it."""

from __future__ import annotations

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def on_this_machine(url: str) -> bool:
    """Whether an address is this machine's own: no proxy leads there."""
    return urlsplit(url).hostname in _LOOPBACK


def proxy_of(url: str) -> str | None:
    """The proxy that the machine's own settings send this address's requests over."""
    address, proxies = urlsplit(url), getproxies()
    named = proxies.get(address.scheme) or proxies.get("all")
    if not named or on_this_machine(url) or proxy_bypass(address.hostname or ""):
        return None
    return named if "://" in named else f"http://{named}"


def without_credentials(url: str) -> str:
    """Host and port of an address: it may carry a name and a password."""
    address = urlsplit(url)
    try:
        port = f":{address.port}" if address.port else ""
    except ValueError:  # no number
        port = ""
    return (address.hostname or "") + port


# How patient every SDK's client is with its service.


CONNECT_SECONDS = 10.0

MAX_RETRIES = 0
"""A client tries nothing again by itself: `providers.failover` does, for all models together."""
