"""Who may come in: the Host and Origin of a request, and the password."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SESSION_COOKIE = "everytoken_session"
SESSION_SECONDS = 30 * 24 * 3600
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


@dataclass(slots=True)
class Attempts:
    """Counts wrong passwords: after `most` in `seconds`, nobody may try until the oldest is over.

    It counts for all visitors together: behind a proxy an address can be made up.
    """

    most: int = 10
    seconds: float = 60.0
    now: Callable[[], float] = time.monotonic
    _wrong: deque[float] = field(default_factory=deque)

    def allowed(self) -> bool:
        """Whether one more may try now."""
        while self._wrong and self._wrong[0] <= self.now() - self.seconds:
            self._wrong.popleft()
        return len(self._wrong) < self.most

    def count(self) -> None:
        """One more was wrong."""
        self._wrong.append(self.now())


class Access:
    """The rules of one playground, and its sessions.

    Sessions are signed with a key made of the password and a secret of this process: a new
    password, or a restart, ends them.
    """

    def __init__(
        self,
        *,
        password: str | None = None,
        public: bool = False,
        public_url: str | None = None,
        clock: Callable[[], float] = time.time,
        cookie: str = SESSION_COOKIE,
    ) -> None:
        self.cookie = cookie
        self.asks_password = bool(password)
        self.attempts = Attempts()
        self._password = (password or "").encode()
        self._public = public
        self._address = urlsplit(public_url or "")
        self._clock = clock
        self._key = hashlib.sha256(secrets.token_bytes(32) + self._password).digest()

    @property
    def closed(self) -> bool:
        """Whether the page stays shut: others could reach it, and no password guards it."""
        return self._public and not self.asks_password

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

    def is_password(self, attempt: str) -> bool:
        """Whether this is the password; takes as long for every guess of one length."""
        return hmac.compare_digest(attempt.encode("utf-8", "replace"), self._password)

    def session(self) -> str:
        """A new session: until when it is good (seconds since the epoch), and our signature."""
        until = str(int(self._clock()) + SESSION_SECONDS)
        return f"{until}.{self._sign(until)}"

    def admits(self, connection: HTTPConnection) -> bool:
        """Whether the visitor may see the page: no password is asked, or it was given."""
        if not self.asks_password:
            return not self._public
        until, _, signature = connection.cookies.get(self.cookie, "").partition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(until).encode()):
            return False
        return int(until) > self._clock()

    def secure(self, connection: HTTPConnection) -> bool:
        """Whether the visitor came over TLS, so that cookies may be kept to it."""
        return "https" in (connection.url.scheme, self._address.scheme)

    def _sign(self, until: str) -> str:
        return hmac.new(self._key, until.encode("utf-8", "replace"), "sha256").hexdigest()


class Guard:
    """Turns away what `Access` does not allow, and sends the security headers with every answer.

    POST requests and sockets have to come from a page of ours.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
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
            return "The playground is closed: others could reach it. To open it, set WEB_PASSWORD."
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
