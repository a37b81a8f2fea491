"""Who may come in, over a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from typing import NamedTuple
from urllib.parse import urlencode

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.datastructures import Headers
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from connectors.web import AccessRules, WebConnector
from connectors.web.access import VISITOR_COOKIE
from connectors.web.login import SESSION_COOKIE
from tests.doubles.page import ABOUT, serving

pytestmark = pytest.mark.real_time

PASSWORD = "open sesame"


class Answer(NamedTuple):
    """What the server said."""

    status: int
    headers: Mapping[str, str]
    body: str
    cookies: SimpleCookie


async def call(
    address: str, method: str, path: str, headers: Mapping[str, str] | None = None, body: str = ""
) -> Answer:
    """One request, sent to the address whatever Host it names."""
    return await asyncio.to_thread(_call, address, method, path, dict(headers or {}), body)


def _call(address: str, method: str, path: str, headers: dict[str, str], body: str) -> Answer:
    connection = HTTPConnection(address, timeout=10)
    try:
        connection.request(method, path, body or None, headers)
        response = connection.getresponse()
        cookies: SimpleCookie = SimpleCookie()
        for value in response.headers.get_all("set-cookie") or ():
            cookies.load(value)
        named = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, named, response.read().decode(), cookies)
    finally:
        connection.close()


async def log_in(address: str, password: str, next: str = "", **headers: str) -> Answer:  # noqa: A002 - as the form has it
    """Sends the login form."""
    sent = {
        "Origin": f"http://{address}",
        "Content-Type": "application/x-www-form-urlencoded",
        **headers,
    }
    form = urlencode({"password": password, "next": next})
    return await call(address, "POST", "/login", sent, form)


async def socket_status(address: str, **headers: str) -> int:
    """How the server answers a socket: 101, or the status or code that it was refused with."""
    try:
        async with connect(
            f"ws://{address}/ws", additional_headers=headers, proxy=None
        ) as connection:
            try:
                await asyncio.wait_for(connection.recv(), 0.2)
            except ConnectionClosed:
                return connection.close_code or 0
            except TimeoutError:
                return 101
    except InvalidStatus as refused:
        return refused.response.status_code
    return 101


@pytest.fixture
async def guarded(engine: AsyncEngine) -> AsyncIterator[str]:
    """The address of a public playground with a password."""
    connector = WebConnector(engine, about=ABOUT, password=PASSWORD, public=True)
    async with serving(connector) as address:
        yield address


async def test_the_page_comes_with_a_strict_policy(address: str) -> None:
    """Nothing from elsewhere, no frame around it, no referrer to elsewhere."""
    page = await call(address, "GET", "/")
    assert page.status == 200
    assert page.headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "no-referrer"
    script = await call(address, "GET", "/static/page.js")
    assert "javascript" in script.headers["content-type"]
    assert script.headers["x-content-type-options"] == "nosniff"


async def test_what_is_said_about_the_model_is_text(engine: AsyncEngine) -> None:
    """A model's name can't be markup."""
    async with serving(WebConnector(engine, about='<b>"x" & $about')) as address:
        page = await call(address, "GET", "/")
    assert "&lt;b&gt;&quot;x&quot; &amp; $about" in page.body


async def test_a_browser_gets_a_random_name_once(address: str) -> None:
    """In a cookie that scripts can't read and other sites can't send."""
    first = (await call(address, "GET", "/")).cookies[VISITOR_COOKIE]
    assert first["httponly"]
    assert first["samesite"].lower() == "strict"
    assert not first["secure"]
    second = (await call(address, "GET", "/")).cookies[VISITOR_COOKIE]
    assert first.value != second.value
    again = await call(address, "GET", "/", {"Cookie": f"{VISITOR_COOKIE}={first.value}"})
    assert not again.cookies


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:9", 200),
        ("localhost", 200),
        ("[::1]:8080", 200),
        ("LOCALHOST:1", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("localhost.evil.example:8080", 403),
        ("[::1", 403),
        ("", 403),
    ],
)
async def test_on_this_machine_only_its_own_names_are_answered(
    address: str, host: str, status: int
) -> None:
    """A page elsewhere can't reach the playground through a name that points here."""
    answer = await call(address, "GET", "/", {"Host": host})
    assert answer.status == status
    assert status == 200 or "PUBLIC_URL" in answer.body


