"""Signing in by name: an OpenID provider, a trusted proxy's header, and who is on which list."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from joserfc.jwk import RSAKey
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import HTTPConnection

from bot.http.addresses import Clients, Proxies
from connectors.web import WebConnector
from connectors.web.access import AllowList
from connectors.web.flow import plain_id
from connectors.web.login import KNOWN_COOKIE, SESSION_COOKIE, SignIn
from connectors.web.oidc import Oidc, OidcOptions
from tests.doubles.commands import free_port
from tests.doubles.oidc import CLIENT_ID, CLIENT_SECRET, Provider, provider
from tests.doubles.page import ABOUT, serving
from tests.doubles.waiting import PATIENCE_S
from tests.wire.web.test_access import Answer, call

pytestmark = pytest.mark.real_time

ANN = "ann@corp.example"


@pytest.fixture
async def company() -> AsyncIterator[Provider]:
    """The provider that the page knows."""
    async with provider() as made:
        yield made


class Place:
    """A page with a provider, and a browser's cookies."""

    def __init__(self, address: str, company: Provider) -> None:
        self.address = address
        self.company = company
        self.cookies: dict[str, str] = {}

    async def get(self, path: str) -> Answer:
        """Follows no redirect; keeps cookies as a browser does."""
        sent = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = await call(self.address, "GET", path, {"Cookie": sent})
        for name, morsel in answer.cookies.items():
            self.cookies[name] = morsel.value
        return answer

    async def sent_back(self, path: str = "/login/oidc") -> str:
        """The path by which the provider sends a browser back."""
        there = urlsplit((await self.get(path)).headers["location"])
        answer = await call(there.netloc, "GET", f"{there.path}?{there.query}")
        back = urlsplit(answer.headers["location"])
        return f"{back.path}?{back.query}"

    async def sign_in(self) -> Answer:
        """The whole way."""
        return await self.get(await self.sent_back())

    async def is_in(self) -> bool:
        """Whether the page opens."""
        return (await self.get("/")).status == 200


Opened = Callable[..., Any]


def web(
    engine: AsyncEngine, company: Provider, port: int, people: AllowList, host: str = "127.0.0.1"
) -> WebConnector:
    """A public page with this provider and no password."""
    address = f"http://{host}:{port}"
    options = OidcOptions(company.issuer, CLIENT_ID, CLIENT_SECRET, address)
    company.redirect_url = options.redirect_url
    sign_in = SignIn(Oidc(options), None, people)
    return WebConnector(engine, about=ABOUT, sign_in=sign_in, public=True, public_url=address)


@pytest.fixture
async def place(engine: AsyncEngine, company: Provider) -> AsyncIterator[Place]:
    """One that all may use who can sign in; nobody may see runs."""
    port = free_port()
    async with serving(web(engine, company, port, AllowList()), port) as address:
        yield Place(address, company)


async def test_signing_in_opens_the_page_until_the_logout(place: Place) -> None:
    assert not await place.is_in()
    assert "Sign in with your account" in (await place.get("/login")).body
    answer = await place.sign_in()
    assert answer.status == 200
    assert 'content="0;url=/"' in answer.body
    assert await place.is_in()
    cookie = f"{SESSION_COOKIE}={place.cookies[SESSION_COOKIE]}"
    origin = {"Origin": f"http://{place.address}", "Cookie": cookie}
    await call(place.address, "POST", "/logout", origin)
    assert not await place.is_in()


async def test_the_provider_is_asked_by_the_books(place: Place) -> None:
    """PKCE, a state and a nonce, each new; the provider itself checks the rest."""
    await place.sign_in()
    await place.sign_in()
    one, other = place.company.asked
    for name in ("state", "nonce", "code_challenge"):
        assert len(one[name]) >= 32
        assert one[name] != other[name]


SPOILED: dict[str, Callable[[dict[str, Any]], object]] = {
    "another nonce": lambda claims: claims.update(nonce="x"),
    "no nonce": lambda claims: claims.pop("nonce"),
    "another audience": lambda claims: claims.update(aud="somebody-else"),
    "several audiences, no azp": lambda claims: claims.update(aud=[CLIENT_ID, "other"]),
    "another azp": lambda claims: claims.update(azp="other"),
    "another issuer": lambda claims: claims.update(iss="https://evil.example"),
    "expired": lambda claims: claims.update(exp=1),
    "no expiry": lambda claims: claims.pop("exp"),
    "no subject": lambda claims: claims.pop("sub"),
    "issued tomorrow": lambda claims: claims.update(iat=claims["iat"] + 86_400),
}


@pytest.mark.parametrize("fault", SPOILED)
async def test_a_token_with_a_fault_opens_nothing(place: Place, fault: str) -> None:
    place.company.spoil = SPOILED[fault]
    answer = await place.sign_in()
    assert answer.status == 502
    assert not await place.is_in()


async def test_a_token_that_another_key_signed_opens_nothing(place: Place) -> None:
    place.company.signs_with = RSAKey.generate_key(2048, {"kid": "one"})
    assert (await place.sign_in()).status == 502
    assert not await place.is_in()


