"""The one login of page and inspector: guesses, sessions, and how both end."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from bot.http import ConnectionLimits, listen, serve
from connectors.base import Unavailable
from connectors.web import WebConnector, sessions
from connectors.web.guesses import Guesses, TooManyGuesses
from connectors.web.login import KNOWN_COOKIE, SESSION_COOKIE
from connectors.web.sessions import SESSION_SECONDS, LoginGrant, LoginSessions
from tests.doubles.page import ABOUT, serving
from tests.doubles.waiting import PATIENCE_S
from tests.wire.web.test_access import Answer, call, log_in

pytestmark = pytest.mark.real_time

PASSWORD = "open sesame"
OWN = "a word for the inspector"


def web(engine: AsyncEngine, password: str = PASSWORD, own: str | None = None) -> WebConnector:
    """A public playground with a password."""
    return WebConnector(engine, about=ABOUT, password=password, inspector_password=own, public=True)


@pytest.fixture
async def guarded(engine: AsyncEngine) -> AsyncIterator[str]:
    """Its address."""
    async with serving(web(engine)) as address:
        yield address


def session_of(answer: Answer) -> dict[str, str]:
    """The header by which a browser shows the session that it was given."""
    return {"Cookie": f"{SESSION_COOKIE}={answer.cookies[SESSION_COOKIE].value}"}


async def is_in(address: str, session: dict[str, str]) -> bool:
    """Whether the page opens."""
    return (await call(address, "GET", "/", session)).status == 200


async def log_out(address: str, session: dict[str, str]) -> Answer:
    """Presses the button."""
    return await call(address, "POST", "/logout", {"Origin": f"http://{address}", **session})


async def closed_with(
    address: str, session: dict[str, str], opened: asyncio.Event | None = None
) -> int | None:
    """What a page's socket is closed with; waits for it. Says when it is open."""
    origin: Any = f"http://{address}"
    async with connect(
        f"ws://{address}/ws", origin=origin, proxy=None, additional_headers=session
    ) as socket:
        with suppress(ConnectionClosed):
            await (await socket.ping())  # it is served, and not only accepted
            if opened is not None:
                opened.set()
        await asyncio.wait_for(socket.wait_closed(), PATIENCE_S)
        return socket.close_code


# Guesses.