async def test_the_public_address_is_a_name_too(engine: AsyncEngine) -> None:
    """What a proxy in front calls it; its pages may open sockets, and cookies are secure."""
    connector = WebConnector(engine, about=ABOUT, public_url="https://Bot.example:8443/")
    async with serving(connector) as address:
        page = await call(address, "GET", "/", {"Host": "bot.example"})
        assert page.status == 200
        assert page.cookies[VISITOR_COOKIE]["secure"]
        assert await socket_status(address, Origin="https://bot.example:8443") == 101


@pytest.mark.parametrize(
    "origin", ["", "null", "http://evil.example", "http://127.0.0.1:1", "http://[", "127.0.0.1"]
)
async def test_a_socket_or_form_of_another_site_is_refused(guarded: str, origin: str) -> None:
    """The Origin has to be the address itself."""
    headers = {"Origin": origin} if origin else {}
    assert await socket_status(guarded, **headers) == 403
    answer = await call(guarded, "POST", "/login", headers, f"password={PASSWORD}")
    assert answer.status == 403
    assert not answer.cookies


@pytest.mark.parametrize("path", ["/", "/static/page.js", "/login"])
async def test_in_public_and_without_a_password_all_is_closed(
    engine: AsyncEngine, path: str
) -> None:
    """The answer names the cure."""
    async with serving(WebConnector(engine, about=ABOUT, password="", public=True)) as address:
        answer = await call(address, "GET", path)
        assert answer.status in (403, 404)
        assert path == "/login" or "WEB_PASSWORD" in answer.body
        assert await socket_status(address, Origin=f"http://{address}") == 403


async def test_without_the_password_nothing_is_seen(guarded: str) -> None:
    """The page leads to the form; the socket is closed with the code that leads there too."""
    page = await call(guarded, "GET", "/")
    assert (page.status, page.headers["location"]) == (303, "/login")
    assert await socket_status(guarded, Origin=f"http://{guarded}") == 4401


async def test_the_password_opens_and_logging_out_closes(guarded: str) -> None:
    """The session's cookie is what opens."""
    answer = await log_in(guarded, PASSWORD)
    assert (answer.status, answer.headers["location"]) == (303, "/")
    cookie = answer.cookies[SESSION_COOKIE]
    assert cookie["httponly"]
    assert cookie["samesite"].lower() == "strict"
    session = {"Cookie": f"{SESSION_COOKIE}={cookie.value}"}
    assert (await call(guarded, "GET", "/", session)).status == 200
    assert await socket_status(guarded, Origin=f"http://{guarded}", **session) == 101
    out = await call(guarded, "POST", "/logout", {"Origin": f"http://{guarded}", **session})
    assert out.cookies[SESSION_COOKIE].value == ""


async def test_a_large_form_is_refused(guarded: str) -> None:
    """Ten megabytes are not read to the end."""
    headers = {"Origin": f"http://{guarded}"}
    try:
        answer = await call(guarded, "POST", "/login", headers, "password=" + "x" * 10_000_000)
    except ConnectionError:
        pass  # The server may close before all is sent.
    else:
        assert answer.status == 413
    assert (await call(guarded, "GET", "/login")).status == 200


async def test_the_login_page_lets_its_form_say_where_it_comes_from(guarded: str) -> None:
    """With no-referrer, browsers would send the Origin `null`."""
    page = await call(guarded, "GET", "/login")
    assert page.headers["referrer-policy"] == "same-origin"


def test_in_public_any_host_may_be_ours() -> None:
    """A platform's own name for it, or a health check's address."""
    access = AccessRules(asks=True, public=True)
    assert access.host_allowed(Headers({"host": "app-123.host.example"}))
