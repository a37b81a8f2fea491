"""The playground's page in a real browser, against a scripted bot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from playwright.async_api import BrowserContext, Page, expect
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.base import Asked, Commanded, Control, Deleted, Place, Pressed, Shown, Status
from connectors.web import WebConnector
from tests.browser.visits import ask, visiting
from tests.doubles.page import ABOUT, Bot, part, serving
from tests.doubles.said import Spoken

pytestmark = pytest.mark.real_time

STREAMED = (
    "The sky is blue",
    "The sky is blue because of **Rayleigh scattering**.",
    "The sky is blue because of **Rayleigh scattering**.\n\n- short waves\n- long waves",
)


@pytest.fixture
async def page(context: BrowserContext, address: str) -> AsyncIterator[Page]:
    """The playground, opened; an error in its scripts or policy fails the test."""
    async with visiting(context, f"http://{address}/") as page:
        yield page


async def answer(bot: Bot, place: Place, *texts: str, key: str = "1") -> Shown:
    """Posts the first text and edits the message to each of the others, in progress."""
    shown = await bot.connector.post(place, part(texts[0], Control.STOP), key)
    for text in texts[1:]:
        shown = await bot.connector.edit(shown.ref, part(text, Control.STOP))
    return shown


async def test_a_first_visit_says_what_this_is_and_which_model_answers(page: Page) -> None:
    """A newcomer sees one sentence, the model's name and three questions to click."""
    await expect(page.locator("#welcome")).to_contain_text(ABOUT)
    await expect(page.locator("#examples button:visible")).to_have_count(3)


async def test_an_example_question_is_asked_by_a_click(page: Page, bot: Bot) -> None:
    """The click is the question."""
    await page.get_by_role("button", name="Why is the sky blue?").click()
    asked = await bot.next(Asked)
    assert asked.text == "Why is the sky blue?"
    await expect(page.locator("#welcome")).to_be_hidden()


async def test_an_answer_is_typed_into_its_message_and_ends_with_a_receipt(
    page: Page, bot: Bot
) -> None:
    """Edits replace the message; the last one brings the receipt and the controls."""
    await ask(page, "Why is the sky blue?")
    asked = await bot.next(Asked)
    place = asked.message.place
    await bot.connector.signal(place, Status.THINKING)
    await expect(page.locator("#status p")).to_have_text("Thinking")
    shown = await answer(bot, place, *STREAMED)
    message = page.locator(".bot")
    await expect(message.locator("strong")).to_have_text("Rayleigh scattering")
    await expect(message).to_have_attribute("aria-busy", "true")
    await expect(page.locator("#status")).to_be_hidden()
    last = part(
        STREAMED[-1], Control.UP, Control.DOWN, footer=Spoken("verified · 14 tokens"), last=True
    )
    await bot.connector.edit(shown.ref, last)
    await expect(message).to_have_attribute("aria-busy", "false")
    await expect(message.locator(".receipt")).to_have_text("verified · 14 tokens")
    await expect(message.locator("li")).to_have_count(2)
    await expect(page.locator(".pending")).to_have_count(0)


async def test_the_caret_stands_where_the_next_word_will(page: Page, bot: Bot) -> None:
    """In the innermost block at the answer's end; and nowhere once it is complete."""
    await ask(page, "List")
    place = (await bot.next(Asked)).message.place
    shown = await answer(bot, place, "- one\n  - two")
    await expect(page.locator(".bot .tip")).to_have_text("two")
    await bot.connector.edit(shown.ref, part("```\ncode\n```", Control.STOP))
    await expect(page.locator(".bot pre code.tip")).to_have_text("code")
    await bot.connector.edit(shown.ref, part("Done.", last=True))
    await expect(page.locator(".bot .body")).to_have_text("Done.")
    await expect(page.locator(".bot .tip")).to_have_count(0)


async def test_a_draft_outlives_a_click_on_an_example(page: Page, bot: Bot) -> None:
    """The click asks its own question, not the draft."""
    await page.get_by_label("Your message").fill("A draft")
    await page.get_by_role("button", name="Why is the sky blue?").click()
    assert (await bot.next(Asked)).text == "Why is the sky blue?"
    await expect(page.get_by_label("Your message")).to_have_value("A draft")


