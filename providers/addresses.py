"""Addresses of services, the proxies on the way, and the time-outs that every SDK's client gets."""

from __future__ import annotations

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def on_this_machine(url: str) -> bool:
    """Whether an address is this machine's own; such an address is never reached over a proxy."""
    return urlsplit(url).hostname in _LOOPBACK


def proxy_of(url: str) -> str | None:
    """The proxy that the machine's settings (`HTTPS_PROXY`, `NO_PROXY`, …) name for an address.

    None if there is none. A proxy without a scheme is taken for an HTTP proxy, as curl does.
    """
    address, proxies = urlsplit(url), getproxies()
    named = proxies.get(address.scheme) or proxies.get("all")
    if not named or on_this_machine(url) or proxy_bypass(address.hostname or ""):
        return None
    return named if "://" in named else f"http://{named}"


def without_credentials(url: str) -> str:
    """Host and port only: a proxy's address may contain a user name and a password."""
    address = urlsplit(url)
    try:
        port = f":{address.port}" if address.port else ""
    except ValueError:  # the port is not a number
        port = ""
    return (address.hostname or "") + port


# What every SDK's client is set to.


CONNECT_SECONDS = 10.0
"""Seconds after which an attempt to connect has failed."""

MAX_RETRIES = 0
"""No SDK retries by itself: `providers.failover` does, within one deadline for all models."""
