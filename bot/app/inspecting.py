"""The inspector, behind the page's login."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import structlog
from starlette.middleware import Middleware
from starlette.requests import Request

from bot.app.opening import now_us
from bot.identity import Account
from bot.inspector import Inspector, Options, Sight
from bot.settings import Settings
from bot.store import Store, StoreUnavailable
from connectors.base import Connector, MessageRef, Unavailable
from connectors.web import WebConnector
from connectors.web.access import REALM, Access, Guard
from connectors.web.login import Login, login_path

log = structlog.get_logger(__name__)

_COUNT_EVERY_S = 600.0
_READ_US = 30 * 86_400_000_000


@runtime_checkable
class Linked(Protocol):
    """A connector whose messages have an address."""

    def link(self, ref: MessageRef) -> str:
        """Where a message can be seen."""
        ...


class PageDoor:
    """Lets in those whose session opens the inspector: the page's login gives it."""

    def __init__(self, access: Access, login: Login | None = None) -> None:
        self._login = login
        self.middleware = Middleware(Guard, access=access)
        self.asks = access.asks

    async def sight(self, request: Request) -> Sight | None:
        """Who looks, and whose runs they may see. Raises `StoreUnavailable`."""
        if not self.asks:
            return Sight("anybody on this machine")
        if self._login is None:
            return None
        try:
            session = await self._login.session(request, "inspector")
        except Unavailable as error:
            raise StoreUnavailable(str(error)) from error
        if session is None:
            return None
        by = session.person_id or session.way
        own = Account("web", REALM, session.person_id)
        return Sight(by) if self._login.runs_of(session) == "all" else Sight(by, own)

    def way_in(self, path: str) -> str:
        """Where to log in, to come back to a path."""
        return login_path(path)


def make_inspector(settings: Settings, store: Store, connectors: Sequence[Connector]) -> Inspector:
    """The inspector, behind the page's login."""
    login = next(c.login for c in connectors if isinstance(c, WebConnector))
    options = Options(now_us, _link(connectors), settings.log_text)
    return Inspector(store, PageDoor(login.access("inspector"), login), options)


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
