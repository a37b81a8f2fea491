"""A first visit as every newcomer has it: the embedded model, and an example question."""

from __future__ import annotations

import re
from importlib.util import find_spec

import pytest
from playwright.async_api import BrowserContext, expect

from tests.commands.helpers import MODEL, Shell, needs_model
from tests.web.conftest import visiting

pytestmark = pytest.mark.real_time


@needs_model
@pytest.mark.skipif(find_spec("xllamacpp") is None, reason="xllamacpp is missing: run `make setup`")
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
        await expect(page.locator(".bot .receipt")).to_have_text(verified)
