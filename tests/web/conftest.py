"""A playground for each test: the real connector on a real server, and a bot that is a script."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import pytest
import uvicorn
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Route,
    async_playwright,
    expect,
)
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from starlette.applications import Starlette

from connectors.base import Control, Event, Part, Preflight
from connectors.web import WebConnector
from connectors.web.messages import metadata
from tests import browser as chromium

RUN = UUID("12345678-1234-5678-1234-567812345678")
SECRET_KEY = "the key that all visitors of this page are signed with"
ABOUT = "SmolLM2 135M, a demonstration model"

_E = TypeVar("_E", bound=Event)


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """The real clock for the whole module: a browser outlives the test that it is used in."""
    return "asyncio", {"loop_factory": asyncio.SelectorEventLoop}


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    """A database with the playground's table."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'web.db'}")
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    yield engine
    await engine.dispose()


@pytest.fixture
async def connector(engine: AsyncEngine) -> AsyncIterator[WebConnector]:
    """A playground on this machine only, without a password."""
    connector = WebConnector(engine, about=ABOUT, secret_keys=(SECRET_KEY,))
    yield connector
    await connector.aclose()


@dataclass
class Bot:
    """Takes every event from a connector, and hands it to the test."""

    connector: WebConnector
    accepts: bool = True
    events: asyncio.Queue[Event] = field(default_factory=asyncio.Queue)

    async def run(self) -> None:
        """Takes events until the connector is closed."""
        async for incoming in self.connector.events():
            if isinstance(incoming.event, Preflight):
                incoming.accept()
                continue
            if self.accepts:
                incoming.accept()
            else:
                incoming.refuse()
            self.events.put_nowait(incoming.event)

    async def next(self, kind: type[_E]) -> _E:
        """The next event, which has to be of this kind."""
        event = await asyncio.wait_for(self.events.get(), 10)
        assert isinstance(event, kind)
        return event


@pytest.fixture
async def bot(connector: WebConnector) -> AsyncIterator[Bot]:
    """A bot that accepts everything and says nothing of itself."""
    bot = Bot(connector)
    running = asyncio.create_task(bot.run())
    yield bot
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@asynccontextmanager
async def serving(connector: WebConnector, port: int = 0) -> AsyncIterator[str]:
    """Serves a connector's routes on loopback; the address, as host and port."""
    with socket.create_server(("127.0.0.1", port)) as listening:
        # Small buffers, which the connections inherit: that a browser reads nothing is felt soon.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32 * 1024)
        config = uvicorn.Config(
            Starlette(routes=connector.routes()),
            log_level="error",
            lifespan="off",
            ws_max_size=256 * 1024,
            timeout_graceful_shutdown=2,
        )
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        # Not `serve`, which takes the signals and ends a tenth of a second late.
        await server.startup(sockets=[listening])
        try:
            yield f"127.0.0.1:{listening.getsockname()[1]}"
        finally:
            await connector.aclose()
            server.force_exit = True  # all is closed by now; polling for it would take longer
            await server.shutdown(sockets=[listening])


@pytest.fixture
async def address(connector: WebConnector) -> AsyncIterator[str]:
    """Where the playground is served, as host and port."""
    async with serving(connector) as address:
        yield address


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """A headless Chromium. A module's own: a longer life would hold its event loop for others."""
    # In a thread: asking Playwright for its own needs a loop of its own.
    path = await asyncio.to_thread(chromium.find)
    if path is None:
        pytest.skip("there is no Chromium here: run `python -m tests.browser`")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=path, args=list(chromium.ARGUMENTS)
        )
        yield browser
        await browser.close()


@pytest.fixture
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    """A browser of its own for each test, in which an outside connection fails the test."""
    outside: list[str] = []
    context = await browser.new_context(viewport={"width": 1100, "height": 760})
    context.set_default_timeout(10_000)

    async def stop(route: Route) -> None:
        outside.append(route.request.url)
        await route.abort()

    await context.route(re.compile(r"^(?!https?://127\.0\.0\.1:)"), stop)
    yield context
    await context.close()
    assert not outside


@asynccontextmanager
async def visiting(context: BrowserContext, url: str) -> AsyncIterator[Page]:
    """The playground, opened; an error in its scripts or policy fails the test."""
    page = await context.new_page()
    faults: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        # The browser itself logs a lost connection and a refused file: some tests are about them.
        known = "WebSocket" in message.text or "413" in message.text
        if message.type == "error" and not known:
            faults.append(message.text)

    page.on("console", listen)
    page.on("pageerror", lambda error: faults.append(str(error)))
    await page.goto(url)
    await expect(page.locator("#welcome")).to_be_visible()
    yield page
    assert not faults


async def ask(page: Page, text: str) -> None:
    """Types a message and sends it with Enter."""
    await page.get_by_label("Your message").fill(text)
    await page.keyboard.press("Enter")


def part(
    text: str, *controls: Control, index: int = 0, footer: str = "", last: bool = False
) -> Part:
    """A part of an answer."""
    return Part(RUN, index, text, controls, footer, last)
