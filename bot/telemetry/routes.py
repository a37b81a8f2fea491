"""`/readyz` and `/metrics`: whether the bot can do its work now, and who may read that."""

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

# Whether the bot can do its work now, and if not, what is missing.


log = structlog.get_logger(__name__)

Check = Callable[[], Awaitable[str | None]]
"""Returns what is wrong, in one line for the operator, or None."""

DEADLINE_S = 2.0
"""A check that takes longer has failed."""
FRESH_S = 2.0
"""So long an answer stands: however many ask, each check is made once in that time."""


class Readiness:
    """Looks at everything side by side. Belongs to one event loop."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = dict(checks)
        self._clock = asyncio.get_running_loop().time
        self._looked_at = float("-inf")
        self._found: dict[str, str | None] = {}
        self._looking = asyncio.Lock()

    async def look(self) -> dict[str, str | None]:
        """What is wrong with each thing; None where it is well."""
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
        """Only what is wrong."""
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
    """Who may read the details: those who have the token, or who are on this machine.

    `public` says that others than this machine's users can reach the bot.
    """

    token: str | None
    public: bool

    def granted(self, request: Request) -> bool:
        """Whether this request may read."""
        if self.token is not None:
            scheme, _, given = request.headers.get("authorization", "").partition(" ")
            right = hmac.compare_digest(given.strip().encode(), self.token.encode())
            return right and scheme.lower() == "bearer"
        return not self.public and self._is_local(request)

    @staticmethod
    def _is_local(request: Request) -> bool:
        """Not by way of a proxy, nor from a page whose name was made to point here."""
        try:
            host = urlsplit(f"//{request.headers.get('host', '')}").hostname
        except ValueError:
            return False
        return host in _LOCAL and not any(name in request.headers for name in _PROXIED)

    def refusal(self) -> Response:
        """What those hear who may not."""
        if self.token is None:
            return PlainTextResponse("Set METRICS_TOKEN to read this from elsewhere.\n", 403)
        return PlainTextResponse("", 401, {"WWW-Authenticate": "Bearer"})


def routes(readiness: Readiness, metrics: Metrics, access: MetricsAccess) -> list[BaseRoute]:
    """What is served for those who watch."""

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