async def test_a_reload_shows_the_same_conversation(page: Page, bot: Bot) -> None:
    """The conversation's name is in the address, its messages in the table."""
    await ask(page, "Stay")
    asked = await bot.next(Asked)
    await answer(bot, asked.message.place, "I do.")
    await expect(page.locator(".bot .body")).to_have_text("I do.")
    await page.reload()
    await expect(page.locator(".person .body")).to_have_text("Stay")
    await expect(page.locator(".bot .body")).to_have_text("I do.")


async def test_a_new_conversation_is_empty_and_the_old_one_is_a_step_back(
    page: Page, bot: Bot
) -> None:
    """Each conversation has an address of its own."""
    await ask(page, "First")
    first = await bot.next(Asked)
    await page.get_by_role("button", name="New conversation").click()
    await expect(page.locator("#welcome")).to_be_visible()
    await ask(page, "Second")
    second = await bot.next(Asked)
    assert first.message.place != second.message.place
    await page.go_back()
    await expect(page.locator(".person .body")).to_have_text("First")


async def test_shift_enter_makes_a_new_line_and_a_person_s_text_stays_plain(
    page: Page, bot: Bot
) -> None:
    """What a person types is text, not Markdown or HTML."""
    box = page.get_by_label("Your message")
    await box.press_sequentially("<b>*one*</b>")
    await page.keyboard.press("Shift+Enter")
    await box.press_sequentially("two")
    await page.keyboard.press("Enter")
    asked = await bot.next(Asked)
    assert asked.text == "<b>*one*</b>\ntwo"
    body = page.locator(".person .body")
    assert await body.inner_text() == "<b>*one*</b>\ntwo"


async def test_stop_can_be_pressed_while_the_answer_is_written(page: Page, bot: Bot) -> None:
    """It stands in the composer, where the reader's hands are."""
    await ask(page, "Count")
    place = (await bot.next(Asked)).message.place
    shown = await answer(bot, place, "1", "1 2", "1 2 3")
    await page.get_by_role("button", name="Stop").click()
    pressed = await bot.next(Pressed)
    assert (pressed.control, pressed.message) == (Control.STOP, shown.ref)


async def test_retry_continue_and_thumbs_tell_the_bot(page: Page, bot: Bot) -> None:
    """Each control of the message is a button; a thumb stays pressed, also after a reload."""
    await ask(page, "Hello")
    place = (await bot.next(Asked)).message.place
    controls = (Control.CONTINUE, Control.UP, Control.DOWN)
    await bot.connector.post(place, part("Hi", *controls, last=True), "1")
    for name, control in (
        ("Answer again", Control.RETRY),
        ("Continue", Control.CONTINUE),
        ("Good answer", Control.UP),
        ("Bad answer", Control.DOWN),
    ):
        await page.get_by_role("button", name=name).click()
        assert (await bot.next(Pressed)).control is control
    for _ in ("before a reload", "after it"):
        await expect(page.get_by_role("button", name="Bad answer")).to_have_attribute(
            "aria-pressed", "true"
        )
        await expect(page.get_by_role("button", name="Good answer")).to_have_attribute(
            "aria-pressed", "false"
        )
        await page.reload()


async def test_the_parts_of_an_answer_stand_together(page: Page, bot: Bot) -> None:
    """Only the first part names its author."""
    await ask(page, "Much")
    place = (await bot.next(Asked)).message.place
    await bot.connector.post(place, part("One"), "1")
    await bot.connector.post(place, part("Two", index=1, last=True), "2")
    await expect(page.locator(".bot")).to_have_count(2)
    await expect(page.locator(".bot.joined .body")).to_have_text("Two")


async def test_deleting_an_answer_takes_it_away_and_tells_the_bot(page: Page, bot: Bot) -> None:
    """It asks first; then the answer is gone from the page, and stays so."""
    await ask(page, "Hello")
    place = (await bot.next(Asked)).message.place
    shown = await answer(bot, place, "Hi")
    message = page.locator(".bot")
    await message.hover()
    await message.get_by_label("Delete this message").click()
    await message.get_by_role("button", name="Delete?").click()
    assert (await bot.next(Deleted)).message == shown.ref
    await expect(message).to_have_count(0)


