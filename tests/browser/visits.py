"""A browser, and visits to the page in it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Route,
    async_playwright,
    expect,
)

from tests import chromium

MICROPHONE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
"""A microphone that beeps, which a page may use where it is allowed to."""


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """A headless Chromium. A module's own: a longer life would hold its event loop for others."""
    # In a thread: asking Playwright for its own needs a loop of its own.
    path = await asyncio.to_thread(chromium.find)
    if path is None:
        pytest.skip("there is no Chromium here: run `python -m tests.chromium`")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=path, args=[*chromium.ARGUMENTS, *MICROPHONE]
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
        # The browser itself logs a lost connection and what was refused: some tests are about that.
        known = any(each in message.text for each in ("WebSocket", "409", "413"))
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
