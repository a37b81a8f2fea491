"""What stands beside a conversation on the page: the list of them, the pace, attached files."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, FilePayload, Page, Route, expect

from connectors.base import Asked, Deleted
from tests.browser.visits import ask, visiting
from tests.doubles.page import Bot, part

pytestmark = pytest.mark.real_time

NOTES: FilePayload = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"swordfish"}


@pytest.fixture
async def page(context: BrowserContext, address: str) -> AsyncIterator[Page]:
    """The playground, opened; an error in its scripts or policy fails the test."""
    async with visiting(context, f"http://{address}/") as page:
        yield page


# The list of conversations.


async def test_conversations_are_listed_by_their_first_question_newest_first(
    page: Page, bot: Bot
) -> None:
    await ask(page, "Why is the sky blue?\nIn a line, please.")
    await bot.next(Asked)
    await page.get_by_role("button", name="New conversation").click()
    await ask(page, "<b>Bold</b> of you")
    await bot.next(Asked)
    await ask(page, "And this is no first question")
    await bot.next(Asked)
    names = page.locator("#talks a")
    await expect(names).to_have_text(["<b>Bold</b> of you", "Why is the sky blue?"])
    await expect(page.locator("#talks [aria-current]")).to_have_text("<b>Bold</b> of you")
    await page.reload()
    await page.get_by_role("link", name="Why is the sky blue?").click()
    await expect(page.locator(".person .body")).to_contain_text("In a line, please.")


async def test_another_tab_has_the_list_and_another_browser_has_not(
    page: Page, bot: Bot, context: BrowserContext
) -> None:
    other = await context.new_page()
    await other.goto(page.url.partition("#")[0])
    await ask(page, "Who sees this?")
    await bot.next(Asked)
    await expect(other.locator("#talks a")).to_have_text("Who sees this?")
    assert context.browser is not None
    stranger = await (await context.browser.new_context()).new_page()
    await stranger.goto(page.url.partition("#")[0])
    await expect(stranger.locator("#no-talks")).to_be_visible()
    await stranger.context.close()


async def more(page: Page, name: str) -> None:
    """Shows what can be done with a conversation."""
    await page.locator("#talks li", has_text=name).hover()
    await page.get_by_role("button", name=f"More about: {name}").click()


async def test_conversations_are_searched_by_their_names(page: Page, bot: Bot) -> None:
    for question in ("Why is the sky blue?", "How do BEES fly?"):
        await ask(page, question)
        await bot.next(Asked)
        await page.get_by_role("button", name="New conversation").click()
    await page.get_by_label("Search conversations").fill("bees")
    await expect(page.locator("#talks a")).to_have_text(["How do BEES fly?"])
    await page.get_by_label("Search conversations").fill("nothing like that")
    await expect(page.locator("#no-talks")).to_have_text("None is called that.")
    await page.get_by_label("Search conversations").fill("")
    await expect(page.locator("#talks a")).to_have_count(2)


async def test_a_conversation_is_renamed_and_keeps_its_name(page: Page, bot: Bot) -> None:
    await ask(page, "Why is the sky blue?")
    await bot.next(Asked)
    await more(page, "Why is the sky blue?")
    await page.get_by_role("button", name="Rename").click()
    await page.keyboard.type("Physics")
    await page.keyboard.press("Enter")
    await expect(page.locator("#talks a").first).to_have_text("Physics")
    await ask(page, "And red?")
    await bot.next(Asked)
    await page.reload()
    await expect(page.locator("#talks a").first).to_have_text("Physics")
    await more(page, "Physics")
    await page.get_by_role("button", name="Rename").click()
    await page.keyboard.type("No")
    await page.keyboard.press("Escape")
    await expect(page.locator("#talks a").first).to_have_text("Physics")


async def test_a_deletion_is_undone(page: Page, bot: Bot) -> None:
    await ask(page, "Forget me?")
    asked = await bot.next(Asked)
    await more(page, "Forget me?")
    await page.get_by_role("button", name="Delete", exact=True).click()
    await expect(page.locator("#talks li")).to_have_count(0)
    await expect(page.locator("#welcome")).to_be_visible()
    await page.get_by_role("button", name="Undo").click()
    await expect(page.locator("#undo")).to_be_hidden()
    await page.get_by_role("link", name="Forget me?").click()
    await expect(page.locator(".person .body")).to_have_text("Forget me?")
    assert asked.message.place.channel in page.url


async def test_what_is_not_undone_is_deleted_with_its_answers_and_nobody_elses(
    page: Page, bot: Bot, context: BrowserContext
) -> None:
    """Eight seconds later; the visit after does it where this one is over before."""
    await ask(page, "Forget me?")
    asked = await bot.next(Asked)
    place, url = asked.message.place, page.url
    answer = replace(part("Yes.", last=True), about=asked.message)
    await bot.connector.post(place, answer, "1")
    assert context.browser is not None
    stranger = await (await context.browser.new_context()).new_page()
    await stranger.goto(url)
    await ask(stranger, "I was here, too.")
    await bot.next(Asked)
    await more(page, "Forget me?")
    await page.get_by_role("button", name="Delete", exact=True).click()
    await page.evaluate(
        """() => {
          const talks = JSON.parse(localStorage.conversations);
          for (const talk of talks) talk.deleted -= 8000;
          localStorage.conversations = JSON.stringify(talks);
        }"""
    )
    assert {(await bot.next(Deleted)).message for _ in range(2)} >= {asked.message}
    await expect(stranger.locator("#log .body")).to_have_text(["I was here, too."])
    await page.wait_for_function("() => JSON.parse(localStorage.conversations).length === 0")
    await expect(page.locator("#undo")).to_be_hidden()
    await stranger.context.close()


@pytest.mark.parametrize("form", ["Markdown", "JSON"])
async def test_a_conversation_is_saved_as_a_file(page: Page, bot: Bot, form: str) -> None:
    await ask(page, "Why?")
    asked = await bot.next(Asked)
    answer = replace(part("Because **so**.", last=True), about=asked.message)
    await bot.connector.post(asked.message.place, answer, "1")
    await more(page, "Why?")
    async with page.expect_download() as downloading:
        await page.get_by_role("link", name=form).click()
    saved = await (await downloading.value).path()
    text = await asyncio.to_thread(saved.read_text)
    if form == "JSON":
        texts = [message["text"] for message in json.loads(text)["messages"]]
        assert texts == ["Why?", "Because **so**."]
    else:
        assert text.startswith("# A conversation with Everytoken\n")
        assert text.index("Why?") < text.index("## Everytoken") < text.index("Because **so**.")


async def test_on_a_phone_the_list_lies_over_the_page_and_escape_closes_it(page: Page) -> None:
    await page.set_viewport_size({"width": 390, "height": 780})
    menu = page.get_by_role("button", name="Conversations")
    await expect(page.locator("#side")).not_to_be_visible()
    await menu.click()
    await expect(page.locator("#side")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("#side")).not_to_be_visible()
    await expect(menu).to_be_focused()


# The pace.


async def test_the_pace_is_chosen_explained_and_kept_by_the_conversation(
    page: Page, bot: Bot
) -> None:
    await page.get_by_label("As Discord").check()
    await expect(page.locator("#pace-line")).to_contain_text("4 posts and edits in 5 seconds")
    await ask(page, "How fast?")
    asked = await bot.next(Asked)
    assert asked.message.place.channel.startswith("discord-")
    await page.reload()
    await expect(page.get_by_label("As Discord")).to_be_checked()
    await expect(page.locator(".person .body")).to_have_text("How fast?")


async def test_another_pace_begins_another_conversation(page: Page, bot: Bot) -> None:
    await ask(page, "How fast?")
    first = await bot.next(Asked)
    await page.get_by_label("As Slack").check()
    await expect(page.locator("#welcome")).to_be_visible()
    await ask(page, "And now?")
    second = await bot.next(Asked)
    assert "-" not in first.message.place.channel
    assert second.message.place.channel.startswith("slack-")


# Files.


async def test_a_file_is_attached_and_goes_with_the_question(page: Page, bot: Bot) -> None:
    await page.set_input_files("#files", files=[NOTES])
    await expect(page.locator("#attached li span")).to_have_text("notes.txt")
    await ask(page, "What does it say?")
    asked = await bot.next(Asked)
    (file,) = asked.files
    assert (file.name, file.media_type, file.size) == ("notes.txt", "text/plain", 9)
    assert await bot.connector.fetch(file, 100) == b"swordfish"
    await expect(page.locator(".person .file")).to_have_text("notes.txt")
    await expect(page.locator("#attached")).to_be_hidden()
    await page.reload()
    await expect(page.locator(".person .file")).to_have_text("notes.txt")


async def test_what_is_said_into_the_microphone_is_a_question(page: Page, bot: Bot) -> None:
    await page.get_by_role("button", name="Speak").click()
    stop = page.get_by_role("button", name="Send what you said")
    await expect(stop).to_have_attribute("aria-pressed", "true")
    await page.wait_for_timeout(300)
    await stop.click()
    asked = await bot.next(Asked)
    (file,) = asked.files
    assert (asked.text, file.name, file.media_type) == ("", "recording.webm", "audio/webm")
    assert (await bot.connector.fetch(file, 10_000_000)).startswith(b"\x1a\x45\xdf\xa3")
    await bot.connector.heard(asked.message, "Why is the sky blue?", ())
    question = page.locator(".person")
    await expect(question).to_contain_text("Why is the sky blue?")
    await expect(question.locator(".file")).to_have_count(0)
    await question.hover()
    await question.get_by_role("button", name="Edit and ask again").click()
    await expect(page.locator("#text")).to_have_value("Why is the sky blue?")
    await page.locator("#text").fill("Why is the sea blue?")
    await page.keyboard.press("Enter")
    again = await bot.next(Asked)
    assert (again.text, again.files) == ("Why is the sea blue?", ())


async def test_what_was_said_is_dropped_by_escape(page: Page, bot: Bot) -> None:
    await page.get_by_role("button", name="Speak").click()
    await expect(page.get_by_role("button", name="Send what you said")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("button", name="Speak")).to_be_visible()
    await ask(page, "Why?")
    assert (await bot.next(Asked)).text == "Why?"


async def test_a_file_alone_is_a_question(page: Page, bot: Bot) -> None:
    await page.set_input_files("#files", files=[NOTES])
    await expect(page.locator("#attached li span")).to_have_text("notes.txt")
    await page.get_by_role("button", name="Send").click()
    assert (await bot.next(Asked)).text == ""


async def test_a_file_that_was_attached_can_be_removed(page: Page, bot: Bot) -> None:
    await page.set_input_files("#files", files=[NOTES])
    await page.get_by_role("button", name="Remove notes.txt").click()
    await ask(page, "Without?")
    assert (await bot.next(Asked)).files == ()


async def test_a_file_goes_back_with_the_question_that_the_bot_could_not_keep(
    page: Page, bot: Bot
) -> None:
    bot.accepts = False
    await page.set_input_files("#files", files=[NOTES])
    await expect(page.locator("#attached li span")).to_have_text("notes.txt")
    await ask(page, "Take it?")
    await bot.next(Asked)
    await expect(page.locator("#attached li span")).to_have_text("notes.txt")
    await expect(page.get_by_label("Your message")).to_have_value("Take it?")
    bot.accepts = True
    await page.keyboard.press("Enter")
    assert len((await bot.next(Asked)).files) == 1


async def test_a_file_that_is_too_large_is_refused_with_the_limit(
    page: Page, tmp_path: Path
) -> None:
    large = tmp_path / "large.txt"
    with large.open("wb") as file:
        file.truncate(10_000_001)
    await page.set_input_files("#files", large)
    await expect(page.locator("#problem")).to_contain_text("the most is 10 MB")
    await expect(page.locator("#attached")).to_be_hidden()


async def test_a_hostile_name_of_a_file_is_text(page: Page, bot: Bot) -> None:
    named: FilePayload = {**NOTES, "name": "<img src=x onerror=alert(1)>\u202etxt.exe"}
    await page.set_input_files("#files", files=[named])
    await expect(page.locator("#attached li span")).to_contain_text("<img src=x")
    await expect(page.locator("#attached li span")).not_to_contain_text("…")
    await ask(page, "What is it?")
    assert (await bot.next(Asked)).files[0].name.startswith("<img")
    await expect(page.locator(".person .file")).to_contain_text(
        "<img src=x onerror=alert(1)>\ufffd"
    )


# Code.


async def test_code_has_its_language_its_colours_and_a_button_that_copies_it(
    page: Page, bot: Bot, context: BrowserContext
) -> None:
    await context.grant_permissions(["clipboard-read", "clipboard-write"])
    await ask(page, "Code?")
    place = (await bot.next(Asked)).message.place
    code = "def f(x):\n    return '<b>'"
    await bot.connector.post(place, part(f"```python\n{code}\n```", last=True), "1")
    await expect(page.locator(".code-bar span")).to_have_text("python")
    await expect(page.locator("pre .k").first).to_have_text("def")
    await page.get_by_role("button", name="Copy", exact=True).click()
    await expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert await page.evaluate("navigator.clipboard.readText()") == code + "\n"


async def test_files_are_sent_while_the_page_goes_on(page: Page, bot: Bot) -> None:
    release = asyncio.Event()

    async def slow(route: Route) -> None:
        await release.wait()
        await route.continue_()

    await page.route("**/files/**", slow)
    await page.set_input_files("#files", files=[NOTES])
    await ask(page, "Already?")
    await expect(page.locator("#problem")).to_contain_text("still on its way")
    release.set()
    await expect(page.locator("#attached li span")).to_have_text("notes.txt")
    await page.get_by_label("Your message").press("Enter")
    assert len((await bot.next(Asked)).files) == 1
