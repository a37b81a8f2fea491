"""The playground's routes: the page, its files, its socket, and the way in and out."""

from __future__ import annotations

import asyncio
from html import escape
from string import Template

from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket

from connectors.base import TooLong, Unavailable
from connectors.web.access import Guard, set_cookie
from connectors.web.browser import Browser
from connectors.web.desk import Desk
from connectors.web.files import Upload
from connectors.web.login import STATIC, Login, login_path
from connectors.web.protocol import Declined, NotAdmitted, is_name
from connectors.web.sessions import OPEN, Session
from connectors.web.visitors import VISITOR_COOKIE, VISITOR_SECONDS, Visitors

LOG_IN_FIRST = 4401
"""The code that a socket is closed with when its session is over: the page then asks to log in."""
_TRY_AGAIN = 1013
_AWAY = "The bot's database does not answer. Please try again."


class Pages:
    """The routes of one playground."""

    def __init__(
        self,
        desk: Desk,
        login: Login,
        visitors: Visitors,
        about: str,
        max_file_bytes: int,
        runs_path: str,
    ) -> None:
        self._desk = desk
        self._visitors = visitors
        self._most = max_file_bytes
        self._login = login
        self._access = access = login.access("page")
        self._page = _template("page.html").substitute(
            about=escape(about),
            logout="" if access.asks else "hidden",
            runs=runs_path,
            runs_hidden="" if runs_path else "hidden",
        )
        self._errands: set[asyncio.Task[None]] = set()

    def routes(self) -> list[BaseRoute]:
        """The routes, each behind the guard."""
        guard = [Middleware(Guard, access=self._access)]
        return [
            Route("/", self._show_page, middleware=guard),
            Mount("/static", StaticFiles(directory=STATIC), middleware=guard),
            Route("/files/{conversation}", self._attach, methods=["POST"], middleware=guard),
            WebSocketRoute("/ws", self._serve_socket, middleware=guard),
            *self._login.routes(),
        ]

    async def aclose(self) -> None:
        """Lets go of what the bot has not settled."""
        await self._desk.aclose()
        for errand in self._errands:
            errand.cancel()
        await asyncio.gather(*self._errands, return_exceptions=True)

    async def _admitted(self, connection: HTTPConnection) -> Session | None:
        """The session of a visitor; one of nobody where none is asked for. Raises `Unavailable`."""
        if not self._access.asks:
            return OPEN
        return await self._login.session(connection, "page")

    async def _show_page(self, request: Request) -> Response:
        try:
            session = await self._admitted(request)
            if session is None:
                return RedirectResponse(login_path(), 303)
        except Unavailable:
            return PlainTextResponse(_AWAY, 503, {"Retry-After": "5"})
        response = HTMLResponse(self._page)
        try:
            cookie = (await self._visitors.of(request, session)).cookie
        except Unavailable:  # the page says so itself: its socket is closed and tried again
            return response
        if cookie:
            self._set_cookie(request, response, VISITOR_COOKIE, cookie, VISITOR_SECONDS)
        return response

    async def _serve_socket(self, socket: WebSocket) -> None:
        try:
            session = await self._admitted(socket)
            visitor = await self._visitors.of(socket, session) if session else None
        except Unavailable:
            await _turn_away(socket, _TRY_AGAIN)
            return
        if session is None or visitor is None:
            await _turn_away(socket, LOG_IN_FIRST)
            return
        headers = Response()
        if visitor.cookie:
            self._set_cookie(socket, headers, VISITOR_COOKIE, visitor.cookie, VISITOR_SECONDS)
        kept = [each for each in headers.raw_headers if each[0] == b"set-cookie"]
        await socket.accept(headers=kept)
        browser = Browser(socket, visitor.person, self._desk, self._errands)
        with self._login.sessions.holding(session, lambda: browser.close(LOG_IN_FIRST)):
            await browser.run()

    async def _attach(self, request: Request) -> Response:
        """Takes a file: its content is the body, its name a parameter. Answers with its id."""
        conversation = request.path_params["conversation"]
        try:
            session = await self._admitted(request)
            if session is None:
                return _problem("Please log in again.", 401)
            person = await self._visitors.known(request, session)
            if not is_name(conversation) or person is None:
                return _problem("Please reload the page.", 400)
            if _length(request) > self._most:
                raise TooLong(f"more than {self._most} bytes")
            await self._desk.may_attach(conversation, person, _length(request))
            content = await _body(request, self._most)
            name = request.query_params.get("name", "")
            media_type = request.headers.get("content-type", "")
            upload = Upload(name, media_type, content)
            file = await self._desk.attach(conversation, person, upload)
        except TooLong:
            return _problem(f"It is too large: the most is {self._most / 1e6:g} MB.", 413)
        except NotAdmitted as declined:
            return _problem(str(declined), 403)
        except Declined as declined:
            return _problem(str(declined), 503)
        except Unavailable:
            return _problem(_AWAY, 503)
        return JSONResponse({"id": file.id})

    def _set_cookie(
        self, request: HTTPConnection, response: Response, name: str, value: str, seconds: int
    ) -> None:
        secure = self._access.secure(request)
        set_cookie(response, name, value, seconds=seconds, secure=secure)


def _template(name: str) -> Template:
    return Template((STATIC / name).read_text(encoding="utf-8"))


async def _turn_away(socket: WebSocket, code: int) -> None:
    await socket.accept()
    await socket.close(code)


async def _body(request: Request, most: int) -> bytes:
    """The body of a request. Raises `TooLong` as soon as it has more than `most` bytes."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise TooLong(f"more than {most} bytes")
    return bytes(body)


def _length(request: Request) -> int:
    """How many bytes the body will have, as the browser says; 0 where it doesn't."""
    said = request.headers.get("content-length", "")
    return int(said) if said.isascii() and said.isdigit() else 0


def _problem(why: str, status: int) -> Response:
    return JSONResponse({"problem": why}, status)
