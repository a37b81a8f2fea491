"""Drawing: what an edit costs the page, in a browser's main thread, while an answer grows."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from sqlalchemy.ext.asyncio import create_async_engine

from benchmarks.figures import Figure
from connectors.base import Asked, Control
from connectors.web import WebConnector
from connectors.web.messages import metadata
from tests import chromium
from tests.browser.web.growing import EDITS, grown
from tests.doubles.page import ABOUT, SECRET_KEY, Bot, part, serving

if TYPE_CHECKING:
    from playwright.async_api import CDPSession, Page

AIM_MS = 50.0
"""What a browser calls a long task: whatever a reader does waits for it."""
_DRAWN = "() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))"


def measure(*, short: bool = False) -> list[Figure]:
    """The dearest of the edits of an answer of 3,000 tokens; nothing where no Chromium is."""
    path = chromium.find()
    if path is None:
        return []
    costs = asyncio.run(_costs(path, 3 if short else EDITS))
    return [Figure("page_edit_3000_tokens_ms", round(max(costs) * 1e3, 1), "ms of CPU", AIM_MS)]


async def _costs(path: str, edits: int) -> list[float]:
    # A package of the developers' only.
    from playwright.async_api import async_playwright

    with TemporaryDirectory() as folder:
        engine = create_async_engine(f"sqlite+aiosqlite:///{Path(folder) / 'web.db'}")
        async with engine.begin() as connection:
            await connection.run_sync(metadata.create_all)
        bot = Bot(WebConnector(engine, about=ABOUT, secret_keys=(SECRET_KEY,)))
        running = asyncio.create_task(bot.run())
        async with serving(bot.connector) as address, async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=path, args=list(chromium.ARGUMENTS)
            )
            page = await browser.new_page()
            await page.goto(f"http://{address}/")
            costs = await _edit(page, bot, edits)
            await browser.close()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await engine.dispose()
    return costs


async def _edit(page: Page, bot: Bot, edits: int) -> list[float]:
    """The seconds that the page's main thread works for each edit, drawing included."""
    await page.get_by_label("As Slack").check()
    await page.get_by_label("Your message").fill("Tell me.")
    await page.keyboard.press("Enter")
    asked = await bot.next(Asked)
    shown = await bot.connector.post(asked.message.place, part("Words.\n\n", Control.STOP), "1")
    thread = _Thread(await page.context.new_cdp_session(page))
    await thread.watch()
    costs = []
    for text, end in grown(edits):
        before = await thread.seconds()
        await bot.connector.edit(shown.ref, part(text, Control.STOP))
        await page.locator(".bot .body", has_text=end).wait_for()
        await page.evaluate(_DRAWN)
        costs.append(await thread.seconds() - before)
    return costs


@dataclass(frozen=True)
class _Thread:
    session: CDPSession

    async def watch(self) -> None:
        """Begins to count."""
        await self.session.send("Performance.enable", {"timeDomain": "threadTicks"})

    async def seconds(self) -> float:
        """CPU seconds that the page's main thread has worked."""
        metrics = (await self.session.send("Performance.getMetrics"))["metrics"]
        return float(next(each["value"] for each in metrics if each["name"] == "TaskDuration"))
