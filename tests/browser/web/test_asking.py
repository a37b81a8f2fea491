"""What helps who asks: Stop at hand, whose turn it is, the newest text, a word when it is done."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from playwright.async_api import BrowserContext, Page, expect

from connectors.base import Asked, Commanded, Control, Pressed, Shown, Status
from tests.browser.visits import ask, visiting
from tests.doubles.page import Bot, part

pytestmark = pytest.mark.real_time


@pytest.fixture
async def page(context: BrowserContext, address: str) -> AsyncIterator[Page]:
    """The playground, opened."""
    async with visiting(context, f"http://{address}/") as page:
        yield page


async def begun(page: Page, bot: Bot, question: str, text: str = "So") -> tuple[Asked, Shown]:
    """A question, and its answer that grows."""
    await ask(page, question)
    asked = await bot.next(Asked)
    growing = replace(part(text, Control.STOP), about=asked.message)
    return asked, await bot.connector.post(asked.message.place, growing, question)


async def test_stop_takes_the_place_of_send_while_an_answer_is_written(
    page: Page, bot: Bot
) -> None:
    _, shown = await begun(page, bot, "How?")
    stop, send = page.get_by_role("button", name="Stop"), page.get_by_role("button", name="Send")
    await expect(stop).to_be_visible()
    await expect(send).to_be_hidden()
    await page.get_by_label("Your message").fill("And the next one")
    await expect(send).to_be_visible()
    await stop.click()
    assert (await bot.next(Pressed)).message == shown.ref
    await bot.connector.edit(shown.ref, part("So", Control.RETRY, last=True))
    await expect(stop).to_be_hidden()


async def test_before_there_is_text_stop_is_the_command(page: Page, bot: Bot) -> None:
    await ask(page, "How?")
    asked = await bot.next(Asked)
    await bot.connector.signal(asked.message.place, Status.THINKING)
    await page.get_by_role("button", name="Stop").click()
    assert (await bot.next(Commanded)).command == "stop"


async def test_the_place_in_the_queue_stands_there_whatever_else_is_edited(
    page: Page, bot: Bot
) -> None:
    first, shown = await begun(page, bot, "First?")
    place, status = first.message.place, page.locator("#status p")
    asked = []
    for number, said in ((2, "Waiting: it is next"), (3, "Waiting: 2 before it")):
        await ask(page, f"Number {number}?")
        asked.append(await bot.next(Asked))
        await bot.connector.signal(place, Status.QUEUED)
        await expect(status).to_have_text(said)
        await expect(status).to_be_in_viewport(ratio=1)
    for n in range(3):
        await bot.connector.edit(
            shown.ref, replace(part(f"So {n}", Control.STOP), about=first.message)
        )
        await expect(page.locator(".bot .body")).to_have_text(f"So {n}")
        await expect(status).to_have_text("Waiting: 2 before it")
    done = replace(part("So.", Control.UP, last=True), about=first.message)
    await bot.connector.edit(shown.ref, done)
    await bot.connector.signal(place, Status.IDLE)
    await bot.connector.signal(place, Status.THINKING)
    await expect(status).to_have_text("Waiting: it is next")
    for number, question in enumerate(asked):
        text = replace(part("Then", Control.UP, last=True), about=question.message)
        await bot.connector.post(place, text, str(number))
    await expect(page.locator("#status")).to_be_hidden()


async def test_what_stop_dropped_waits_no_more(page: Page, bot: Bot) -> None:
    first, _ = await begun(page, bot, "First?")
    await ask(page, "Second?")
    await bot.next(Asked)
    await bot.connector.signal(first.message.place, Status.QUEUED)
    await expect(page.locator("#status p")).to_have_text("Waiting: it is next")
    await ask(page, "/stop")
    await expect(page.locator("#status")).to_be_hidden()


async def test_where_all_are_answered_at_once_none_waits(page: Page, bot: Bot) -> None:
    await begun(page, bot, "First?")
    await ask(page, "Second?")
    second = await bot.next(Asked)
    await bot.connector.signal(second.message.place, Status.THINKING)
    await expect(page.locator("#status p")).to_have_text("Thinking")


async def test_a_button_leads_to_the_newest_text(page: Page, bot: Bot) -> None:
    asked, shown = await begun(page, bot, "Long?", "word\n\n" * 100)
    newest = page.get_by_role("button", name="To the newest text")
    await expect(page.locator(".bot .body")).to_contain_text("word")
    await expect(newest).to_be_hidden()
    await page.evaluate("document.getElementById('scroll').scrollTop = 100")
    await newest.click()
    await expect(newest).to_be_hidden()
    more = replace(part("word\n\n" * 120 + "last", Control.STOP), about=asked.message)
    await bot.connector.edit(shown.ref, more)
    await expect(page.get_by_text("last")).to_be_in_viewport()


async def test_the_title_of_a_hidden_tab_says_that_the_answer_is_there(
    page: Page, bot: Bot
) -> None:
    _, shown = await begun(page, bot, "How?")
    await expect(page.locator(".bot .body")).to_have_text("So")
    hide = """hidden => {
      Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }"""
    await page.evaluate(hide, True)
    await bot.connector.edit(shown.ref, part("So it", Control.STOP))
    await expect(page.locator(".bot .body")).to_have_text("So it")
    await expect(page).to_have_title("Everytoken playground")
    await bot.connector.edit(shown.ref, part("So it is.", Control.UP, last=True))
    await expect(page).to_have_title("Answered · Everytoken playground")
    await page.evaluate(hide, False)
    await expect(page).to_have_title("Everytoken playground")


async def test_help_is_said_on_the_page_and_asks_nobody(page: Page, bot: Bot) -> None:
    await ask(page, "/help")
    await expect(page.locator(".notice")).to_contain_text("/new")
    await expect(page.locator(".notice")).to_contain_text("/stop")
    await ask(page, "How?")
    assert (await bot.next(Asked)).text == "How?"


async def test_the_attach_button_says_what_it_takes(page: Page) -> None:
    button = page.get_by_role("button", name="Attach files")
    title = str(await button.get_attribute("title"))
    assert [each in title for each in ("PNG", "PDF", "10 MB")] == [True] * 3


async def test_every_word_of_the_page_is_in_its_table(page: Page) -> None:
    """A second language is a second table: nothing that a reader sees stays behind."""
    await page.evaluate(
        """async () => {
          const words = await import("/static/words.js");
          const made = {};
          for (const id of words.ids()) made[id] = "~";
          words.learn("xx", made);
          words.speak("xx");
        }"""
    )
    left = await page.evaluate(
        """() => {
          const found = [];
          const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          while (walker.nextNode()) {
            const { data, parentElement } = walker.currentNode;
            if (/\\p{L}/u.test(data) && !parentElement.closest("noscript")) found.push(data.trim());
          }
          for (const name of ["title", "aria-label", "placeholder"]) {
            for (const each of document.querySelectorAll(`[${name}]`)) {
              if (/\\p{L}/u.test(each.getAttribute(name))) found.push(each.getAttribute(name));
            }
          }
          return found;
        }"""
    )
    assert set(left) <= {"Everytoken", "SmolLM2 135M, a demonstration model"}
