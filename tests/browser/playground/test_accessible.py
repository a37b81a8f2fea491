"""No page has a serious fault for those who use it by keyboard or by ear: axe-core looks."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from axe_playwright_python.async_playwright import (  # type: ignore[import-untyped]  # has none
    Axe,
)
from playwright.async_api import Browser, Page, ViewportSize, expect

from tests.browser.playground.conftest import Model
from tests.browser.playground.test_scripted import RICH, pieces
from tests.browser.visits import ask
from tests.doubles.commands import Bot, whole
from tests.doubles.openai import Answer, Freeze, text

pytestmark = pytest.mark.real_time

SCREENS = {
    "desktop": ViewportSize(width=1200, height=800),
    "phone": ViewportSize(width=390, height=780),
}


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    """The colours that the reader's system asks for."""
    return str(request.param)


@pytest.fixture(params=SCREENS)
async def page(
    request: pytest.FixtureRequest, scheme: str, bot: Bot, browser: Browser
) -> AsyncIterator[Page]:
    """The page on a screen of each size, in each scheme."""
    context = await browser.new_context(
        color_scheme="dark" if scheme == "dark" else "light", viewport=SCREENS[request.param]
    )
    page = await context.new_page()
    await page.goto(f"http://{bot.address}/")
    yield page
    await context.close()


async def serious(page: Page) -> list[str]:
    """What axe-core finds that keeps somebody from using the page."""
    found = (await Axe().run(page)).response["violations"]
    return [
        f"{fault['id']}: {fault['nodes'][0]['html']}"
        for fault in found
        if fault["impact"] in ("serious", "critical")
    ]


async def test_a_first_visit_can_be_used_by_everybody(page: Page) -> None:
    await expect(page.locator("#welcome")).to_be_visible()
    await page.get_by_text("Bring it to Slack or Discord").click()
    assert await serious(page) == []


async def test_an_answer_with_all_that_markdown_has_can_be_read_by_everybody(
    page: Page, model: Model
) -> None:
    model.will(whole(*pieces(RICH)))
    await ask(page, "Show me everything.")
    await expect(page.locator(".receipt").last).to_contain_text("verified")
    assert await serious(page) == []


async def reach(page: Page, name: str) -> None:
    """Goes to a control by Shift+Tab, as whoever has no mouse."""
    for _ in range(40):
        await page.keyboard.press("Shift+Tab")
        here = await page.evaluate(
            "(document.activeElement.getAttribute('aria-label')"
            " || document.activeElement.textContent).trim()"
        )
        if here == name:
            return
    raise AssertionError(f"{name} can't be reached by keyboard")


async def test_the_keyboard_alone_asks_stops_continues_and_rates(page: Page, model: Model) -> None:
    model.will(Answer([*text("One, ", "two, "), Freeze()]), whole("three."))
    await expect(page.get_by_label("Your message")).to_be_focused()
    await reach(page, "Why is the sky blue?")
    await page.keyboard.press("Enter")
    await expect(page.locator(".bot .body")).to_have_text("One, two,")
    await reach(page, "Stop")
    await page.keyboard.press("Enter")
    await expect(page.locator(".bot .receipt")).to_contain_text("verified")
    await page.get_by_label("Your message").focus()
    await reach(page, "Continue")
    await page.keyboard.press("Enter")
    await expect(page.locator(".bot .body").last).to_have_text("three.")
    await expect(page.locator(".bot .receipt").last).to_contain_text("verified")
    await page.get_by_label("Your message").focus()
    await reach(page, "Good answer")
    await page.keyboard.press("Space")
    thumb = page.get_by_role("button", name="Good answer").last
    await expect(thumb).to_have_attribute("aria-pressed", "true")


async def test_a_fault_that_is_there_is_found(page: Page) -> None:
    await page.evaluate("document.getElementById('send').removeAttribute('aria-label')")
    assert any(fault.startswith("button-name") for fault in await serious(page))
