"""The way in to page and inspector: one login, and sessions for what each opens."""

from __future__ import annotations

import logging
import math
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode

from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from connectors.base import Person, Unavailable, Viewer
from connectors.web.access import REALM, AccessRules, AllowList, Guard, RunScope, set_cookie
from connectors.web.flow import FLOW_SECONDS, Flow, OidcIdentity, SignInFailed, plain_id
from connectors.web.guesses import Guess, Guesses, TooManyGuesses
from connectors.web.sessions import SESSION_SECONDS, Area, LoginGrant, LoginSessions, Session
from connectors.web.signing import SigningKeys
from connectors.words import Language, Sentence, language_of

if TYPE_CHECKING:
    from connectors.web.oidc import Oidc  # and its libraries: only where people sign in by it

log = logging.getLogger(__name__)

STATIC = Path(__file__).parent / "static"
SESSION_COOKIE = "everytoken_session"
KNOWN_COOKIE = "everytoken_known"
"""Says that this browser has logged in before: what others guess is not held against it."""
_KNOWN_SECONDS = 365 * 24 * 3600
_FORM_LIMIT = 4096
_PASSWORD = "password"  # noqa: S105 - the name of a way in
_OIDC = "oidc"
_FLOW_COOKIE = "everytoken_oidc"
_OTHER_BROWSER = Sentence("login.other_browser")
_AREAS: tuple[Area, ...] = ("page", "inspector")
_PASSWORD_OF: Mapping[Area, Sentence] = {
    "page": Sentence("login.password.page"),
    "inspector": Sentence("login.password.inspector"),
}
_AWAY = Sentence("web.away")


@dataclass(frozen=True, slots=True)
class SignIn:
    """The ways in by name: a provider, or the header by which a trusted proxy says who somebody is.

    The server takes the header out of requests that come from anybody else.
    """

    oidc: Oidc | None = None
    header: str | None = None
    people: AllowList = field(default_factory=AllowList)

    @property
    def possible(self) -> bool:
        """Whether there is one."""
        return self.oidc is not None or self.header is not None

    def by_header(self, connection: HTTPConnection) -> Session | None:
        """Somebody a proxy has signed in."""
        name = connection.headers.get(self.header, "").strip() if self.header else ""
        return Session("", "proxy", plain_id(name.lower()), name[:200]) if name else None


