"""Installing the app in a workspace: to Slack and back, once, in one browser, in ten minutes."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
import uvicorn
from cryptography.fernet import Fernet
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette
from starlette.routing import Route
from yarl import URL

from connectors.slack.installations import Installations
from connectors.slack.installations.oauth import COOKIE, INSTALL, REDIRECT
from connectors.slack.installations.table import InstallationTable
from connectors.slack.options import SCOPES, OAuth, SlackOptions
from tests.doubles.slack.faults import Broken, Says
from tests.doubles.slack.server import Slack
from tests.doubles.slack.workspaces import CLIENT_ID, CLIENT_SECRET

pytestmark = pytest.mark.real_time

KEY = Fernet.generate_key().decode()


@asynccontextmanager
async def serving(routes: Sequence[Route], listening: socket.socket) -> AsyncIterator[None]:
    """These routes on a socket."""
    config = uvicorn.Config(Starlette(routes=routes), log_level="error", lifespan="off")
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listening])
    try:
        yield
    finally:
        server.force_exit = True
        await server.shutdown(sockets=[listening])


@contextmanager
def an_address() -> Iterator[tuple[socket.socket, URL]]:
    """A socket on loopback, and the address that leads there."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening, URL(f"http://127.0.0.1:{listening.getsockname()[1]}")


class Bot:
    """The pages of one bot, and a browser. `public_url` is where Slack sends people back to."""

    def __init__(self, slack: Slack, engine: AsyncEngine, root: URL, secret: str) -> None:
        self.root = root
        oauth = OAuth(CLIENT_ID, secret, str(root.origin()), (KEY,))
        self.installations = Installations(
            engine, SlackOptions(api_url=slack.url, oauth=oauth), oauth
        )

    async def get(
        self, browser: aiohttp.ClientSession, where: str | URL
    ) -> tuple[aiohttp.ClientResponse, str]:
        """One answer, without following where it leads."""
        async with browser.get(self.root.join(URL(where)), allow_redirects=False) as answer:
            return answer, await answer.text()

    async def begun(self, browser: aiohttp.ClientSession, team: str = "") -> URL:
        """Goes to Slack, agrees there, and is sent back: the address of the way back."""
        answer, _ = await self.get(browser, f"{INSTALL}?team={team}")
        async with browser.get(answer.headers["Location"], allow_redirects=False) as agreed:
            return URL(agreed.headers["Location"])


@asynccontextmanager
async def a_bot(
    slack: Slack, engine: AsyncEngine, secret: str = CLIENT_SECRET
) -> AsyncIterator[Bot]:
    """A bot whose pages are served, and whose address is known to it."""
    with an_address() as (listening, root):
        bot = Bot(slack, engine, root, secret)
        async with serving(bot.installations.routes(), listening):
            yield bot


@pytest.fixture
async def bot(slack: Slack, engine: AsyncEngine) -> AsyncIterator[Bot]:
    """A bot that many workspaces can install."""
    async with a_bot(slack, engine) as made:
        yield made


@asynccontextmanager
async def a_browser() -> AsyncIterator[aiohttp.ClientSession]:
    """Keeps cookies, of hosts without a name too."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


@pytest.fixture
async def browser() -> AsyncIterator[aiohttp.ClientSession]:
    """Somebody's browser."""
    async with a_browser() as session:
        yield session


async def test_a_workspace_installs_the_app(
    slack: Slack, bot: Bot, browser: aiohttp.ClientSession
) -> None:
    answer, page = await bot.get(browser, await bot.begun(browser))
    assert answer.status == 200
    assert "Everytoken is installed in Workspace 1." in page
    assert await bot.installations.of(slack.workspace.id) == slack.bot_token


async def test_many_workspaces_install_it(
    slack: Slack, bot: Bot, browser: aiohttp.ClientSession
) -> None:
    second = slack.add_workspace()
    for team in (slack.workspace.id, second.id):
        await bot.get(browser, await bot.begun(browser, team))
    assert await bot.installations.of(second.id) == second.bot_token
    assert await bot.installations.of(slack.workspace.id) == slack.bot_token


