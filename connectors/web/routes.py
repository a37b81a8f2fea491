"""The playground's routes: the page, its files, its socket, and the way in and out."""

from __future__ import annotations

import asyncio
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket

from connectors.base import TooLong, Unavailable
from connectors.web.access import SESSION_COOKIE, SESSION_SECONDS, Access, Guard, set_cookie
from connectors.web.browser import Browser
from connectors.web.desk import Desk
from connectors.web.files import Upload
from connectors.web.protocol import Declined, is_name
from connectors.web.visitors import VISITOR_COOKIE, VISITOR_SECONDS, Visitors

STATIC = Path(__file__).parent / "static"
_FORM_LIMIT = 4096
LOG_IN_FIRST = 4401
"""The code that a socket is closed with when its session is over: the page then asks to log in."""
_TRY_AGAIN = 1013


class Pages:
    """The routes of one playground."""

    def __init__(
        self,
        desk: Desk,
        access: Access,
        visitors: Visitors,
        about: str,
        max_file_bytes: int,
        runs_path: str,
    ) -> None:
        self._desk = desk
        self._visitors = visitors
        self._most = max_file_bytes
        self._access = access
        self._page = _template("page.html").substitute(
            about=escape(about),
            logout="" if access.asks_password else "hidden",
            runs=runs_path,
            runs_hidden="" if runs_path else "hidden",
        )
        self._login = _template("login.html")
        self._errands: set[asyncio.Task[None]] = set()

    @property
    def access(self) -> Access:
        """Who may come in."""
        return self._access

    def routes(self) -> list[BaseRoute]:
        """The routes, each behind the guard."""
        guard = [Middleware(Guard, access=self._access)]
        routes: list[BaseRoute] = [
            Route("/", self._show_page, middleware=guard),
            Mount("/static", StaticFiles(directory=STATIC), middleware=guard),
            Route("/files/{conversation}", self._attach, methods=["POST"], middleware=guard),
            WebSocketRoute("/ws", self._serve_socket, middleware=guard),
        ]
        if self._access.asks_password:
            routes += [
                Route("/login", self._show_login, methods=["GET"], middleware=guard),
                Route("/login", self._log_in, methods=["POST"], middleware=guard),
                Route("/logout", self._log_out, methods=["POST"], middleware=guard),
            ]
        return routes

    async def aclose(self) -> None:
        """Lets go of what the bot has not settled."""
        for errand in self._errands:
            errand.cancel()
        await asyncio.gather(*self._errands, return_exceptions=True)

    async def _show_page(self, request: Request) -> Response:
        if not self._access.admits(request):
            return RedirectResponse("/login", 303)
        response = HTMLResponse(self._page)
        try:
            cookie = (await self._visitors.of(request)).cookie
        except Unavailable:  # the page says so itself: its socket is closed and tried again
            return response
        if cookie:
            self._set_cookie(request, response, VISITOR_COOKIE, cookie, VISITOR_SECONDS)
        return response

    async def _serve_socket(self, socket: WebSocket) -> None:
        if not self._access.admits(socket):
            await socket.accept()
            await socket.close(LOG_IN_FIRST)
            return
        try:
            visitor = await self._visitors.of(socket)
        except Unavailable:
            await socket.accept()
            await socket.close(_TRY_AGAIN)
            return
        headers = Response()
        if visitor.cookie:
            self._set_cookie(socket, headers, VISITOR_COOKIE, visitor.cookie, VISITOR_SECONDS)
        kept = [each for each in headers.raw_headers if each[0] == b"set-cookie"]
        await socket.accept(headers=kept)
        await Browser(socket, visitor.person, self._desk, self._errands).run()

    async def _attach(self, request: Request) -> Response:
        """Takes a file: its content is the body, its name a parameter. Answers with its id."""
        if not self._access.admits(request):
            return _problem("Please log in again.", 401)
        conversation = request.path_params["conversation"]
        try:
            person = await self._visitors.known(request)
            if not is_name(conversation) or person is None:
                return _problem("Please reload the page.", 400)
            content = await _body(request, self._most)
            name = request.query_params.get("name", "")
            media_type = request.headers.get("content-type", "")
            upload = Upload(name, media_type, content)
            file = await self._desk.attach(conversation, person, upload)
        except TooLong:
            return _problem(f"It is too large: the most is {self._most / 1e6:g} MB.", 413)
        except Declined as declined:
            return _problem(str(declined), 503)
        except Unavailable:
            return _problem("The bot's database does not answer. Please try again.", 503)
        return JSONResponse({"id": file.id})

    async def _show_login(self, request: Request) -> Response:  # noqa: ARG002 - Starlette passes it
        return self._login_form("", 200)

    async def _log_in(self, request: Request) -> Response:
        if not self._access.attempts.allowed():
            return self._login_form("There were too many attempts. Please wait a minute.", 429)
        if not self._access.is_password(await _field(request, "password")):
            self._access.attempts.count()
            return self._login_form("That is not the password.", 403)
        response = RedirectResponse("/", 303)
        self._set_cookie(request, response, SESSION_COOKIE, self._access.session(), SESSION_SECONDS)
        return response

    async def _log_out(self, request: Request) -> Response:
        response = RedirectResponse("/login", 303)
        self._set_cookie(request, response, SESSION_COOKIE, "", 0)
        return response

    def _login_form(self, problem: str, status: int) -> Response:
        # With no-referrer a browser sends a form's POST with the Origin "null".
        headers = {"Referrer-Policy": "same-origin"}
        return HTMLResponse(self._login.substitute(problem=escape(problem)), status, headers)

    def _set_cookie(
        self, request: HTTPConnection, response: Response, name: str, value: str, seconds: int
    ) -> None:
        secure = self._access.secure(request)
        set_cookie(response, name, value, seconds=seconds, secure=secure)


def _template(name: str) -> Template:
    return Template((STATIC / name).read_text(encoding="utf-8"))


async def _field(request: Request, name: str) -> str:
    """A field of a small form. Raises 413 where it is not small."""
    try:
        body = await _body(request, _FORM_LIMIT)
    except TooLong as error:
        raise HTTPException(413, "That form is too large.") from error
    fields = parse_qs(body.decode("utf-8", "replace"))
    return fields.get(name, [""])[0]


async def _body(request: Request, most: int) -> bytes:
    """The body of a request. Raises `TooLong` as soon as it has more than `most` bytes."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise TooLong(f"more than {most} bytes")
    return bytes(body)


def _problem(why: str, status: int) -> Response:
    return JSONResponse({"problem": why}, status)