async def test_of_many_guesses_whose_bodies_are_held_back_ten_are_taken(
    engine: AsyncEngine,
) -> None:
    """Each counts from its first line on, not from its last byte."""
    connector = web(engine)
    with listen("127.0.0.1", 0) as listener:
        server = serve(
            Starlette(routes=connector.routes()), ConnectionLimits(total=500, per_address=500)
        )
        server.config.load()
        server.lifespan = server.config.lifespan_class(server.config)
        await server.startup(sockets=[listener])
        port = listener.getsockname()[1]
        body = b"password=" + PASSWORD.replace(" ", "+").encode()
        head = (
            f"POST /login HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode()
        clients = [await asyncio.open_connection("127.0.0.1", port) for _ in range(300)]
        for _, writer in clients:
            writer.write(head)
            await writer.drain()
        await asyncio.sleep(0.5)
        for _, writer in clients:
            writer.write(body)

        async def status(reader: asyncio.StreamReader) -> int:
            return int((await asyncio.wait_for(reader.readline(), 20)).split()[1])

        statuses = [await status(reader) for reader, _ in clients]
        for _, writer in clients:
            writer.close()
        await connector.aclose()
        server.force_exit = True
        await server.shutdown(sockets=[listener])
    assert statuses.count(303) == 10, "right passwords, so that what was taken is seen"
    assert statuses.count(429) == 290


async def test_wrong_guesses_are_refused_and_then_not_taken_for_seconds(guarded: str) -> None:
    """After ten wrong ones the right one has to wait, and hears for how long."""
    for _ in range(10):
        wrong = await log_in(guarded, "sesame")
        assert wrong.status == 403
        assert not wrong.cookies
    assert "not the password" in wrong.body
    late = await log_in(guarded, PASSWORD)
    assert late.status == 429
    assert not late.cookies
    assert 1 <= int(late.headers["retry-after"]) <= 6
    assert f"again in {late.headers['retry-after']} seconds" in late.body


async def test_whoever_has_logged_in_before_is_not_kept_out_by_others(guarded: str) -> None:
    """Their browser is known, and counts by itself."""
    known = (await log_in(guarded, PASSWORD)).cookies[KNOWN_COOKIE]
    assert known["httponly"]
    for _ in range(10):
        await log_in(guarded, "x")
    assert (await log_in(guarded, PASSWORD)).status == 429
    cookie = f"{KNOWN_COOKIE}={known.value}"
    forged = f"{KNOWN_COOKIE}={known.value[:-1]}"
    assert (await log_in(guarded, PASSWORD, Cookie=forged)).status == 429
    assert (await log_in(guarded, PASSWORD, Cookie=cookie)).status == 303
    wrong = [(await log_in(guarded, "x", Cookie=cookie)).status for _ in range(11)]
    assert wrong == [403] * 10 + [429]


def test_a_wrong_guess_gives_its_place_back_after_seconds() -> None:
    """One after the other, however many end at once."""
    now = 0.0
    guesses = Guesses(lambda: now)
    for _ in range(Guesses.MOST):
        with guesses.begin("a"):
            pass
    with pytest.raises(TooManyGuesses) as waits:
        guesses.begin("a")
    assert waits.value.wait_s == Guesses.EACH_S
    with guesses.begin("b") as guess:
        guess.right()
    now = Guesses.EACH_S
    with guesses.begin("a"):
        pass
    with pytest.raises(TooManyGuesses):
        guesses.begin("a")


def test_guesses_from_everywhere_have_a_bound_of_their_own() -> None:
    """However many addresses they come from; and nothing is kept of who has stopped."""
    now = 0.0
    guesses = Guesses(lambda: now)
    taken = 0
    for n in range(1000):
        try:
            with guesses.begin(f"client {n}"):
                taken += 1
        except TooManyGuesses:
            pass
    assert taken == Guesses.MOST_OF_ALL
    with guesses.begin("known", known=True) as guess:
        guess.right()
    now = 1000.0
    with guesses.begin("somebody"):
        pass
    assert len(guesses._clients) == 1


def test_right_guesses_and_broken_off_ones_leave_no_place_taken() -> None:
    """A client that goes away has guessed wrong."""
    guesses = Guesses(lambda: 0.0)
    for _ in range(50):
        with guesses.begin("a") as guess:
            guess.right()
    for _ in range(Guesses.MOST):
        with pytest.raises(ConnectionError), guesses.begin("a"):
            raise ConnectionError
    with pytest.raises(TooManyGuesses):
        guesses.begin("a")


# Sessions.


async def test_a_session_that_was_copied_ends_with_the_logout(guarded: str) -> None:
    """For the copy too, and for what is open by it."""
    session = session_of(await log_in(guarded, PASSWORD))
    assert await is_in(guarded, session)
    opened = asyncio.Event()
    closing_ = asyncio.create_task(closed_with(guarded, dict(session), opened))
    await opened.wait()
    out = await log_out(guarded, session)
    assert (out.status, out.headers["location"]) == (303, "/login")
    assert not await is_in(guarded, session)
    assert await closing_ == 4401


async def test_a_logout_in_another_process_closes_open_pages(
    engine: AsyncEngine, guarded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within some seconds: they are looked up now and then."""
    monkeypatch.setattr(sessions, "LOOK_S", 0.1)
    session = session_of(await log_in(guarded, PASSWORD))
    opened = asyncio.Event()
    waits = asyncio.create_task(closed_with(guarded, session, opened))
    await opened.wait()
    await asyncio.sleep(0.3)  # it was looked up, and is in
    assert not waits.done()
    async with serving(web(engine)) as other:
        await log_out(other, session)
    assert await waits == 4401


async def test_a_session_outlives_a_restart_and_ends_with_its_password(engine: AsyncEngine) -> None:
    """It is in the database, and proves what it was given for."""
    async with serving(web(engine)) as address:
        session = session_of(await log_in(address, PASSWORD))
    async with serving(web(engine)) as address:
        assert await is_in(address, session)
    async with serving(web(engine, "another word")) as address:
        assert not await is_in(address, session)


async def test_nothing_in_the_table_opens_anything(guarded: str, tmp_path: Path) -> None:
    """Neither token nor password stands in it; a row's id is no token."""
    token = (await log_in(guarded, PASSWORD)).cookies[SESSION_COOKIE].value
    with closing(sqlite3.connect(tmp_path / "web.db")) as database:
        rows = database.execute("SELECT * FROM web_sessions").fetchall()
    assert len(rows) == 2
    for row in rows:
        assert token not in str(row)
        assert PASSWORD not in str(row)
        for value in row:
            assert not await is_in(guarded, {"Cookie": f"{SESSION_COOKIE}={value}"})


@pytest.mark.parametrize("forged", ["", ".", "9999999999.00", "x.ü", "%00", "9" * 4000, '"'])
async def test_a_made_up_session_opens_nothing(guarded: str, forged: str) -> None:
    """Whatever stands in the cookie."""
    cookie = f"{SESSION_COOKIE}={forged}".encode().decode("latin-1")
    assert not await is_in(guarded, {"Cookie": cookie})
    assert (await log_out(guarded, {"Cookie": cookie})).status == 303


async def test_a_session_ends_with_its_time(engine: AsyncEngine) -> None:
    """Thirty days; what is over is deleted at the next login."""
    now = 1_000.0
    kept = LoginSessions(engine, lambda: now)
    grants = [LoginGrant("page", "password", PASSWORD)]
    token = await kept.begin(grants)
    assert await kept.find(token, "page", lambda *_: PASSWORD)
    assert not await kept.find(token, "inspector", lambda *_: PASSWORD)
    assert not await kept.find(token, "page", lambda *_: None)
    now += SESSION_SECONDS
    assert not await kept.find(token, "page", lambda *_: PASSWORD)
    await kept.begin(grants)
    async with engine.connect() as connection:
        assert len((await connection.execute(sessions.web_sessions.select())).all()) == 1


async def test_without_the_database_nobody_is_let_in_and_told_so(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    """A plain page, and a socket that is tried again."""
    async with serving(web(engine)) as address:
        session = session_of(await log_in(address, PASSWORD))
        with closing(sqlite3.connect(tmp_path / "web.db")) as database:
            database.execute("DROP TABLE web_sessions")
        assert (await call(address, "GET", "/", session)).status == 503
        assert (await log_in(address, PASSWORD)).status == 503
        assert (await log_out(address, session)).status == 503
        assert await closed_with(address, session) == 1013
    with pytest.raises(Unavailable):
        await LoginSessions(engine).find("token", "page", lambda *_: PASSWORD)


# Page and inspector.


@asynccontextmanager
async def both(engine: AsyncEngine, own: str | None) -> AsyncIterator[str]:
    """The page, and something that only the inspector's sessions open."""
    connector = web(engine, own=own)
    login = connector.login

    async def runs(request: Request) -> Response:
        return PlainTextResponse("", 200 if await login.session(request, "inspector") else 401)

    page_routes = connector.routes
    connector.routes = lambda: [*page_routes(), Route("/runs", runs)]  # type: ignore[method-assign]
    async with serving(connector) as address:
        yield address


async def opened(address: str, session: dict[str, str]) -> tuple[int, int]:
    """How page and inspector answer."""
    return tuple([(await call(address, "GET", path, session)).status for path in ("/", "/runs")])  # type: ignore[return-value]


async def test_the_pages_password_opens_the_inspector_that_has_none(engine: AsyncEngine) -> None:
    async with both(engine, None) as address:
        assert await opened(address, session_of(await log_in(address, PASSWORD))) == (200, 200)
        assert await opened(address, {}) == (303, 401)


async def test_each_password_opens_what_it_is_for_and_both_open_both(engine: AsyncEngine) -> None:
    """One session, which the second password widens; the first one's token is over then."""
    async with both(engine, OWN) as address:
        first = session_of(await log_in(address, PASSWORD))
        assert await opened(address, first) == (200, 401)
        assert await opened(address, session_of(await log_in(address, OWN))) == (303, 200)
        second = session_of(await log_in(address, OWN, **first))
        assert await opened(address, second) == (200, 200)
        assert await opened(address, first) == (303, 401)
        await log_out(address, second)
        assert await opened(address, second) == (303, 401)


@pytest.mark.parametrize(
    ("back", "goes"),
    [
        ("/runs?person=U1", "/runs?person=U1"),
        ("/overview", "/overview"),
        ("", "/"),
        ("//evil.example", "/"),
        ("https://evil.example/runs", "/"),
        ("/runs\\\\evil", "/"),
        ("/runs\r\nX: y", "/"),
    ],
)
async def test_the_login_leads_back_to_pages_of_ours_alone(
    guarded: str, back: str, goes: str
) -> None:
    answer = await log_in(guarded, PASSWORD, next=back)
    assert (answer.status, answer.headers["location"]) == (303, goes)


async def test_what_a_form_holds_is_text_on_its_page(guarded: str) -> None:
    """The way back stands in the form again."""
    answer = await log_in(guarded, "x", next='/runs?"><script>')
    assert answer.status == 403
    assert "<script>" not in answer.body
    assert not SimpleCookie(answer.headers.get("set-cookie", ""))