async def test_slack_is_asked_for_the_scopes_and_told_the_way_back(
    slack: Slack, bot: Bot, browser: aiohttp.ClientSession
) -> None:
    answer, _ = await bot.get(browser, INSTALL)
    where = urlsplit(answer.headers["Location"])
    asked = parse_qs(where.query)
    assert answer.status == 302
    assert f"{where.scheme}://{where.netloc}{where.path}" == f"{slack.root}/oauth/v2/authorize"
    assert asked["client_id"] == [CLIENT_ID]
    assert asked["scope"] == [",".join(scope.name for scope in SCOPES)]
    assert asked["redirect_uri"] == [f"{bot.root.origin()}{REDIRECT}"]


async def test_slack_itself_asks_on_its_own_page(engine: AsyncEngine) -> None:
    oauth = OAuth(CLIENT_ID, CLIENT_SECRET, "https://bot.example.com/", (KEY,))
    flow = Installations(engine, SlackOptions(oauth=oauth), oauth)._pages
    assert flow._slack.authorization_url == "https://slack.com/oauth/v2/authorize"
    assert flow.redirect_url == "https://bot.example.com/slack/oauth_redirect"


async def test_what_is_no_workspace_is_not_passed_on(
    bot: Bot, browser: aiohttp.ClientSession
) -> None:
    answer, _ = await bot.get(browser, f"{INSTALL}?team=T1%26scope=admin")
    assert "admin" not in answer.headers["Location"]


async def test_the_cookie_is_for_nobody_else(bot: Bot, browser: aiohttp.ClientSession) -> None:
    answer, _ = await bot.get(browser, INSTALL)
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/slack" in cookie
    assert "Max-Age=600" in cookie


async def test_over_https_the_cookie_is_for_https_alone(engine: AsyncEngine) -> None:
    oauth = OAuth(CLIENT_ID, CLIENT_SECRET, "https://bot.example.com", (KEY,))
    routes = Installations(engine, SlackOptions(oauth=oauth), oauth).routes()
    with an_address() as (listening, root):
        async with (
            serving(routes, listening),
            a_browser() as browser,
            browser.get(root / "slack/install", allow_redirects=False) as answer,
        ):
            assert "Secure" in answer.headers["Set-Cookie"]


async def test_the_pages_run_no_script_and_are_kept_nowhere(
    bot: Bot, browser: aiohttp.ClientSession
) -> None:
    for where in (await bot.begun(browser), URL(REDIRECT)):
        answer, page = await bot.get(browser, where)
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "<script" not in page


async def test_a_workspaces_name_is_only_text(
    slack: Slack, bot: Bot, browser: aiohttp.ClientSession
) -> None:
    slack.workspace.name = "<img src=x onerror=alert(1)>"
    _, page = await bot.get(browser, await bot.begun(browser))
    assert "<img" not in page
    assert "&lt;img src=x" in page


# What is not let in.


async def test_another_browser_is_not_let_in(
    slack: Slack, bot: Bot, browser: aiohttp.ClientSession
) -> None:
    """Or somebody could be led to install the app for a stranger."""
    back = await bot.begun(browser)
    async with a_browser() as other:
        answer, page = await bot.get(other, back)
    assert answer.status == 400
    assert "finish in the browser in which you began" in page
    assert slack.called("oauth.v2.access") == []
    again, _ = await bot.get(browser, back)
    assert again.status == 200


async def test_a_way_back_is_gone_once(
    slack: Slack, bot: Bot, browser: aiohttp.ClientSession
) -> None:
    back = await bot.begun(browser)
    state = back.query["state"]
    await bot.get(browser, back)
    browser.cookie_jar.update_cookies({COOKIE: state}, bot.root)
    answer, page = await bot.get(browser, back)
    assert answer.status == 400
    assert "was used before" in page
    assert len(slack.called("oauth.v2.access")) == 1


async def test_of_two_processes_one_takes_the_way_back(
    slack: Slack, engine: AsyncEngine, bot: Bot, browser: aiohttp.ClientSession
) -> None:
    back = await bot.begun(browser)
    async with a_bot(slack, engine) as other:
        browser.cookie_jar.update_cookies({COOKIE: back.query["state"]}, other.root)
        answers = await asyncio.gather(
            bot.get(browser, back),
            other.get(browser, f"{REDIRECT}?{back.query_string}"),
        )
    assert sorted(answer.status for answer, _ in answers) == [200, 400]


