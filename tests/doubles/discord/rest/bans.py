"""The proxy before the platform, which turns an address away for a time."""

from __future__ import annotations

import math
import time
from collections import deque

from aiohttp import web

from tests.doubles.discord.limits import Limits

_INVALID = (401, 403, 429)


class Bans:
    """Counts answers that say that a call should not have been made. Times are monotonic."""

    def __init__(self) -> None:
        self._until = -math.inf
        self._invalid: deque[float] = deque()

    def ban(self, seconds: float) -> None:
        """Every call is turned away for so long."""
        self._until = time.monotonic() + seconds

    def count(self, limits: Limits, status: int, scope: str) -> None:
        """Counts an answer. A 429 for a limit that is shared with others is nobody's fault."""
        if limits.invalid_calls is None or status not in _INVALID or scope == "shared":
            return
        now = time.monotonic()
        while self._invalid and now - self._invalid[0] >= limits.invalid_seconds:
            self._invalid.popleft()
        self._invalid.append(now)
        if len(self._invalid) > limits.invalid_calls:
            self._invalid.clear()
            self.ban(limits.ban_seconds)

    def page(self) -> web.Response | None:
        """What is answered while the ban lasts: a page, with no `Via` above it."""
        left = self._until - time.monotonic()
        return banned(429, left) if left > 0 else None


def banned(status: int, seconds: float | None) -> web.Response:
    """A page of the proxy's own."""
    headers = {} if seconds is None else {"Retry-After": str(math.ceil(seconds))}
    text = "<html><title>Access denied</title>error code: 1015</html>"
    return web.Response(status=status, text=text, content_type="text/html", headers=headers)
