"""The page's routes: the page, its files, its socket, and the way in and out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from functools import partial
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
from starlette.websockets import WebSocket, WebSocketDisconnect

from connectors.base import Person, TooLarge, Unavailable
from connectors.web import protocol
from connectors.web.access import VISITOR_COOKIE, VISITOR_SECONDS, Guard, Visitors, set_cookie
from connectors.web.desk import Desk, place_of
from connectors.web.exporting import EXPORTS
from connectors.web.files import Upload
from connectors.web.hub import Encode, Outbox, Shared
from connectors.web.login import STATIC, Login, login_path
from connectors.web.protocol import Ask, Clear, Declined, Delete, NotAdmitted, Open, Press, is_name
from connectors.web.sessions import OPEN, Session
from connectors.web.settings_panel import MOST_BYTES, NotUnderstood, SettingsPanel
from connectors.web.uploads import Serve
from connectors.words import Language, Sentence, Wording, language_of

# One browser's WebSocket: reads what its page asks for, writes what there is to show.


AT_ONCE = 8
"""So many questions and presses of one socket may be on their way to the bot."""


class Browser:
    """A browser from its coming to its going.

    `errands` holds what was handed to the bot and not yet settled: it goes on when the browser
    has gone.
    """

    def __init__(
        self,
        socket: WebSocket,
        person: Person,
        desk: Desk,
        errands: set[asyncio.Task[None]],
        language: Language,
    ) -> None:
        self._language = language
        self._socket = socket
        self._person = person
        self._desk = desk
        self._errands = errands
        self._outbox = Outbox(person.id)
        self._conversation: str | None = None
        self._under_way = 0

    async def run(self) -> None:
        """Serves the browser, whose socket was accepted, until it goes or is let go."""
        self._desk.hub.join(self._outbox)
        try:
            async with asyncio.TaskGroup() as group:
                writing = group.create_task(self._write())
                await self._read()
                writing.cancel()
        finally:
            self._desk.hub.leave(self._outbox)

    def close(self, code: int) -> None:
        """Lets the browser go; nothing more is sent to it."""
        self._outbox.close(code)

    async def _write(self) -> None:
        try:
            while frame := await self._outbox.next():
                await self._socket.send_text(await _made(frame))
            await self._socket.close(self._outbox.code)
        except WebSocketDisconnect:
            return

    async def _read(self) -> None:
        while (frame := await self._socket.receive())["type"] == "websocket.receive":
            text = frame.get("text")
            if text is None or len(text) > protocol.FRAME_LIMIT:
                self._outbox.close(1003 if text is None else 1009)
                continue
            try:
                await self._take(text)
            except Declined as declined:
                self._decline(declined)

    async def _take(self, text: str) -> None:
        match protocol.parse(text):
            case Open(conversation):
                await self._open(conversation)
            case Ask() as ask:
                accepted = partial(protocol.accepted, ask.id)
                self._run(self._desk.ask(self._opened(), self._person, ask), ask.id, accepted)
            case Press() as press:
                self._run(self._desk.press(self._opened(), self._person, press), press.message)
            case Delete(message):
                self._run(self._desk.delete(self._opened(), self._person, message), message)
            case Clear(conversation):
                self._outbox.answer(conversation, await self._clear(conversation))

    async def _open(self, conversation: str) -> None:
        self._conversation = conversation
        snapshot: Encode | None = None
        self._outbox.hold()
        try:
            messages = await self._desk.open(self._outbox, conversation)
            snapshot = partial(protocol.snapshot, conversation, messages, self._desk.hub.drawings)
        finally:
            self._outbox.release(snapshot)

    async def _clear(self, conversation: str) -> Encode:
        try:
            await self._desk.clear(conversation, self._person)
        except Declined as declined:
            return partial(protocol.uncleared, conversation, declined.why.to(self._language))
        return partial(protocol.cleared, conversation)

    def _opened(self) -> str:
        if self._conversation is None:
            raise Declined(Sentence("web.nothing_open"))
        return self._conversation

    def _run(self, errand: Awaitable[None], message_id: str, done: Encode | None = None) -> None:
        """Waits for the bot apart from the reading, so that Stop is heard meanwhile."""
        task = asyncio.ensure_future(self._settle(errand, message_id, done))
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def _settle(self, errand: Awaitable[None], message_id: str, done: Encode | None) -> None:
        self._under_way += 1
        try:
            if self._under_way > AT_ONCE:
                raise Declined(Sentence("web.busy"), message_id)
            await errand
        except Declined as declined:
            self._decline(declined)
        else:
            if done is not None:
                self._outbox.answer(message_id, done)
        finally:
            self._under_way -= 1

    def _decline(self, declined: Declined) -> None:
        why = declined.why.to(self._language)
        refused = partial(protocol.refused, declined.message_id, why)
        self._outbox.answer(declined.message_id, refused)


async def _made(frame: Encode | Shared) -> str:
    """A frame's JSON, made by a thread: drawing Markdown takes milliseconds."""
    if isinstance(frame, Shared):
        return await frame.text()
    return await asyncio.to_thread(frame)