async def test_a_code_in_another_browser_opens_nothing(place: Place) -> None:
    """Nor with another's state, nor twice."""
    back = await place.sent_back()
    other = Place(place.address, place.company)
    assert (await other.get(back)).status == 400
    await other.sent_back()
    assert (await other.get(back)).status == 400
    assert (await place.get(back)).status == 200
    assert (await place.get(back)).status in (400, 502)


@pytest.mark.parametrize("query", ["", "?state=x", "?code=x", "?state=%00&code=%00", "?error=x"])
async def test_coming_back_with_nothing_opens_nothing(place: Place, query: str) -> None:
    assert (await place.get(f"/login/oidc/done{query}")).status == 400
    await place.get("/login/oidc")
    assert (await place.get(f"/login/oidc/done{query}")).status == 400


async def test_a_provider_that_is_another_than_it_says_is_not_used(place: Place) -> None:
    about = place.company.about

    place.company.about = lambda: about() | {"issuer": "https://evil.example"}  # type: ignore[method-assign]
    assert (await place.get("/login/oidc")).status == 502


@pytest.mark.parametrize(
    ("people", "page", "runs"),
    [
        (AllowList(), True, None),
        (AllowList(page={ANN}), True, None),
        (AllowList(page={"@corp.example"}, own_runs={"*"}), True, "own"),
        (AllowList(page={"bob@corp.example"}), False, None),
        (AllowList(page={"@example"}), False, None),
        (AllowList(page={"bob@corp.example"}, all_runs={ANN}), False, "all"),
        (AllowList(all_runs={ANN}, own_runs={"*"}), True, "all"),
    ],
)
async def test_the_lists_say_who_may_what(
    engine: AsyncEngine, company: Provider, people: AllowList, page: bool, runs: str | None
) -> None:
    port = free_port()
    connector = web(engine, company, port, people)
    async with serving(connector, port) as address:
        place = Place(address, company)
        await place.sign_in()
        assert await place.is_in() is page
        cookie = f"{SESSION_COOKIE}={place.cookies.get(SESSION_COOKIE, '')}".encode()
        visit = HTTPConnection({"type": "http", "headers": [(b"cookie", cookie)]})
        session = await connector.login.session(visit, "inspector")
        assert (session and connector.login.runs_of(session)) == runs
        assert session is None or session.person_id == ANN


async def test_an_address_that_is_not_verified_names_nobody(
    engine: AsyncEngine, company: Provider
) -> None:
    port = free_port()
    company.claims["email_verified"] = False
    async with serving(web(engine, company, port, AllowList(page={ANN})), port) as address:
        place = Place(address, company)
        assert (await place.sign_in()).status == 403
        assert SESSION_COOKIE not in place.cookies
        assert KNOWN_COOKIE not in place.cookies


async def test_another_provider_ends_the_sessions_of_the_first(
    engine: AsyncEngine, company: Provider
) -> None:
    port = free_port()
    async with serving(web(engine, company, port, AllowList()), port) as address:
        place = Place(address, company)
        await place.sign_in()
        assert await place.is_in()
    async with provider() as other, serving(web(engine, other, port, AllowList()), port):
        assert not await place.is_in()


# A trusted proxy's header.


def header_visit(value: str) -> HTTPConnection:
    """A request with the header."""
    return HTTPConnection({"type": "http", "headers": [(b"x-user", value.encode())]})


async def test_a_proxys_header_lets_people_in_by_the_lists(engine: AsyncEngine) -> None:
    people = AllowList(page={"@corp.example"}, all_runs={"boss@corp.example"})
    sign_in = SignIn(None, "X-User", people)
    login = WebConnector(engine, about=ABOUT, sign_in=sign_in, public=True).login
    ann = await login.session(header_visit("Ann@corp.example"), "page")
    assert ann is not None
    assert (ann.person_id, ann.way) == (ANN, "proxy")
    assert await login.session(header_visit("ann@corp.example"), "inspector") is None
    assert await login.session(header_visit("boss@corp.example"), "inspector") is not None
    for nobody in ("", " ", "eve@evil.example", "corp.example"):
        assert await login.session(header_visit(nobody), "page") is None


@pytest.mark.parametrize(("peer", "stays"), [("10.0.0.1", True), ("192.0.2.1", False)])
async def test_the_header_counts_from_trusted_proxies_alone(peer: str, stays: bool) -> None:
    seen: list[bytes] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        seen.extend(name for name, _ in scope["headers"])

    clients = Clients(app, Proxies(("10.0.0.0/8",)), 10, "X-User")
    scope = {
        "type": "http", "client": (peer, 1), "scheme": "http",
        "headers": [(b"x-user", b"ann"), (b"accept", b"*/*")],
    }  # fmt: skip

    async def nothing(*_: Any) -> Any:
        raise AssertionError(PATIENCE_S)

    await clients(scope, nothing, nothing)
    assert (b"x-user" in seen) is stays
    assert b"accept" in seen


def test_an_id_that_could_mean_another_in_a_list_or_address_is_hashed() -> None:
    assert plain_id("auth0|5f7c8ec7") == "auth0|5f7c8ec7"
    for odd in ("a/b", "web:x", "a,b", "ä@x", "", "a b", "x" * 300):
        assert plain_id(odd).startswith("id-")
        assert len(plain_id(odd)) == 43