class Login:
    """Who is in, and the routes by which they come and go."""

    def __init__(
        self,
        sessions: LoginSessions,
        keys: SigningKeys,
        passwords: Mapping[Area, str | None],
        sign_in: SignIn | None = None,
        *,
        public: bool = False,
        public_url: str | None = None,
        language: Language = Language.ENGLISH,
    ) -> None:
        self._language = language
        self.sessions = sessions
        self._keys = keys
        self._passwords = {area: password for area, password in passwords.items() if password}
        self._sign_in = sign_in or SignIn()
        self._public = public
        self._public_url = public_url
        self._access = self._rules(bool(self._passwords) or self._sign_in.possible)
        self._guesses = Guesses()
        self._form = Template((STATIC / "login.html").read_text(encoding="utf-8"))

    def access(self, area: Area) -> AccessRules:
        """The rules of an area."""
        return self._rules(area in self._passwords or self._sign_in.possible)

    def runs_of(self, session: Session) -> RunScope | None:
        """Whose runs somebody may see: all, where a password let them in."""
        if not session.person_id:
            return "all"
        return self._sign_in.people.runs_of(session.person_id)

    def _rules(self, asks: bool) -> AccessRules:
        return AccessRules(asks=asks, public=self._public, public_url=self._public_url)

    async def session(self, connection: HTTPConnection, area: Area) -> Session | None:
        """The session by which somebody may see an area that asks. Raises `Unavailable`."""
        signed_in = self._sign_in.by_header(connection)
        if signed_in is not None and self._sign_in.people.may_see(signed_in.person_id, area):
            return signed_in
        token = connection.cookies.get(SESSION_COOKIE, "")
        session = await self.sessions.find(token, area, self._secret)
        if session is None or not session.person_id:
            return session
        return session if self._sign_in.people.may_see(session.person_id, area) else None

    def routes(self) -> list[BaseRoute]:
        """`/login` and `/logout`, where there is something to log in to."""
        if not (self._passwords or self._sign_in.possible):
            return []
        guard = [Middleware(Guard, access=self._access)]
        static = StaticFiles(directory=STATIC)
        return [
            Mount("/login/static", static, middleware=guard),
            Route("/login", self._show, methods=["GET"], middleware=guard),
            Route("/login", self._log_in, methods=["POST"], middleware=guard),
            Route("/login/oidc", self._sign_in_there, methods=["GET"], middleware=guard),
            Route("/login/oidc/done", self._signed_in, methods=["GET"], middleware=guard),
            Route("/logout", self._log_out, methods=["POST"], middleware=guard),
        ]

    def _secret(self, area: Area, way: str) -> str | None:
        if way == _OIDC and (oidc := self._sign_in.oidc) is not None:
            return f"{oidc.options.issuer} {oidc.options.client_id}"
        return self._passwords.get(area) if way == _PASSWORD else None

    async def _sign_in_there(self, request: Request) -> Response:
        """Sends a browser to the provider."""
        back = _safe(request.query_params.get("next", ""))
        if (oidc := self._sign_in.oidc) is None:
            return self._page(request, back, Sentence("login.no_such_way"), 404)
        flow = Flow.begun(back)
        try:
            response = RedirectResponse(await oidc.address(flow), 303)
            kept = await self._keys.sign(_OIDC, flow.kept())
        except SignInFailed as error:
            return self._failed(request, back, error)
        except Unavailable:
            return self._page(request, back, _AWAY, 503)
        # Lax, since the way back begins on the provider's site.
        self._keep_flow(request, response, kept, FLOW_SECONDS)
        return response

    async def _signed_in(self, request: Request) -> Response:
        """Somebody comes back from the provider."""
        back, query = "/", request.query_params
        try:
            kept = await self._keys.verified(_OIDC, request.cookies.get(_FLOW_COOKIE, ""))
            flow = Flow.read(kept) if kept else None
            if (
                flow is None
                or flow.until < time.time()
                or not _same(flow.state, query.get("state"))
            ):
                return self._page(request, back, _OTHER_BROWSER, 400)
            back, oidc = flow.back, self._sign_in.oidc
            if oidc is None or "code" not in query:
                return self._page(request, back, Sentence("login.not_signed_in"), 403)
            identity = await oidc.identity(flow, query["code"])
            grants = self._grants_of(identity)
            if not grants:
                log.warning("somebody who is on no list signed in: %s", identity.id)
                return self._page(request, back, Sentence("login.not_listed"), 403)
            response = await self._let_in(request, grants, back)
        except SignInFailed as error:
            return self._failed(request, back, error)
        except Unavailable:
            return self._page(request, back, _AWAY, 503)
        self._keep_flow(request, response, "", 0)
        return _by_itself(response, back)

    def _grants_of(self, identity: OidcIdentity) -> list[LoginGrant]:
        areas: tuple[Area, ...] = ("page", "inspector")
        return [
            LoginGrant(area, _OIDC, self._secret(area, _OIDC) or "", identity.id, identity.name)
            for area in areas
            if self._sign_in.people.may_see(identity.id, area)
        ]

    def _failed(self, request: Request, back: str, error: SignInFailed) -> Response:
        log.warning("a sign-in failed: %s", error)
        return self._page(request, back, Sentence("login.failed"), 502)

    def _keep_flow(self, request: Request, response: Response, kept: str, seconds: int) -> None:
        response.set_cookie(
            _FLOW_COOKIE, kept, max_age=seconds, path="/login", httponly=True, samesite="lax",
            secure=self._access.secure(request),
        )  # fmt: skip

    async def _show(self, request: Request) -> Response:
        return self._page(request, _safe(request.query_params.get("next", "")))

    async def _log_in(self, request: Request) -> Response:
        try:
            with await self._guess(request) as guess:
                form = await _form(request)
                back = _safe(form.get("next", ""))
                if form is _TOO_LARGE:
                    return self._page(request, back, Sentence("login.form_too_large"), 413)
                grants = self._granted(form.get("password", ""))
                if not grants:
                    return self._page(request, back, Sentence("login.wrong_password"), 403)
                guess.right()
            return await self._let_in(request, grants, back)
        except TooManyGuesses as error:
            return self._wait(request, "/", error.wait_s)
        except Unavailable:
            return self._page(request, "/", _AWAY, 503)

    async def _guess(self, request: Request) -> Guess:
        """Counts a guess: for who isn't known, before anything is awaited."""
        client = request.client.host if request.client else ""
        try:
            return self._guesses.begin(client)
        except TooManyGuesses:
            cookie = request.cookies.get(KNOWN_COOKIE, "")
            known = await self._keys.verified("known", cookie)
            if known is None:
                raise
            return self._guesses.begin(f"known {known}", known=True)

    def _granted(self, password: str) -> list[LoginGrant]:
        """What a password opens."""
        return [
            LoginGrant(area, _PASSWORD, own)
            for area, own in self._passwords.items()
            if is_password(password, own)
        ]

    async def _let_in(self, request: Request, grants: list[LoginGrant], back: str) -> Response:
        """Gives a new session; what the browser's old one opened stays open."""
        areas = {grant.area for grant in grants}
        for area in set(_AREAS) - areas:
            if (session := await self.session(request, area)) is not None:
                secret = self._secret(area, session.way) or ""
                grants.append(
                    LoginGrant(area, session.way, secret, session.person_id, session.name)
                )
        old = request.cookies.get(SESSION_COOKIE, "")
        token = await self.sessions.begin(grants, instead_of=old)
        known = await self._keys.sign("known", secrets.token_urlsafe(16))
        response = RedirectResponse(back, 303)
        secure = self._access.secure(request)
        set_cookie(response, SESSION_COOKIE, token, seconds=SESSION_SECONDS, secure=secure)
        set_cookie(response, KNOWN_COOKIE, known, seconds=_KNOWN_SECONDS, secure=secure)
        return response

    async def _log_out(self, request: Request) -> Response:
        try:
            await self.sessions.end(request.cookies.get(SESSION_COOKIE, ""))
        except Unavailable:
            return self._page(request, "/", _AWAY, 503)
        response = RedirectResponse("/login", 303)
        secure = self._access.secure(request)
        set_cookie(response, SESSION_COOKIE, "", seconds=0, secure=secure)
        return response

    def _wait(self, request: Request, back: str, wait_s: float) -> Response:
        seconds = max(1, math.ceil(min(wait_s, Guesses.EACH_S)))
        response = self._page(request, back, Sentence("login.too_many", {"seconds": seconds}), 429)
        response.headers["Retry-After"] = str(seconds)
        response.headers["Connection"] = "close"  # its body is not waited for
        return response

    def _page(
        self, request: Request, back: str, problem: Sentence | None = None, status: int = 200
    ) -> Response:
        area: Area = "page" if back == "/" else "inspector"
        language = language_of(request.headers.get("accept-language", "")) or self._language

        def said(sentence: Sentence) -> str:
            return escape(sentence.to(language).text)

        text = self._form.substitute(
            language=language.tag,
            problem=said(problem) if problem else "",
            back=escape(back),
            password=said(_PASSWORD_OF[area]),
            sign_in=said(Sentence("login.account")),
            log_in=said(Sentence("login.button")),
            password_hidden="" if self._passwords else "hidden",
            account=escape(login_path(back).replace("/login", "/login/oidc", 1)),
            account_hidden="" if self._sign_in.oidc else "hidden",
        )
        # With no-referrer a browser sends a form's POST with the Origin "null".
        return HTMLResponse(text, status, {"Referrer-Policy": "same-origin"})


