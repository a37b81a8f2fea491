"""What can be done with an answer: copied, asked for again, asked otherwise; and how it is set."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from playwright.async_api import BrowserContext, Page, expect

from connectors.base import Asked, Control, Place, Pressed
from tests.browser.visits import ask, visiting
from tests.doubles.page import Bot, part
from tests.doubles.said import Spoken

pytestmark = pytest.mark.real_time

RICH = """## Sorting

It takes **n log n** steps[^1]; see [docs](https://docs.example/sort).

1. split
2. merge
   - *in order*

- [x] done
- [ ] open

| name | steps | what is to be said of it, which is so long that it has to be broken somewhere |
|:--|--:|:--|
| merge sort | n log n | stable, takes as much room again as there is to be sorted, reads in order |
| heap sort | n log n | takes no room besides, and jumps about in memory, which is slow |

```python
sorted([3, 1])
```

[^1]: Where n is how many there are.
"""
PLAIN = """Sorting

It takes n log n steps[^1]; see docs (https://docs.example/sort).

1. split
2. merge
   • in order

☑ done
☐ open

name	steps	what is to be said of it, which is so long that it has to be broken somewhere
merge sort	n log n	stable, takes as much room again as there is to be sorted, reads in order
heap sort	n log n	takes no room besides, and jumps about in memory, which is slow

sorted([3, 1])

[^1]: Where n is how many there are."""
CLIPBOARD = "navigator.clipboard.readText()"
WHOLE = (Control.UP, Control.DOWN)


@pytest.fixture
async def page(context: BrowserContext, address: str) -> AsyncIterator[Page]:
    """The playground, opened; it may copy."""
    await context.grant_permissions(["clipboard-read", "clipboard-write"])
    async with visiting(context, f"http://{address}/") as page:
        yield page


async def answered(page: Page, bot: Bot, *texts: str, question: str = "How?") -> Place:
    """An answer of these parts, whole."""
    await ask(page, question)
    asked = await bot.next(Asked)
    place = asked.message.place
    for at, text in enumerate(texts):
        last = at == len(texts) - 1
        shown = part(text, *(WHOLE if last else ()), index=at, last=last)
        await bot.connector.post(place, replace(shown, about=asked.message), f"{asked.message}{at}")
    await expect(page.locator(".bot .body").last).to_be_visible()
    return place


async def test_an_answer_is_copied_as_its_markdown(page: Page, bot: Bot) -> None:
    await answered(page, bot, RICH)
    await page.get_by_role("button", name="Copy the answer").click()
    await expect(page.locator("#told")).to_have_text("Copied.")
    assert await page.evaluate(CLIPBOARD) == RICH.strip()


async def test_an_answer_is_copied_as_it_is_read(page: Page, bot: Bot) -> None:
    await answered(page, bot, RICH)
    await page.get_by_role("button", name="Copy as plain text").click()
    await expect(page.locator("#told")).to_have_text("Copied.")
    assert await page.evaluate(CLIPBOARD) == PLAIN


async def test_all_parts_of_an_answer_are_copied_as_one(page: Page, bot: Bot) -> None:
    await answered(page, bot, "**One**", "Two")
    await page.get_by_role("button", name="Copy the answer").click()
    await expect(page.locator("#told")).to_have_text("Copied.")
    assert await page.evaluate(CLIPBOARD) == "**One**\n\nTwo"


async def test_where_the_browser_forbids_copying_the_page_says_so(
    page: Page, bot: Bot, context: BrowserContext
) -> None:
    await answered(page, bot, "One")
    await context.clear_permissions()
    await page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject() }")
    await page.get_by_role("button", name="Copy the answer").click()
    await expect(page.get_by_role("alert")).to_contain_text("https")


async def test_a_growing_answer_can_not_be_copied_yet(page: Page, bot: Bot) -> None:
    await ask(page, "How?")
    place = (await bot.next(Asked)).message.place
    await bot.connector.post(place, part("So", Control.STOP), "1")
    await expect(page.locator(".bot .body")).to_have_text("So")
    await expect(page.get_by_role("button", name="Copy the answer")).to_have_count(0)


async def test_a_whole_answer_can_be_asked_for_again_and_is_kept(page: Page, bot: Bot) -> None:
    place = await answered(page, bot, "One.")
    await page.get_by_role("button", name="Answer again").click()
    assert (await bot.next(Pressed)).control is Control.RETRY
    await bot.connector.post(place, part("Another.", *WHOLE, last=True), "2")
    await expect(page.locator(".bot .body")).to_have_text(["One.", "Another."])


async def test_a_question_is_edited_and_asked_again_and_what_followed_is_put_aside(
    page: Page, bot: Bot
) -> None:
    """The model is told nothing of it; the reader can look at it."""
    await answered(page, bot, "Zero.", question="Before?")
    await answered(page, bot, "One.", question="Waht?")
    await page.locator(".person").last.hover()
    await page.get_by_role("button", name="Edit and ask again").last.click()
    await expect(page.get_by_label("Your message")).to_have_value("Waht?")
    await ask(page, "What?")
    asked = await bot.next(Asked)
    assert asked.text == "What?"
    await expect(page.locator(".person:visible .body")).to_have_text(["Before?", "What?"])
    await expect(page.locator(".bot:visible .body")).to_have_text(["Zero."])
    said = await bot.connector.history(asked.message.place, asked.message, 10)
    assert [entry.text for entry in said] == ["Before?", "Zero."]
    for _ in ("now", "after a reload"):
        await page.get_by_role("button", name="Show what was asked before").click()
        await expect(page.locator(".bot:visible .body")).to_have_text(["Zero.", "One."])
        await page.get_by_role("button", name="Hide what was asked before").click()
        await expect(page.locator(".bot:visible .body")).to_have_text(["Zero."])
        await page.reload()


async def test_what_was_put_aside_is_told_no_later_question_either(page: Page, bot: Bot) -> None:
    await answered(page, bot, "One.", question="Waht?")
    await page.locator(".person").hover()
    await page.get_by_role("button", name="Edit and ask again").click()
    await answered(page, bot, "Two.", question="What?")
    await ask(page, "And?")
    asked = await bot.next(Asked)
    said = await bot.connector.history(asked.message.place, asked.message, 10)
    assert [entry.text for entry in said] == ["What?", "Two."]


async def test_an_edit_can_be_left(page: Page, bot: Bot) -> None:
    await answered(page, bot, "One.", question="Waht?")
    await page.locator(".person").hover()
    await page.get_by_role("button", name="Edit and ask again").click()
    await page.keyboard.press("Escape")
    await expect(page.locator("#editing")).to_be_hidden()
    await ask(page, "More?")
    await bot.next(Asked)
    await expect(page.locator(".person:visible .body")).to_have_text(["Waht?", "More?"])


async def test_tasks_have_their_boxes_and_no_bullets(page: Page, bot: Bot) -> None:
    await answered(page, bot, RICH)
    tasks = page.locator(".bot li.task")
    await expect(tasks).to_have_text(["☑ done", "☐ open"])
    styles = await tasks.evaluate_all(
        "all => all.map(each => getComputedStyle(each).listStyleType)"
    )
    assert styles == ["none", "none"]


async def test_a_footnote_leads_to_its_text_and_back(page: Page, bot: Bot) -> None:
    await answered(page, bot, RICH)
    there = page.locator(".bot sup a")
    await there.click()
    back = page.locator(".bot span.footnote a")
    await expect(back).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(there).to_be_focused()
    assert (await page.locator(".bot .body").inner_text()).count(
        "[^1]"
    ) == 2  # nothing of it is lost


async def test_a_footnote_without_its_text_stays_as_it_was_written(page: Page, bot: Bot) -> None:
    await answered(page, bot, "See[^1] and `a[^2]`.\n\n[^2]: Nothing leads here.")
    await expect(page.locator(".bot .body")).to_contain_text("See[^1] and a[^2].")
    await expect(page.locator(".bot [data-footnote]")).to_have_count(0)


@pytest.mark.parametrize("width", [1100, 390])
async def test_a_wide_table_scrolls_and_breaks_no_short_cell(
    page: Page, bot: Bot, width: int
) -> None:
    await page.set_viewport_size({"width": width, "height": 780})
    await answered(page, bot, RICH)
    cell = page.locator(".bot td").nth(1)
    await expect(cell).to_have_text("n log n")
    lines = "cell => { const r = document.createRange(); r.selectNodeContents(cell);"
    assert await cell.evaluate(f"{lines} return r.getClientRects().length }}") == 1
    page_width = await page.evaluate("document.documentElement.scrollWidth")
    assert page_width <= width
    scrolls = await page.locator(".bot .table").evaluate("box => box.scrollWidth > box.clientWidth")
    assert scrolls is (width == 390)


async def test_a_receipt_says_that_every_token_arrived_and_the_rest_to_who_asks(
    page: Page, bot: Bot
) -> None:
    await ask(page, "How?")
    place = (await bot.next(Asked)).message.place
    footer = "14 tokens: generated = recorded = shown · verified"
    await bot.connector.post(place, part("So.", *WHOLE, footer=Spoken(footer), last=True), "1")
    await expect(page.locator(".receipt summary")).to_have_text("Every token arrived")
    await expect(page.locator(".receipt .detail")).to_be_hidden()
    await page.locator(".receipt summary").click()
    await expect(page.locator(".receipt .detail")).to_have_text(footer)
    await expect(page.locator(".receipt .detail")).to_be_visible()


@pytest.mark.parametrize(
    ("footer", "said"),
    [
        ("3 tokens · broken: shown at character 2: 1 character", "Something was lost"),
        ("3 tokens · unproven: the platform shows a", "Not proven"),
        ("3 tokens: generated = recorded = shown · mended", "Every token arrived"),
    ],
)
async def test_a_receipt_claims_no_more_than_it_has(
    page: Page, bot: Bot, footer: str, said: str
) -> None:
    await ask(page, "How?")
    place = (await bot.next(Asked)).message.place
    await bot.connector.post(place, part("So.", *WHOLE, footer=Spoken(footer), last=True), "1")
    await expect(page.locator(".receipt summary")).to_have_text(said)


async def test_of_an_answer_that_was_cut_the_receipt_says_what_it_can(page: Page, bot: Bot) -> None:
    await ask(page, "How?")
    place = (await bot.next(Asked)).message.place
    footer = "3 tokens: generated = recorded = shown · verified"
    cut = part("So.\n\n_Stopped._", Control.RETRY, footer=Spoken(footer), last=True)
    await bot.connector.post(place, cut, "1")
    await expect(page.locator(".receipt summary")).to_have_text("All that was written is here")


async def test_an_error_looks_like_an_error(page: Page, bot: Bot) -> None:
    """Its line stands apart from the answer, in colours of its own; it stays so over a reload."""
    await ask(page, "How?")
    place = (await bot.next(Asked)).message.place
    failed = replace(
        part("Half of\n\n_The connection was lost._", Control.RETRY, last=True), failed=True
    )
    await bot.connector.post(place, failed, "1")
    for _ in ("now", "after a reload"):
        await expect(page.locator(".bot .fault")).to_have_text("The connection was lost.")
        await page.reload()
    ground = "each => getComputedStyle(each).backgroundColor"
    answer = await page.locator(".bot .body").evaluate(ground)
    assert await page.locator(".bot .fault").evaluate(ground) != answer


async def test_an_answer_in_italics_is_no_error(page: Page, bot: Bot) -> None:
    await answered(page, bot, "One.\n\n_The connection was lost._")
    await expect(page.locator(".bot em")).to_be_visible()
    await expect(page.locator(".bot .fault")).to_have_count(0)
