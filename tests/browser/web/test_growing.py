"""An answer that grows: what a reader does with it meanwhile is left alone."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import BrowserContext, CDPSession, Page, expect

from connectors.base import Asked, Control, Place, Shown
from tests.browser.visits import ask, visiting
from tests.browser.web.growing import grown
from tests.doubles.page import Bot, part
from tests.doubles.said import Spoken

pytestmark = pytest.mark.real_time

EDITS = 50
FIRST = """Some **words** before, `code` among them.

| way | first text |
|:--|--:|
| wait | 8.0 s |

```python
def last(tokens):
    return tokens[-1]
```

The selected words stand here.

"""
MOST_CHANGED = 150
MOST_CALLS_A_BLOCK = 10
SELECTED = "getSelection().toString()"


@pytest.fixture
async def page(context: BrowserContext, address: str) -> AsyncIterator[Page]:
    """The playground, opened."""
    async with visiting(context, f"http://{address}/") as page:
        yield page


async def begun(page: Page, bot: Bot, text: str) -> tuple[Shown, Place]:
    """An answer that has begun, as it is shown."""
    await ask(page, "Tell me.")
    place = (await bot.next(Asked)).message.place
    shown = await bot.connector.post(place, part(text, Control.STOP), "1")
    await expect(page.locator(".bot .body")).to_contain_text("words")
    return shown, place


async def select(page: Page, where: str, words: str) -> None:
    """Selects words in the answer."""
    await page.evaluate(
        """([where, words]) => {
          const walker = document.createTreeWalker(
            document.querySelector(where), NodeFilter.SHOW_TEXT);
          while (walker.nextNode()) {
            const at = walker.currentNode.data.indexOf(words);
            if (at < 0) continue;
            getSelection().setBaseAndExtent(
              walker.currentNode, at, walker.currentNode, at + words.length);
            return;
          }
        }""",
        [where, words],
    )
    assert await page.evaluate(SELECTED) == words


@pytest.mark.parametrize(
    ("where", "words"),
    [(".bot .body", "selected words"), (".bot tbody", "8.0 s"), (".bot pre", "tokens")],
)
async def test_what_is_selected_stays_selected_over_fifty_edits_and_the_end(
    page: Page, bot: Bot, where: str, words: str
) -> None:
    shown, _ = await begun(page, bot, FIRST)
    await select(page, where, words)
    text = FIRST
    for n in range(EDITS):
        text += f"word{n} **bold{n}** " + ("\n\n" if n % 9 == 8 else "")
        await bot.connector.edit(shown.ref, part(text, Control.STOP))
        await expect(page.locator(".bot .body")).to_contain_text(f"bold{n}")
        assert await page.evaluate(SELECTED) == words
    await bot.connector.edit(shown.ref, part(text, Control.UP, footer=Spoken("1 token"), last=True))
    await expect(page.locator(".bot .receipt")).to_have_text("1 token")
    assert await page.evaluate(SELECTED) == words


async def test_a_selection_that_ends_in_the_growing_line_is_kept(page: Page, bot: Bot) -> None:
    shown, _ = await begun(page, bot, "The first words of a line that")
    await select(page, ".bot .body", "first words of a line that")
    await bot.connector.edit(shown.ref, part("The first words of a line that **grows**."))
    await expect(page.locator(".bot strong")).to_have_text("grows")
    assert (await page.evaluate(SELECTED)).startswith("first words of a line that")


async def test_code_that_was_scrolled_stays_where_it_is(page: Page, bot: Bot) -> None:
    wide = "words\n\n```\n" + "x" * 400 + "\n```\n\n"
    shown, _ = await begun(page, bot, wide)
    await page.locator(".bot pre").evaluate("pre => { pre.scrollLeft = 120 }")
    await bot.connector.edit(shown.ref, part(wide + "more", last=True))
    await expect(page.locator(".bot .body")).to_contain_text("more")
    assert await page.locator(".bot pre").evaluate("pre => pre.scrollLeft") == 120


WATCH = """() => {
  window.changes = [];
  new MutationObserver((records) => window.changes.push(...records)).observe(
    document.querySelector("#log"),
    { attributes: true, characterData: true, childList: true, subtree: true },
  );
}"""
CHANGED = """() => {
  const all = (nodes) => [...nodes].reduce(
    (sum, node) => sum + 1 + (node.querySelectorAll?.("*").length ?? 0), 0);
  return window.changes.splice(0).reduce(
    (sum, one) => sum + 1 + all(one.addedNodes) + all(one.removedNodes), 0);
}"""
"""How much was changed: the changes, and all elements that they brought or took."""


async def calls(session: CDPSession) -> int:
    """How many functions of the page's own scripts were called since this was last asked."""
    coverage = await session.send("Profiler.takePreciseCoverage")
    scripts = [each for each in coverage["result"] if "/static/" in each["url"]]
    assert scripts
    functions = [function for each in scripts for function in each["functions"]]
    return sum(function["ranges"][0]["count"] for function in functions)


async def test_an_answer_of_3000_tokens_is_no_more_work_at_its_end(page: Page, bot: Bot) -> None:
    """An edit changes what is new, however much stands there, and looks once at each block.

    What that takes of a processor's time is a figure of `make bench ONLY=drawing`.
    """
    await page.get_by_label("As Slack").check()
    shown, _ = await begun(page, bot, "Some words.\n\n")
    session = await page.context.new_cdp_session(page)
    await session.send("Profiler.enable")
    await session.send("Profiler.startPreciseCoverage", {"callCount": True, "detailed": False})
    await page.evaluate(WATCH)
    blocks = 0
    for text, end in grown():
        await bot.connector.edit(shown.ref, part(text, Control.STOP))
        await expect(page.locator(".bot .body")).to_contain_text(end)
        blocks = await page.locator(".bot .body > *").count()
        assert await page.evaluate(CHANGED) <= MOST_CHANGED
        assert await calls(session) <= 200 + MOST_CALLS_A_BLOCK * blocks
    assert blocks > MOST_CHANGED, "an edit that redraws everything would change more than this"
