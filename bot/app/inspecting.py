"""The inspector, behind the page's manner of letting people in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import structlog
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from bot.app.models import revealed
from bot.app.opening import now_us
from bot.inspector import Inspector, Options
from bot.settings import Settings
from bot.store import Store, StoreUnavailable
from connectors.base import Connector, MessageRef
from connectors.web import WebConnector
from connectors.web.access import SESSION_SECONDS, Access, Guard, set_cookie

log = structlog.get_logger(__name__)

_COUNT_EVERY_S = 600.0
_READ_US = 30 * 86_400_000_000
_COOKIE = "everytoken_inspector"


@runtime_checkable
class Linked(Protocol):
    """A connector whose messages have an address."""

    def link(self, ref: MessageRef) -> str:
        """Where a message can be seen."""
        ...


class PageDoor:
    """Lets in whom an `Access` of the page's kind admits."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self.middleware = Middleware(Guard, access=access)
        self.asks_password = access.asks_password

    def admits(self, request: Request) -> bool:
        """Whether somebody has logged in, or need not."""
        return self._access.admits(request)

    def takes(self, password: str) -> bool | None:
        """Whether this is the password; None where there were too many attempts."""
        if not self._access.attempts.allowed():
            return None
        right = self._access.is_password(password)
        if not right:
            self._access.attempts.count()
        return right

    def let_in(self, request: Request, response: Response) -> None:
        """Gives a session."""
        self._set(request, response, self._access.session(), SESSION_SECONDS)

    def let_out(self, request: Request, response: Response) -> None:
        """Takes the session away."""
        self._set(request, response, "", 0)

    def _set(self, request: Request, response: Response, value: str, seconds: int) -> None:
        secure = self._access.secure(request)
        set_cookie(response, self._access.cookie, value, seconds=seconds, secure=secure)


def make_inspector(settings: Settings, store: Store, connectors: Sequence[Connector]) -> Inspector:
    """The inspector; without a password of its own it has the page's, and its sessions."""
    options = Options(now_us, _link(connectors), settings.log_text)
    return Inspector(store, PageDoor(_access(settings, connectors)), options)


def _access(settings: Settings, connectors: Sequence[Connector]) -> Access:
    own = revealed(settings.inspector_password)
    page = next((c for c in connectors if isinstance(c, WebConnector)), None)
    if own is None and page is not None:
        return page.access
    return Access(
        password=own or revealed(settings.web_password),
        public=settings.public,
        public_url=settings.public_url,
        cookie=_COOKIE,
    )


def _link(connectors: Sequence[Connector]) -> Callable[[MessageRef], str | None]:
    linked = {c.name: c for c in connectors if isinstance(c, Linked)}

    def link(ref: MessageRef) -> str | None:
        connector = linked.get(ref.place.connector)
        return None if connector is None else connector.link(ref)

    return link


async def count_hours(store: Store) -> None:
    """Counts the hours that are over, and has them at hand for the overview; for ever."""
    while True:
        try:
            await store.hours.count(now_us())
            await store.hours.read(now_us() - _READ_US, now_us())
        except StoreUnavailable as error:
            log.error("hours.not_counted", error=str(error))
        await asyncio.sleep(_COUNT_EVERY_S)
