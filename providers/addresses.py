"""Where a service is."""

from __future__ import annotations

from urllib.parse import urlsplit

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def on_this_machine(url: str) -> bool:
    """Whether an address is this machine's own: no proxy leads there."""
    return urlsplit(url).hostname in _LOOPBACK
