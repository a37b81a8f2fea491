"""The endpoints `/readyz` and `/metrics`, and who may read their details."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from bot.telemetry.metrics import CONTENT_TYPE, Metrics

# Readiness: whether the bot can do its work now and, if not, what is missing.


log = structlog.get_logger(__name__)

Check = Callable[[], Awaitable[str | None]]
"""Returns what is wrong, as one line for the operator, or None."""

DEADLINE_S = 2.0
"""Seconds after which a check has failed."""
FRESH_S = 2.0
"""Seconds for which an answer is reused: however many ask, each check is made once in that time."""


class Readiness:
    """Runs all checks concurrently. Use it in one event loop only."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = dict(checks)
        self._clock = asyncio.get_running_loop().time
        self._looked_at = float("-inf")
        self._found: dict[str, str | None] = {}
        self._looking = asyncio.Lock()

    async def look(self) -> dict[str, str | None]:
        """What each check finds wrong; None if it finds nothing."""
        # The lock makes requests that come during a look share its result.
        async with self._looking:
            if self._clock() - self._looked_at > FRESH_S:
                before = self.missing(self._found)
                wrongs = await asyncio.gather(*map(_checked, self._checks.values()))
                self._found = dict(zip(self._checks, wrongs, strict=True))
                self._looked_at = self._clock()
                self._tell(before)
            return self._found

    def _tell(self, before: Mapping[str, str]) -> None:
        missing = self.missing(self._found)
        if missing.keys() != before.keys():
            (log.warning if missing else log.info)("app.readiness", ready=not missing, **missing)

    @staticmethod
    def missing(found: Mapping[str, str | None]) -> dict[str, str]:
        """Only the checks that found something."""
        return {name: wrong for name, wrong in found.items() if wrong is not None}


async def _checked(check: Check) -> str | None:
    try:
        async with asyncio.timeout(DEADLINE_S):
            return await check()
    except TimeoutError:
        return f"no answer within {DEADLINE_S:g} s"
    except Exception as error:
        log.exception("watch.broke")
        return type(error).__name__


_LOCAL = {"127.0.0.1", "localhost", "::1"}
_PROXIED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
_FRESH = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class MetricsAccess:
    """Who may read details: whoever has the token or, without a token, users of this machine.

    `public` is whether the bot can be reached from other machines; then a token is required.
    """

    token: str | None
    public: bool

    def granted(self, request: Request) -> bool:
        """Whether this request may read the details."""
        if self.token is not None:
            scheme, _, given = request.headers.get("authorization", "").partition(" ")
            right = hmac.compare_digest(given.strip().encode(), self.token.encode())
            return right and scheme.lower() == "bearer"
        return not self.public and self._is_local(request)

    @staticmethod
    def _is_local(request: Request) -> bool:
        """Whether a request comes from this machine, without a proxy.

        The host name is checked because a web page's own name may resolve to this machine (DNS
        rebinding).
        """
        try:
            host = urlsplit(f"//{request.headers.get('host', '')}").hostname
        except ValueError:
            return False
        return host in _LOCAL and not any(name in request.headers for name in _PROXIED)

    def refusal(self) -> Response:
        """The response to a request that may not read."""
        if self.token is None:
            return PlainTextResponse("Set METRICS_TOKEN to read this from elsewhere.\n", 403)
        return PlainTextResponse("", 401, {"WWW-Authenticate": "Bearer"})


def routes(readiness: Readiness, metrics: Metrics, access: MetricsAccess) -> list[BaseRoute]:
    """The routes for monitoring."""

    async def ready(request: Request) -> Response:
        missing = readiness.missing(found := await readiness.look())
        told: dict[str, object] = {"ready": not missing}
        if access.granted(request):
            told |= {"checks": {name: wrong or "ok" for name, wrong in found.items()}}
        return JSONResponse(told, 503 if missing else 200, _FRESH)

    async def measured(request: Request) -> Response:
        if not access.granted(request):
            return access.refusal()
        return Response(metrics.text(), headers=_FRESH, media_type=CONTENT_TYPE)

    return [Route("/readyz", ready), Route("/metrics", measured)]
