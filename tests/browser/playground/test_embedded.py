"""A first visit as every newcomer has it: the embedded model, and an example question."""

from __future__ import annotations

import re
from importlib.util import find_spec

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.browser.visits import visiting
from tests.doubles.commands import MODEL, Shell, needs_model

pytestmark = [
    pytest.mark.real_time,
    needs_model,
    pytest.mark.skipif(
        find_spec("xllamacpp") is None, reason="xllamacpp is missing: run `make setup`"
    ),
]


async def test_an_example_question_is_answered_by_the_embedded_model(
    context: BrowserContext, shell: Shell
) -> None:
    """One click; the answer grows on the page, and its receipt says that it arrived whole."""
    async with (
        shell.bot(LOCAL_MODEL_PATH=str(MODEL), MAX_ANSWER_TOKENS="150") as bot,
        visiting(context, f"http://{bot.address}/") as page,
    ):
        await expect(page.locator(".about")).to_contain_text("a small demonstration model")
        await page.get_by_role("button", name="lighthouse").click()
        await page.locator(".bot.writing").wait_for()
        length = "most => document.querySelector('.bot .body').textContent.length > most"
        for _ in range(2):
            seen = len(await page.locator(".bot .body").inner_text())
            await page.wait_for_function(length, arg=seen)
        verified = re.compile(r"^\d+ tokens: generated = recorded = shown · verified$")
        await expect(page.locator(".bot .receipt .detail")).to_have_text(verified)


async def pressed(page: Page, name: str) -> None:
    """Has a tool call shown, and presses this once the call waits."""
    await page.get_by_role("button", name="Show me a tool call.", exact=True).click()
    waiting = page.locator(".bot", has=page.get_by_role("button", name=name, exact=True))
    await expect(waiting).to_contain_text("Used notes: read")
    await expect(waiting).to_contain_text("May I use notes: write")
    await expect(waiting.locator(".receipt")).to_contain_text("verified")
    await waiting.get_by_role("button", name=name, exact=True).click()


async def test_a_tool_call_waits_for_a_press_and_is_made_by_a_real_server(
    context: BrowserContext, shell: Shell
) -> None:
    """Denied, nothing is written; allowed, the note is there, and the answer goes on either way."""
    async with shell.bot(LOCAL_MODEL_PATH=str(MODEL)) as bot:
        url = f"http://{bot.address}/"
        async with visiting(context, url) as page:
            await pressed(page, "Deny")
            await expect(page.locator("#log")).to_contain_text("No note, then")
        async with visiting(context, url) as page:
            await pressed(page, "Allow")
            await expect(page.locator("#log")).to_contain_text("Allowed: write")
            goes_on = page.locator(".bot").last
            await expect(goes_on).to_contain_text("Used notes: write")
            await expect(goes_on).to_contain_text("Kept, as the first note.")
            await expect(page.locator(".receipt").last).to_contain_text("verified")
    states = [state for (state,) in shell.query("select state from tool_calls order by asked_us")]
    assert states == ["answered", "denied", "answered", "answered"]


async def test_with_a_server_of_ones_own_there_is_no_demonstration(
    context: BrowserContext, shell: Shell
) -> None:
    servers = shell.folder / "mcp.json"
    servers.write_text('{"mcpServers": {}}')
    async with (
        shell.bot(LOCAL_MODEL_PATH=str(MODEL), MCP_CONFIG=str(servers)) as bot,
        visiting(context, f"http://{bot.address}/") as page,
    ):
        await expect(page.locator("#examples button:visible")).to_have_count(3)
