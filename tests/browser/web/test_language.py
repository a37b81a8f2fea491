"""The page in a browser that wants Chinese: every sentence of ours is in Chinese."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from connectors.base import AnswerText, Asked, Control, Part
from connectors.words import Language, Sentence
from tests.browser.visits import visiting
from tests.doubles.page import RUN, Bot

pytestmark = pytest.mark.real_time

ENGLISH_WORDS = re.compile(
    r"\b(?!Slack|Discord|Everytoken|Enter|Shift|Python|JavaScript|Word|Excel)[A-Z][a-z]{3,}\b"
)
"""What would be an English sentence's first word: names stay as they are."""
SEEN = """() => {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (!parent.closest("noscript, #talks")) found.push(walker.currentNode.data.trim());
  }
  for (const name of ["title", "aria-label", "placeholder"]) {
    for (const each of document.querySelectorAll(`[${name}]`)) found.push(each.getAttribute(name));
  }
  return found.filter(Boolean);
}"""


@pytest.fixture
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    """A browser that wants Chinese."""
    context = await browser.new_context(locale="zh-CN", viewport={"width": 1100, "height": 760})
    yield context
    await context.close()


@pytest.fixture
async def page(context: BrowserContext, address: str) -> AsyncIterator[Page]:
    """The playground, opened."""
    async with visiting(context, f"http://{address}/") as page:
        yield page


async def test_every_sentence_of_the_page_is_chinese(page: Page) -> None:
    await expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    await expect(page).to_have_title("Everytoken 演示页")
    await expect(page.locator("#welcome h2")).to_have_text("想了解什么？")
    seen = await page.evaluate(SEEN)
    assert len(seen) > 40
    assert [text for text in seen if ENGLISH_WORDS.search(text)] == []


async def test_an_answer_and_its_receipt_are_chinese(page: Page, bot: Bot) -> None:
    await page.get_by_placeholder("有问题尽管问").fill("什么是令牌？")
    await page.keyboard.press("Enter")
    asked = await bot.next(Asked)
    assert asked.person.language.startswith("zh-CN")
    place = asked.message.place
    count = Sentence("count.tokens", {"count": 7})
    receipt = Sentence("receipt.verified", {"count": count}).to(Language.CHINESE)
    shown = Part(
        RUN, 0, AnswerText("七。\n\n_已停止。_"), (Control.RETRY, Control.CONTINUE), receipt,
        last=True, about=asked.message, language=Language.CHINESE,
    )  # fmt: skip
    await bot.connector.post(place, shown, "1")
    await expect(page.get_by_role("button", name="重试")).to_be_visible()
    await expect(page.get_by_role("button", name="继续")).to_be_visible()
    await expect(page.locator(".receipt summary")).to_have_text("已写出的内容都在这里")
    await expect(page.locator(".receipt .detail")).to_have_text(receipt.text)
    seen = await page.evaluate(SEEN)
    assert [text for text in seen if ENGLISH_WORDS.search(text)] == []


async def test_what_can_t_be_done_is_said_in_chinese(page: Page) -> None:
    await page.get_by_placeholder("有问题尽管问").fill("长" * 20_001)
    await page.keyboard.press("Enter")
    await expect(page.locator("#problem")).to_contain_text("消息太长")
