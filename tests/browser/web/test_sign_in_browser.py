"""Signing in as a person does it: in a browser, at a provider that is another site."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, expect
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.web.access import AllowList
from connectors.web.login import SESSION_COOKIE
from connectors.web.sessions import web_sessions
from tests.doubles.commands import free_port
from tests.doubles.oidc import Provider, provider
from tests.doubles.page import serving
from tests.wire.web.test_sign_in import Place, web

pytestmark = pytest.mark.real_time

SIGN_IN = "Sign in with your account"


@dataclass
class Site:
    """A page that opens by signing in, a browser, and what that complains about."""

    url: str
    company: Provider
    context: BrowserContext
    faults: list[str]

    async def window(self) -> Page:
        """One more window, at the page."""
        page = await self.context.new_page()
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        await page.goto(self.url)
        return page

    async def signed_in(self) -> Page:
        """A window in which somebody has signed in."""
        page = await self.window()
        await page.get_by_role("link", name=SIGN_IN).click()
        await expect(page.locator("#welcome")).to_be_visible()
        return page

    def _hear(self, message: ConsoleMessage) -> None:
        # Of refusals and lost connections the browser itself speaks, and some tests are about them.
        if message.type == "error" and not any(
            known in message.text for known in ("WebSocket", "status of 4")
        ):
            self.faults.append(message.text)


@pytest.fixture
async def site(browser: Browser, engine: AsyncEngine) -> AsyncIterator[Site]:
    """The page is on `localhost`, the provider on 127.0.0.1: cookies know them as two sites."""
    port = free_port()
    context = await browser.new_context()
    context.set_default_timeout(10_000)
    async with provider() as company:
        people = AllowList(page=frozenset({"ann@corp.example"}))
        connector = web(engine, company, port, people, host="localhost")
        async with serving(connector, port):
            found = Site(f"http://localhost:{port}/", company, context, [])
            yield found
            await context.close()
    assert not found.faults


async def sessions(engine: AsyncEngine) -> int:
    """How many there are."""
    async with engine.connect() as connection:
        return await connection.scalar(select(func.count()).select_from(web_sessions)) or 0


async def test_a_person_signs_in_reads_the_page_and_logs_out_of_every_window(
    site: Site, engine: AsyncEngine
) -> None:
    page = await site.signed_in()
    assert page.url.startswith(f"{site.url}#")
    cookies = {each["name"]: each for each in await site.context.cookies()}
    assert cookies[SESSION_COOKIE]["sameSite"] == "Strict"
    assert cookies[SESSION_COOKIE]["httpOnly"]
    assert "everytoken_oidc" not in cookies, "nothing is left of the way in"
    other = await site.window()
    await expect(other.locator("#welcome")).to_be_visible()
    assert await sessions(engine) == 1

    await page.get_by_role("button", name="Log out").click()
    for window in (page, other):
        await expect(window.get_by_role("link", name=SIGN_IN)).to_be_visible()
    assert await sessions(engine) == 0
    assert SESSION_COOKIE not in {each["name"] for each in await site.context.cookies()}
    await page.goto(site.url)
    await expect(page.get_by_role("link", name=SIGN_IN)).to_be_visible()
    await page.go_back()
    await expect(page.get_by_role("link", name=SIGN_IN)).to_be_visible()


async def test_whoever_signed_out_can_sign_in_again(site: Site) -> None:
    page = await site.signed_in()
    await page.get_by_role("button", name="Log out").click()
    await page.get_by_role("link", name=SIGN_IN).click()
    await expect(page.locator("#welcome")).to_be_visible()
    assert len({asked["state"] for asked in site.company.asked}) == 2


async def test_somebody_on_no_list_is_told_so_and_stays_out(
    site: Site, engine: AsyncEngine
) -> None:
    site.company.claims["email"] = "eve@elsewhere.example"
    page = await site.window()
    await page.get_by_role("link", name=SIGN_IN).click()
    await expect(page.get_by_role("alert")).to_contain_text("You may not come in here")
    assert await sessions(engine) == 0
    await page.goto(site.url)
    await expect(page.get_by_role("link", name=SIGN_IN)).to_be_visible()


async def test_a_way_back_that_this_browser_did_not_begin_leads_nowhere(site: Site) -> None:
    """Somebody sends a victim the end of their own sign-in, so that both use one account."""
    attacker = Place(urlsplit(site.url).netloc, site.company)
    page = await site.window()
    await page.goto(site.url.rstrip("/") + await attacker.sent_back())
    await expect(page.get_by_role("alert")).to_contain_text("Please sign in again")
    assert SESSION_COOKIE not in {each["name"] for each in await site.context.cookies()}
