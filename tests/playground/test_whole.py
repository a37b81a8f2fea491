"""The page in a real browser, against the real bot."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from providers.model_file import DEFAULT_PATH, is_there
from tests.playground.process import ROOT, running_bot
from tests.servers.openai import Answer, Drop, Freeze, OpenAIServer, finish, spaced, text
from tests.web.conftest import anyio_backend, browser  # noqa: F401 - fixtures

pytestmark = pytest.mark.real_time
MODEL_FILE = ROOT / DEFAULT_PATH
WORDS = [f"word{n} " for n in range(200)]


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:  # noqa: F811 - the fixture
    """A page that reaches nothing but this machine."""
    context = await browser.new_context()
    yield await context.new_page()
    await context.close()


async def ask(page: Page, question: str) -> None:
    """Types a question and sends it."""
    box = page.get_by_role("textbox")
    await box.fill(question)
    await box.press("Enter")


def compatible(server: OpenAIServer) -> dict[str, str]:
    """The settings of a bot that is answered by the server."""
    return {"MODEL": "compatible:x", "OPENAI_BASE_URL": server.url}


async def test_a_scripted_answer_streams_and_ends_with_its_receipt(
    page: Page, tmp_path: Path
) -> None:
    acts = spaced([*text(*WORDS[:60]), *finish()], 0.05)
    async with (
        OpenAIServer(Answer(acts)) as server,
        running_bot(tmp_path, **compatible(server)) as bot,
    ):
        await page.goto(bot.url)
        await ask(page, "Count.")
        await expect(page.get_by_text("word0")).to_be_visible()
        await expect(page.get_by_text("word59")).to_have_count(0)
        await expect(page.get_by_role("button", name="Stop")).to_be_visible()
        await expect(page.get_by_text("word59")).to_be_visible(timeout=15_000)
        receipt = page.get_by_text("60 tokens: generated = recorded = shown · verified")
        await expect(receipt).to_be_visible(timeout=10_000)
        await expect(page.get_by_role("button", name="Stop")).to_have_count(0)


async def test_stop_ends_an_answer_and_closes_the_models_stream(page: Page, tmp_path: Path) -> None:
    async with (
        OpenAIServer(Answer([*text("Half an answer"), Freeze()])) as server,
        running_bot(tmp_path, **compatible(server)) as bot,
    ):
        await page.goto(bot.url)
        await ask(page, "Go on for ever.")
        await page.get_by_role("button", name="Stop").click()
        await expect(page.get_by_text("Stopped.")).to_be_visible(timeout=10_000)
        await expect(page.get_by_text("Half an answer")).to_be_visible()
        await expect(page.get_by_role("button", name="Retry")).to_be_visible()
        assert server.exchanges[0].left.is_set()


async def test_a_model_that_dies_is_told_and_retry_asks_again(page: Page, tmp_path: Path) -> None:
    async with (
        OpenAIServer(
            Answer([*text(*WORDS[:20]), Drop()]), Answer([*text("All of it."), *finish()])
        ) as server,
        running_bot(tmp_path, **compatible(server)) as bot,
    ):
        await page.goto(bot.url)
        await ask(page, "Try.")
        await expect(page.get_by_text("The connection to the model was lost")).to_be_visible(
            timeout=15_000
        )
        await expect(page.get_by_text("word19")).to_be_visible()
        await page.get_by_role("button", name="Retry").click()
        await expect(page.get_by_text("All of it.")).to_be_visible(timeout=15_000)


async def test_a_reload_in_mid_stream_loses_nothing(page: Page, tmp_path: Path) -> None:
    acts = spaced([*text(*WORDS[:60]), *finish()], 0.05)
    async with (
        OpenAIServer(Answer(acts)) as server,
        running_bot(tmp_path, **compatible(server)) as bot,
    ):
        await page.goto(bot.url)
        await ask(page, "Count.")
        await expect(page.get_by_text("word0")).to_be_visible()
        await page.reload()
        await expect(page.get_by_text("Count.")).to_be_visible()
        await expect(page.get_by_text("word59")).to_be_visible(timeout=15_000)


@pytest.mark.skipif(not is_there(MODEL_FILE), reason="no embedded model: run `make setup`")
async def test_the_embedded_model_answers_live_and_is_verified(page: Page, tmp_path: Path) -> None:
    async with running_bot(tmp_path, LOCAL_MODEL_PATH=str(MODEL_FILE)) as bot:
        await page.goto(bot.url)
        await ask(page, "What is the capital of France?")
        await expect(page.get_by_text(re.compile("Paris"))).to_be_visible(timeout=20_000)
        await expect(page.get_by_text(re.compile("verified"))).to_be_visible(timeout=20_000)
