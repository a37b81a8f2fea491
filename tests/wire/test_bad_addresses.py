"""No address, number, id or cursor that somebody makes up is more than a plain refusal."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from bot.app.wiring import make_inspector
from bot.settings import Settings
from bot.store import SqlDatabase, open_store, upgrade
from bot.telemetry import Metrics, MetricsAccess, Readiness, routes
from connectors.slack import OAuth, SlackConnector, SlackOptions
from connectors.web import WebConnector
from tests.contract.store.conftest import postgres_url, sqlite_url, url
from tests.doubles.inspector.stories import add_run

__all__ = ["postgres_url", "sqlite_url", "url"]

pytestmark = pytest.mark.real_time

RUN = "00000000-0000-0000-0000-000000000001"
HERE = "127.0.0.1:8080"

# As they stand in an address.
PIECES = st.sampled_from(
    ["%00", "%FF", "%ED%A0%80", "%F0%9F%98%80", "%0d%0a", "%2e%2e%2f", "..", "/", "\\", "'", '"',
     "%27", "%25", "%", "%u0000", "0", "-1", "1-", "-", "99999999999999999", "9" * 40, "1e999",
     "NaN", "inf", RUN, RUN[:8], "{}", "[]", "null", "true", "2026-11-30T00:00", "9999-12-31",
     "0001-01-01T00:00:00+23:59", "web:", "slack:T1/U1", ":", "~", "a" * 300, "*", "+", "%20"]
)  # fmt: skip
VALUES = st.lists(PIECES, max_size=4).map("".join)
PATHS = st.sampled_from(
    ["/", "/runs", "/runs/", "/overview", "/login", "/logout", "/static/", "/login/static/",
     "/inspector/static/", "/files/", "/healthz", "/readyz", "/metrics", "/slack/install",
     "/slack/oauth_redirect", "/slack/events", "/ws", "/nowhere"]
)  # fmt: skip
PARAMETERS = st.sampled_from(
    ["older", "newer", "since", "until", "outcome", "verdict", "connector", "person", "model",
     "span", "part", "next", "name", "state", "code", "error", "team", "replay"]
)  # fmt: skip
QUERIES = st.lists(st.tuples(PARAMETERS, VALUES), max_size=4).map(
    lambda pairs: "&".join(f"{name}={value}" for name, value in pairs)
)
COOKIES = st.sampled_from(["everytoken_session", "everytoken_person", "everytoken_known"])


@dataclass
class Site:
    """All that is served, over a database of one kind, asked as uvicorn would ask it."""

    runner: asyncio.Runner
    app: Starlette

    def ask(
        self, method: str, path: str, query: str = "", cookie: str = "", body: bytes = b""
    ) -> int:
        """The status of an answer; what breaks is raised."""
        return self.runner.run(self._ask(method, path, query, cookie, body))

    async def _ask(self, method: str, path: str, query: str, cookie: str, body: bytes) -> int:
        status = 0
        headers = {
            b"host": HERE.encode(),
            b"origin": f"http://{HERE}".encode(),
            b"cookie": cookie.encode("latin-1", "replace"),
            b"content-type": b"application/x-www-form-urlencoded",
        }
        scope: dict[str, Any] = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
            "scheme": "http", "path": unquote(path), "raw_path": path.encode("latin-1", "replace"),
            "query_string": query.encode("latin-1", "replace"), "root_path": "",
            "headers": list(headers.items()), "client": ("127.0.0.1", 1), "server": ("x", 1),
        }  # fmt: skip

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            nonlocal status
            status = message.get("status", status)

        await self.app(scope, receive, send)
        return status


@contextmanager
def serving(url: str, folder: Path, password: str | None) -> Iterator[Site]:
    """The page, the inspector, what watches, and Slack's pages."""
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(upgrade(url))
        store = open_store(url)
        assert isinstance(store.database, SqlDatabase)
        engine = store.database.engine
        web = WebConnector(engine, about="a model", password=password)
        slack = SlackConnector(_slack(), engine)

        async def made() -> list[Any]:
            await add_run(store)
            options = Settings(data_dir=folder)
            watched = routes(Readiness({}), Metrics("1"), MetricsAccess(None, public=False))
            inspector = make_inspector(store, [web], questions=options.log_text)
            return [*watched, *inspector.routes(), *web.routes(), *slack.routes()]

        served = runner.run(made())
        yield Site(runner, Starlette(routes=served))
        for closing in (web.aclose(), slack.aclose(), store.aclose()):
            runner.run(closing)


@pytest.fixture
def site(url: str, tmp_path: Path) -> Iterator[Site]:
    """A site that asks nobody for a password."""
    with serving(url, tmp_path, None) as site:
        yield site


@pytest.fixture
def guarded(url: str, tmp_path: Path) -> Iterator[Site]:
    """One that asks everybody."""
    with serving(url, tmp_path, "open sesame") as site:
        yield site


def _slack() -> SlackOptions:
    oauth = OAuth(
        client_id="1",
        client_secret="x",
        public_url="http://127.0.0.1:8080",
        encryption_keys=("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",),
    )
    return SlackOptions(signing_secret="s", oauth=oauth, api_url="http://127.0.0.1:9/api/")


# Each example asks the same site: what one leaves changes nothing for the next.
quick = settings(max_examples=150, suppress_health_check=list(HealthCheck))
anything = given(
    method=st.sampled_from(["GET", "POST", "HEAD"]), path=PATHS, more=VALUES, query=QUERIES,
    name=COOKIES, value=VALUES, body=VALUES,
)  # fmt: skip


@quick
@anything
def test_no_address_breaks_anything(
    site: Site, method: str, path: str, more: str, query: str, name: str, value: str, body: str
) -> None:
    assert site.ask(method, path + more, query, f"{name}={value}", body.encode()) < 500


@quick
@anything
def test_no_address_breaks_anything_behind_a_password(
    guarded: Site, method: str, path: str, more: str, query: str, name: str, value: str, body: str
) -> None:
    sent = f"password={body}&next={value}".encode()
    assert guarded.ask(method, path + more, query, f"{name}={value}", sent) < 500


@quick
@given(st.sampled_from(["older", "newer", "since", "until", "person", "model", "outcome"]), VALUES)
def test_no_place_of_the_list_breaks_it(site: Site, name: str, value: str) -> None:
    assert site.ask("GET", "/runs", f"{name}={value}") in (200, 400)


@quick
@given(VALUES, st.sampled_from(["", ".json", ".md", ".html", "."]))
def test_no_name_of_a_run_breaks_its_page(site: Site, name: str, kind: str) -> None:
    assert site.ask("GET", f"/runs/{name}{kind}") in (200, 307, 404)


def test_a_place_of_the_list_has_a_whole_id(site: Site) -> None:
    for bad in ("1-%00", "1-", "1-x", f"1-{RUN}%00", "1--", "-1-" + RUN, f"1-{RUN}x"):
        assert site.ask("GET", "/runs", f"older={bad}") == 400
        assert site.ask("GET", "/runs", f"newer={bad}") == 400
    assert site.ask("GET", "/runs", f"older=1-{RUN}") == 200