LOG_IN_FIRST = 4401
"""The code that a socket is closed with when its session is over: the page then asks to log in."""
_TRY_AGAIN = 1013
_AWAY = Sentence("web.away")


class Pages:
    """The routes of one playground."""

    def __init__(
        self,
        desk: Desk,
        login: Login,
        visitors: Visitors,
        about: str,
        small: bool,
        max_file_bytes: int,
        runs_path: str,
        language: Language,
        example: str,
        voice_seconds: int,
        serve: Serve,
    ) -> None:
        self._language = language
        self._serve = serve
        self._desk = desk
        self._panel = SettingsPanel(desk.inflow)
        self._visitors = visitors
        self._most = max_file_bytes
        self._login = login
        self._access = access = login.access("page")
        self._page = _template("page.html").substitute(
            about=escape(about),
            small="yes" if small else "",
            logout="" if access.asks else "hidden",
            runs=runs_path,
            runs_hidden="" if runs_path else "hidden",
            example=escape(example),
            example_hidden="" if example else "hidden",
            most_megabytes=f"{max_file_bytes / 1e6:g}",
            voice_seconds=str(voice_seconds),
        )
        self._errands: set[asyncio.Task[None]] = set()

    def routes(self) -> list[BaseRoute]:
        """The routes, each behind the guard."""
        guard = [Middleware(Guard, access=self._access)]
        return [
            Route("/", self._show_page, middleware=guard),
            Mount("/static", StaticFiles(directory=STATIC), middleware=guard),
            Route("/files/{conversation}", self._attach, methods=["POST"], middleware=guard),
            Route("/files/{conversation}/{file}", self._hand_out, middleware=guard),
            Route(
                "/settings/{conversation}",
                self._settings,
                methods=["GET", "POST"],
                middleware=guard,
            ),
            Route("/export/{conversation}.{form}", self._export, middleware=guard),
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
            return PlainTextResponse(self._to(request, _AWAY).text, 503, {"Retry-After": "5"})
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
        browser = Browser(socket, visitor.person, self._desk, self._errands, self._reads(socket))
        with self._login.sessions.holding(session, lambda: browser.close(LOG_IN_FIRST)):
            await browser.run()

    async def _attach(self, request: Request) -> Response:
        """Takes a file: its content is the body, its name a parameter. Answers with its id."""
        conversation = request.path_params["conversation"]
        problem = partial(self._problem, request)
        try:
            session = await self._admitted(request)
            if session is None:
                return problem(Sentence("web.log_in"), 401)
            person = await self._visitors.known(request, session)
            if not is_name(conversation) or person is None:
                return problem(Sentence("web.reload"), 400)
            if _length(request) > self._most:
                raise TooLarge(f"more than {self._most} bytes")
            await self._desk.may_attach(conversation, person, _length(request))
            content = await _body(request, self._most)
            name = request.query_params.get("name", "")
            media_type = request.headers.get("content-type", "")
            upload = Upload(name, media_type, content)
            file = await self._desk.attach(conversation, person, upload)
        except TooLarge:
            return problem(Sentence("web.too_large", {"megabytes": self._most / 1e6}), 413)
        except NotAdmitted as declined:
            return problem(declined.why, 403)
        except Declined as declined:
            return problem(declined.why, 503)
        except Unavailable:
            return problem(_AWAY, 503)
        return JSONResponse({"id": file.id})

    async def _hand_out(self, request: Request) -> Response:
        """A file of an answer, to who may see that."""
        conversation, file = request.path_params["conversation"], request.path_params["file"]
        missing = PlainTextResponse(self._to(request, Sentence("web.no_file")).text, 404)
        try:
            session = await self._admitted(request)
            person = await self._visitors.known(request, session) if session else None
            if person is None or not is_name(conversation) or not is_name(file):
                return missing
            return await self._serve(conversation, person.id, file) or missing
        except Unavailable:
            return PlainTextResponse(self._to(request, _AWAY).text, 503, {"Retry-After": "5"})

    async def _settings(self, request: Request) -> Response:
        """What is set for a conversation or the page; a POST changes it."""
        conversation, language = request.path_params["conversation"], self._reads(request)
        try:
            session = await self._admitted(request)
            if session is None:
                return self._problem(request, Sentence("web.log_in"), 401)
            person = await self._visitors.known(request, session)
            if not is_name(conversation) or person is None:
                return self._problem(request, Sentence("web.reload"), 400)
            reader, place = replace(person, language=language.tag), place_of(conversation)
            if request.method == "POST":
                body = await _body(request, MOST_BYTES)
                said = await self._panel.change(place, reader, body, language)
            else:
                where = request.query_params.get("where", "channel")
                said = await self._panel.form(place, reader, where, language)
        except (NotUnderstood, TooLarge):
            return self._problem(request, Sentence("web.reload"), 400)
        except Unavailable:
            return self._problem(request, _AWAY, 503)
        return JSONResponse(said.content, said.status, {"Cache-Control": "no-store"})

    async def _export(self, request: Request) -> Response:
        """A conversation as a file, Markdown or JSON."""
        conversation, form = request.path_params["conversation"], request.path_params["form"]
        try:
            session = await self._admitted(request)
            if session is None:
                return RedirectResponse(login_path(), 303)
            person = await self._visitors.known(request, session)
            if person is None or not is_name(conversation) or form not in EXPORTS:
                return PlainTextResponse(self._to(request, Sentence("web.no_file")).text, 404)
            messages = await self._desk.whole(conversation, person)
        except (Declined, Unavailable):
            return PlainTextResponse(self._to(request, _AWAY).text, 503, {"Retry-After": "5"})
        media_type, write = EXPORTS[form]
        name = f"everytoken-{conversation[:12]}.{form}"
        held = {
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
        }
        return Response(write(messages), media_type=media_type, headers=held)

    def _problem(self, request: Request, why: Sentence, status: int) -> Response:
        return JSONResponse({"problem": self._to(request, why).text}, status)

    def _reads(self, connection: HTTPConnection) -> Language:
        return language_of(connection.headers.get("accept-language", "")) or self._language

    def _to(self, connection: HTTPConnection, said: Sentence) -> Wording:
        """A sentence in the language of a browser."""
        return said.to(self._reads(connection))

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
    """The body of a request. Raises `TooLarge` as soon as it has more than `most` bytes."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise TooLarge(f"more than {most} bytes")
    return bytes(body)


def _length(request: Request) -> int:
    """How many bytes the body will have, as the browser says; 0 where it doesn't."""
    said = request.headers.get("content-length", "")
    return int(said) if said.isascii() and said.isdigit() else 0