async def test_a_question_that_the_bot_could_not_keep_goes_back_into_the_box(
    page: Page, bot: Bot
) -> None:
    """Nothing typed is lost, and the page says why in a plain line."""
    bot.accepts = False
    await ask(page, "Do you hear me?")
    await expect(page.get_by_role("alert")).to_contain_text("try again")
    await expect(page.get_by_label("Your message")).to_have_value("Do you hear me?")
    await expect(page.locator(".person")).to_have_count(0)


async def test_a_question_that_is_too_long_stays_in_the_box(page: Page) -> None:
    """The page itself says what the most is."""
    await ask(page, "x" * 20_001)
    await expect(page.get_by_role("alert")).to_contain_text("20,000")
    assert len(await page.get_by_label("Your message").input_value()) == 20_001


async def test_new_and_stop_are_commands_when_typed(page: Page, bot: Bot) -> None:
    """They reach the bot as commands, not as questions."""
    await ask(page, "/new")
    assert (await bot.next(Commanded)).command == "new"
    await ask(page, "/stop")
    assert (await bot.next(Commanded)).command == "stop"


async def test_a_hostile_answer_runs_nothing_and_loads_nothing(page: Page, bot: Bot) -> None:
    """Markdown is all that an answer can be."""
    await ask(page, "Attack")
    place = (await bot.next(Asked)).message.place
    hostile = (
        '<script>document.title="lost"</script>\n\n<img src=x onerror="document.title=\'lost\'">'
        "\n\n![p](http://192.0.2.1/pixel.png)\n\n[j](javascript:document.title='lost')\n\nend"
    )
    await answer(bot, place, hostile)
    await expect(page.locator(".bot")).to_contain_text("end")
    assert await page.locator(".bot .body :is(img, script)").count() == 0
    assert await page.title() == "Everytoken playground"


async def test_a_reader_further_up_is_not_pulled_down(page: Page, bot: Bot) -> None:
    """Only who is at the end follows the end."""
    await ask(page, "Long")
    place = (await bot.next(Asked)).message.place
    shown = await answer(bot, place, "word\n\n" * 100)
    at_end = (
        "() => { const box = document.getElementById('scroll');"
        " return box.scrollHeight - box.scrollTop - box.clientHeight < 5 }"
    )
    await expect(page.locator(".bot")).to_be_visible()
    await page.wait_for_function(at_end)
    await page.evaluate("document.getElementById('scroll').scrollTop = 100")
    await bot.connector.edit(shown.ref, part("word\n\n" * 110 + "last"))
    await expect(page.locator(".bot")).to_contain_text("last")
    assert await page.evaluate("document.getElementById('scroll').scrollTop") == 100


async def test_the_page_comes_back_after_the_server_was_away(
    context: BrowserContext, engine: AsyncEngine
) -> None:
    """A visible line says so meanwhile; what was typed or written meanwhile is there after."""
    page = await context.new_page()
    first = WebConnector(engine, about=ABOUT)
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(serving(first))
        await page.goto(f"http://{address}/")
        await expect(page.locator("#welcome")).to_be_visible()
    away = page.locator("#away")
    await expect(away).to_be_visible()
    await ask(page, "Are you back?")
    second = WebConnector(engine, about=ABOUT)
    bot = Bot(second)
    running = asyncio.create_task(bot.run())
    async with serving(second, port=int(address.rpartition(":")[2])):
        asked = await bot.next(Asked)
        await expect(away).to_be_hidden()
        await answer(bot, asked.message.place, "Yes.")
        await expect(page.locator(".bot .body")).to_have_text("Yes.")
    await running


async def test_with_a_password_the_page_asks_for_it_and_can_be_left(
    context: BrowserContext, engine: AsyncEngine
) -> None:
    """A wrong password is said to be wrong; the right one opens; logging out closes."""
    page = await context.new_page()
    connector = WebConnector(engine, about=ABOUT, password="open sesame", public=True)
    async with serving(connector) as address:
        await page.goto(f"http://{address}/")
        box = page.get_by_label("Password")
        await box.fill("sesame")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_have_text("That is not the password.")
        await box.fill("open sesame")
        await page.keyboard.press("Enter")
        await expect(page.locator("#welcome")).to_be_visible()
        await page.get_by_role("button", name="Log out").click()
        await expect(box).to_be_visible()
