"""Who the page is open to: by where a request comes from, by name, and by a browser's own id."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connectors.base import Person
from connectors.web.protocol import is_name
from connectors.web.sessions import OPEN, Area, Session
from connectors.web.signing import SigningKeys

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


class AccessRules:
    """The rules for one area of the site. `asks`: whether its visitors have to log in."""

    def __init__(
        self, *, asks: bool = False, public: bool = False, public_url: str | None = None
    ) -> None:
        self.asks = asks
        self._public = public
        self._address = urlsplit(public_url or "")

    @property
    def closed(self) -> bool:
        """Whether the page stays shut: others could reach it, and no password guards it."""
        return self._public and not self.asks

    def host_allowed(self, headers: Headers) -> bool:
        """Whether the request names a host that is ours.

        On this machine only, a foreign name can only come from a page that had its own name
        point here (DNS rebinding). In public any name may be ours.
        """
        if self._public:
            return True
        host = _hostname(headers.get("host", ""))
        return host is not None and host in _LOOPBACK | {self._address.hostname}

    def origin_allowed(self, headers: Headers) -> bool:
        """Whether the request comes from a page of ours."""
        origin = _address(headers.get("origin", ""))
        ours = {headers.get("host", "").lower(), self._address.netloc.lower()}
        return bool(origin) and origin in ours

    def secure(self, connection: HTTPConnection) -> bool:
        """Whether the visitor came over TLS, so that cookies may be kept to it."""
        return "https" in (connection.url.scheme, self._address.scheme)


class Guard:
    """Turns away what `AccessRules` forbids, and sends the security headers with every answer.

    POST requests and sockets have to come from a page of ours.
    """

    def __init__(self, app: ASGIApp, access: AccessRules) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": refusal})
        else:
            await PlainTextResponse(refusal, 403)(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope) -> str | None:
        headers = Headers(scope=scope)
        if self._access.closed:
            return (
                "The playground is closed: others could reach it. To open it, set WEB_PASSWORD. On "
                "your own machine set HOST=127.0.0.1 instead: PORT alone listens everywhere."
            )
        if not self._access.host_allowed(headers):
            return "This address is not the playground's. To use it, set PUBLIC_URL to it."
        changes = scope["type"] == "websocket" or scope["method"] == "POST"
        if changes and not self._access.origin_allowed(headers):
            return "This request comes from another site's page."
        return None


def _with_headers(send: Send) -> Send:
    async def add(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return add


def _hostname(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _address(origin: str) -> str:
    """The host and port of an origin, empty where it has none (`null`, or none was sent)."""
    _, _, address = origin.partition("://")
    return address.lower()


def set_cookie(response: Response, name: str, value: str, *, seconds: int, secure: bool) -> None:
    """A cookie that scripts can't read and other sites can't send."""
    response.set_cookie(
        name, value, max_age=seconds, httponly=True, samesite="strict", secure=secure
    )


# Who may come in, by name: the lists for those who sign in.


EVERYBODY = "*"

RunScope = Literal["all", "own"]
"""Whose runs somebody may see."""


@dataclass(frozen=True, slots=True)
class AllowList:
    """Ids, `@domain` for all addresses of a domain, or `*`; in lower case.

    `page`: who may use the page; empty: all who can sign in. `all_runs`: who may see everybody's
    runs; `own_runs`: who may see those that they asked for themselves.
    """

    page: Collection[str] = ()
    all_runs: Collection[str] = ()
    own_runs: Collection[str] = ()

    def may_see(self, person_id: str, area: Area) -> bool:
        """Whether somebody may see an area."""
        if area == "page":
            return not self.page or _named(person_id, self.page)
        return self.runs_of(person_id) is not None

    def runs_of(self, person_id: str) -> RunScope | None:
        """Whose runs somebody may see; None: nobody's."""
        if _named(person_id, self.all_runs):
            return "all"
        return "own" if _named(person_id, self.own_runs) else None


def _named(person_id: str, names: Collection[str]) -> bool:
    person_id = person_id.lower()
    domain = "@" + person_id.rpartition("@")[2] if "@" in person_id else None
    return any(name in (EVERYBODY, person_id, domain) for name in names)


# Who visits the page: a browser is known by an id that only we can have signed.


REALM = "playground"
"""The realm of visitors' ids, and the page's workspace: the deployment."""
VISITOR_COOKIE = "everytoken_person"
VISITOR_SECONDS = 365 * 24 * 3600
PURPOSE = "visitor"
"""What a visitor's id is signed for."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody on the page. `cookie` is what their browser is to keep; empty where it has it.

    A cookie that an older key has signed is signed again, with the same id.
    """

    person: Person
    cookie: str = ""


class Visitors:
    """Knows visitors again. Both methods raise `Unavailable`."""

    def __init__(self, keys: SigningKeys) -> None:
        self._keys = keys

    async def known(self, connection: HTTPConnection, session: Session = OPEN) -> Person | None:
        """The visitor: who has signed in, or whose id this browser keeps.

        None where it has none that we signed.
        """
        if session.person_id:
            name = session.name or session.person_id
            return Person(session.person_id, name, realm=REALM, language=_reads(connection))
        cookie = connection.cookies.get(VISITOR_COOKIE, "")
        id_ = await self._keys.verified(PURPOSE, cookie)
        return _visitor(id_, connection) if is_name(id_) and id_ else None

    async def of(self, connection: HTTPConnection, session: Session = OPEN) -> Visitor:
        """The visitor of a request, who may be new."""
        if (person := await self.known(connection, session)) is not None:
            if session.person_id:
                return Visitor(person)
            cookie = connection.cookies.get(VISITOR_COOKIE, "")
            return Visitor(person, await self._keys.renewed(PURPOSE, cookie))
        id_ = secrets.token_urlsafe(16)
        return Visitor(_visitor(id_, connection), await self._keys.sign(PURPOSE, id_))


def _visitor(id_: str, connection: HTTPConnection) -> Person:
    return Person(id_, "You", realm=REALM, language=_reads(connection))


def _reads(connection: HTTPConnection) -> str:
    """The languages of a browser, the most wanted first."""
    return connection.headers.get("accept-language", "")