class InspectorGate:
    """What stands before the inspector: the rules, and the login where they ask for one."""

    def __init__(self, rules: AccessRules, login: Login | None = None) -> None:
        self._login = login
        self.middleware = Middleware(Guard, access=rules)
        self.asks = rules.asks

    async def viewer(self, request: Request) -> Viewer | None:
        """Who looks: anybody, where nobody is asked. Raises `Unavailable`."""
        if not self.asks:
            return Viewer("anybody on this machine")
        if self._login is None:
            return None
        session = await self._login.session(request, "inspector")
        if session is None:
            return None
        name = session.person_id or session.way
        own = Person(session.person_id, session.name, realm=REALM)
        return Viewer(name) if self._login.runs_of(session) == "all" else Viewer(name, own)

    def way_in(self, path: str) -> str:
        """Where to log in, to come back to a path."""
        return login_path(path)


def login_path(path: str = "") -> str:
    """Where to log in, to come back to a path of ours."""
    return f"/login?{urlencode({'next': path})}" if path else "/login"


def is_password(attempt: str, password: str) -> bool:
    """Whether this is the password; takes as long for every guess of one length."""
    return secrets.compare_digest(
        attempt.encode("utf-8", "replace"), password.encode("utf-8", "replace")
    )


_TOO_LARGE: dict[str, str] = {}


def _same(one: str, other: str | None) -> bool:
    return secrets.compare_digest(one.encode(), (other or "").encode("utf-8", "replace"))


def _by_itself(response: Response, back: str) -> Response:
    """A page of ours that goes on: after a redirect from elsewhere no strict cookie is sent."""
    page = HTMLResponse(
        '<!doctype html><title>Everytoken</title><link rel="icon" href="/login/static/icon.svg">'
        f'<meta http-equiv="refresh" content="0;url={escape(back)}">'
    )
    cookies = [each for each in response.raw_headers if each[0] == b"set-cookie"]
    page.raw_headers.extend(cookies)
    return page


async def _form(request: Request) -> dict[str, str]:
    """The fields of a small form; `_TOO_LARGE` where it is not small."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _FORM_LIMIT:
            return _TOO_LARGE
    fields = parse_qs(body.decode("utf-8", "replace"))
    return {name: values[0] for name, values in fields.items()}


def _safe(path: str) -> str:
    """Where to go after the way in: a page of the inspector's, or the page."""
    ours = path.startswith(("/runs", "/overview")) and "\\" not in path and path.isprintable()
    return path if ours else "/"
