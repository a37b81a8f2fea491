"""`/readyz` and `/metrics`, and who may read them.

What they say of the bot's work (how much, which models, what fails) is the operator's. Who asks
from this machine may read it; who asks by a public address needs the token, and without one only
hears whether the bot is ready.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from bot.watch.metrics import CONTENT_TYPE, Metrics
from bot.watch.readiness import Readiness

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
