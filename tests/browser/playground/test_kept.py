"""Whatever happens to tabs and processes, the page shows each answer as it ended."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.browser.playground.conftest import Model
from tests.browser.visits import ask, visiting
from tests.doubles.commands import Shell, asks, free_port
from tests.doubles.openai import Answer, Freeze, OpenAIServer, Until, finish, text

pytestmark = pytest.mark.real_time

NOTE = "The bot was stopped before the answer was whole."


async def test_a_second_tab_sees_the_answer_grow_and_can_stop_it(
    model: Model, page: Page, context: BrowserContext
) -> None:
    model.will(Answer([*text("Both ", "tabs "), Freeze()]))
    await ask(page, "Who sees it?")
    await expect(page.locator(".bot .body")).to_have_text("Both tabs")
    other = await context.new_page()
    await other.goto(page.url)
    await expect(other.locator(".bot .body")).to_have_text("Both tabs")
    await other.get_by_role("button", name="Stop").click()
    for tab in (page, other):
        await expect(tab.locator(".bot")).to_contain_text("Stopped")
        await expect(tab.get_by_role("button", name="Continue")).to_be_visible()
        await expect(tab.locator(".bot .receipt")).to_contain_text("verified")


async def test_a_question_of_one_tab_and_its_answer_are_in_the_other(
    model: Model, page: Page, context: BrowserContext
) -> None:
    rest = asyncio.Event()
    model.will(Answer([*text("In "), Until(rest), *text("both."), *finish()]))
    other = await context.new_page()
    await other.goto(page.url)
    await ask(page, "Where?")
    await expect(other.locator(".person .body")).to_have_text("Where?")
    await expect(other.locator(".bot .body")).to_have_text("In")
    rest.set()
    await expect(other.locator(".bot .body")).to_have_text("In both.")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_a_restart_in_mid_answer_ends_it_on_the_page_and_continue_finishes_it(
    tmp_path: Path, context: BrowserContext, number: signal.Signals
) -> None:
    cut = Answer([*text("One ", "two "), Freeze()])
    last = Answer([*text("three."), *finish()])
    port = str(free_port())
    shell = Shell(tmp_path)
    async with OpenAIServer(cut, last) as model:
        settings = {**asks(model), "HOST": "127.0.0.1", "PORT": port, "SHUTDOWN_GRACE": "1"}
        async with AsyncExitStack() as stack:
            bot = await stack.enter_async_context(shell.started("run", **settings))
            await bot.said("is ready")
            url = f"http://127.0.0.1:{port}/"
            page = await stack.enter_async_context(visiting(context, url))
            await ask(page, "Count.")
            await expect(page.locator(".bot .body")).to_have_text("One two")
            bot.send(number)
            await bot.ended()
            await expect(page.locator("#away")).to_be_visible()
            async with shell.started("run", **settings) as again:
                await again.said("is ready")
                await expect(page.locator("#away")).to_be_hidden()
                await expect(page.locator(".bot .body").first).to_contain_text(NOTE)
                await page.get_by_role("button", name="Continue").click()
                await expect(page.locator(".bot .body").last).to_have_text("three.")
                await expect(page.locator(".receipt").last).to_contain_text("verified")