async def test_a_state_lives_ten_minutes(
    slack: Slack, bot: Bot, browser: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the browser keeps its cookie for longer."""
    back = await bot.begun(browser)
    later = time.time() + 601
    monkeypatch.setattr("cryptography.fernet.time.time", lambda: later)
    browser.cookie_jar.clear()
    browser.cookie_jar.update_cookies({COOKIE: back.query["state"]}, bot.root)
    answer, page = await bot.get(browser, back)
    assert answer.status == 400
    assert "older than ten minutes" in page
    assert slack.called("oauth.v2.access") == []


async def test_a_forged_state_is_not_let_in(
    slack: Slack, bot: Bot, browser: aiohttp.ClientSession
) -> None:
    forged = Fernet(Fernet.generate_key()).encrypt(b"nonce").decode()
    for state in (forged, "x", "é"):
        browser.cookie_jar.update_cookies({COOKIE: state}, bot.root)
        answer, _ = await bot.get(browser, URL(REDIRECT).with_query(state=state, code="code"))
        assert answer.status == 400
    assert slack.called("oauth.v2.access") == []


async def test_nobody_comes_in_without_a_state(bot: Bot, browser: aiohttp.ClientSession) -> None:
    for query in ("", "?code=1", "?state=&code=1"):
        answer, _ = await bot.get(browser, f"{REDIRECT}{query}")
        assert answer.status == 400


async def test_old_states_are_dropped(engine: AsyncEngine) -> None:
    table = InstallationTable(engine)
    assert await table.use("one", 0)
    assert not await table.use("one", 10_000_000)
    assert await table.use("one", -1)


# What goes wrong at Slack.


async def test_who_cancels_can_begin_again(bot: Bot, browser: aiohttp.ClientSession) -> None:
    answer, page = await bot.get(browser, f"{REDIRECT}?error=access_denied&state=x")
    assert answer.status == 200
    assert "You did not allow it" in page
    assert f"{bot.root.origin()}{INSTALL}" in page


async def test_what_slack_says_went_wrong_is_not_repeated_to_the_browser(
    bot: Bot, browser: aiohttp.ClientSession
) -> None:
    _, page = await bot.get(browser, f"{REDIRECT}?error=<script>alert(1)</script>")
    assert "alert" not in page


async def test_without_a_code_nothing_is_asked(
    slack: Slack, bot: Bot, browser: aiohttp.ClientSession
) -> None:
    back = await bot.begun(browser)
    answer, page = await bot.get(browser, back.with_query(state=back.query["state"]))
    assert answer.status == 400
    assert "did not send you here with a code" in page
    assert slack.called("oauth.v2.access") == []


async def test_a_code_that_slack_refuses_is_told(
    slack: Slack, bot: Bot, browser: aiohttp.ClientSession
) -> None:
    slack.fault("oauth.v2.access", Says("invalid_code"))
    answer, page = await bot.get(browser, await bot.begun(browser))
    assert answer.status == 400
    assert "Slack did not accept it" in page


async def test_a_wrong_secret_is_in_the_log(
    slack: Slack,
    engine: AsyncEngine,
    browser: aiohttp.ClientSession,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("WARNING")
    async with a_bot(slack, engine, secret="wrong") as bot:
        answer, _ = await bot.get(browser, await bot.begun(browser))
    assert answer.status == 400
    assert "SLACK_CLIENT_SECRET" in caplog.text
    assert "wrong" not in caplog.text


async def test_a_slack_that_is_away_is_told(
    slack: Slack, bot: Bot, browser: aiohttp.ClientSession
) -> None:
    slack.fault("oauth.v2.access", Broken())
    answer, page = await bot.get(browser, await bot.begun(browser))
    assert answer.status == 503
    assert "try again in a minute" in page


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"is_enterprise_install": True, "team": None}, "not in a whole organisation"),
        ({"refresh_token": "xoxe-test", "team": {"id": "T1"}}, "token rotation"),
    ],
)
async def test_an_installation_that_would_not_work_is_not_kept(
    bot: Bot, changes: dict[str, object], told: str
) -> None:
    response = await bot.installations._pages._install({"access_token": "xoxb-test", **changes})
    assert response.status_code == 400
    assert told in bytes(response.body).decode()
    assert await bot.installations.teams() == {}
