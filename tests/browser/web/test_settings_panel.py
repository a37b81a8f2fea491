"""The panel for settings in a browser, in Chinese."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from bot.store import ScopeStore
from connectors.web import WebConnector
from connectors.web.access import PURPOSE, VISITOR_COOKIE
from connectors.web.signing import signed
from tests.browser.visits import visiting
from tests.browser.web.test_language import ENGLISH_WORDS
from tests.doubles.page import SECRET_KEY, serving
from tests.wire.web.test_settings_panel import ADMIN, answering, stored

pytestmark = pytest.mark.real_time


@pytest.fixture
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context(locale="zh-CN", viewport={"width": 1100, "height": 900})
    yield context
    await context.close()


@pytest.fixture
async def scopes(connector: WebConnector) -> AsyncIterator[ScopeStore]:
    async with answering(connector, ADMIN) as store:
        yield store


@pytest.fixture
async def page(
    context: BrowserContext, connector: WebConnector, scopes: ScopeStore
) -> AsyncIterator[Page]:
    assert scopes is not None
    async with serving(connector) as address:
        url = f"http://{address}/"
        cookie = {"name": VISITOR_COOKIE, "value": signed(SECRET_KEY, PURPOSE, ADMIN), "url": url}
        await context.add_cookies([cookie])  # type: ignore[list-item]  # playwright's own dictionary
        async with visiting(context, url) as page:
            yield page


async def test_an_admin_changes_what_a_conversation_is_answered_with(
    page: Page, scopes: ScopeStore
) -> None:
    await page.get_by_role("button", name="设置").click()
    panel = page.get_by_role("dialog", name="设置")
    await panel.locator("[name=model]").select_option("deep")
    await panel.locator("[name=persona]").fill("律师")
    await panel.locator("[name=prompt]").fill("回答要准确。")
    if folder := os.environ.get("PICTURES"):
        await page.screenshot(path=f"{folder}/panel.png")
    seen = await panel.inner_text()
    assert not ENGLISH_WORDS.search(seen)
    await panel.locator("[name=run_seconds]").fill("很久")
    await panel.get_by_role("button", name="保存").click()
    await expect(panel.get_by_role("alert")).to_contain_text("1 到 86400")
    await panel.locator("[name=run_seconds]").fill("60")
    await panel.get_by_role("button", name="保存").click()
    await expect(panel).to_be_hidden()
    persona = {"name": "律师", "prompt": "回答要准确。"}
    assert await stored(scopes) == {"model": ["deep"], "persona": persona, "run_seconds": 60}
