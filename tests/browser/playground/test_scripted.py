"""The page and the whole bot behind it, answered by a server that plays a script."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

import pytest
from playwright.async_api import Locator, Page, expect

from connectors.web import dialect
from tests.browser.playground.conftest import LONGEST_QUESTION, Model
from tests.browser.visits import ask
from tests.doubles.commands import Bot, Shell, whole
from tests.doubles.openai import Act, Answer, Drop, Freeze, finish, spaced, text
from tests.doubles.waiting import PATIENCE_S

pytestmark = pytest.mark.real_time

PARAGRAPH = "A paragraph of some length, so that one message is not enough for all of them. "
RICH = f"""## On streaming

A model writes **one token at a time**; 中文、日本語 and 한국어 too, and 👩‍👩‍👧 🇫🇷 é.

| way | first text |
|:---|---:|
| wait | 8.0 s |
| stream | 0.4 s |

1. post
2. edit
   - in order

```python
def last(tokens: list[str]) -> str:
    return tokens[-1]
```

{(PARAGRAPH * 5 + chr(10) * 2) * 11}The end.
"""
HOSTILE = """<script>document.title = "lost"</script>
<img src=x onerror="document.title = 'lost'">
<style>header { display: none }</style><base href="http://192.0.2.1/">
[a](javascript:document.title='lost') [b](data:text/html,lost) ![c](http://192.0.2.1/c.png)
</article></main><h1>lost</h1>\u202elost\u202c `</code><b>` &lt;script&gt;
"""


def pieces(answer: str, size: int = 7) -> list[str]:
    """The answer as tokens."""
    return [answer[start : start + size] for start in range(0, len(answer), size)]


def in_bursts(tokens: Sequence[str], bursts: int, seconds: float) -> list[Act]:
    """The tokens in so many bursts, with a pause after each."""
    size = -(-len(tokens) // bursts)
    cut = [tokens[start : start + size] for start in range(0, len(tokens), size)]
    return spaced([b"".join(text(*burst)) for burst in cut], seconds)


async def proven(message: Locator, tokens: int) -> None:
    """Waits until it stands under an answer that it arrived whole."""
    count = "1 token" if tokens == 1 else f"{tokens} tokens"
    receipt = f"{count}: generated = recorded = shown · verified"
    await expect(message.locator(".receipt .detail")).to_have_text(receipt)


def bodies(page: Page) -> Locator:
    """What the bot's messages say."""
    return page.locator(".bot .body")


def letters(words: str) -> str:
    """The text without white space: how lines are broken is the browser's business."""
    return "".join(words.split())


async def shown(page: Page) -> str:
    """All that the bot's messages say, as the browser has it, without what stands above code."""
    texts = await bodies(page).evaluate_all(
        """bodies => bodies.map(body => {
          const copy = body.cloneNode(true);
          for (const bar of copy.querySelectorAll(".code-bar")) bar.remove();
          return copy.textContent;
        })"""
    )
    return letters("".join(texts))


async def longer(page: Page, than: str) -> str:
    """Waits until more is shown than that; what is shown then."""
    await page.wait_for_function(
        "most => Array.from(document.querySelectorAll('.bot .body'), (body) => body.textContent)"
        ".join('').replace(/\\s/g, '').length > most",
        arg=len(than),
    )
    return await shown(page)


async def test_the_host_is_told_that_the_bot_is_well(bot: Bot, page: Page) -> None:
    """`/healthz` answers without a browser, too."""
    answer = await page.request.get(f"http://{bot.address}/healthz")
    assert answer.ok
    assert await answer.json() == {"status": "ok"}
    await expect(page.locator(".about")).to_have_text("Model: compatible:scripted")


async def test_a_rich_answer_grows_part_by_part_and_arrives_whole(model: Model, page: Page) -> None:
    """Every character of the Markdown's text is on the page, in order, and the receipt says so."""
    tokens = pieces(RICH)
    model.will(Answer([*in_bursts(tokens, 4, 0.8), *finish()]))
    await ask(page, "How do you stream?")
    first = await longer(page, "")
    second = await longer(page, first)
    await longer(page, second)
    await proven(page.locator(".bot").nth(1), len(tokens))
    html = dialect.write(RICH)
    assert await shown(page) == letters(
        await page.evaluate(
            "html => new DOMParser().parseFromString(html, 'text/html').body.textContent", html
        )
    )
    assert await bodies(page).count() > 1
    for tag in ("h2", "strong", "table .right", "ol li ul li", "pre code.language-python"):
        assert await bodies(page).first.locator(tag).count() > 0, tag


async def test_a_stopped_answer_says_so_and_goes_on_in_a_new_message(
    model: Model, page: Page
) -> None:
    """Stop closes the model's stream; Continue gives the model what it has said so far."""
    model.will(Answer([*text("One, ", "two, "), Freeze()]), whole("three, ", "four."))
    await ask(page, "Count to four.")
    await expect(bodies(page)).to_have_text("One, two,")
    await page.get_by_role("button", name="Stop").click()
    first = page.locator(".bot").first
    await expect(first.locator(".body")).to_have_text(re.compile(r"^One, two,\s*Stopped\.\s*$"))
    await proven(first, 2)
    await expect(first.get_by_role("button", name="Retry")).to_be_visible()
    await asyncio.wait_for(model.exchanges[0].left.wait(), PATIENCE_S)
    await first.get_by_role("button", name="Continue").click()
    await expect(bodies(page).nth(1)).to_have_text("three, four.")
    await proven(page.locator(".bot").nth(1), 2)
    said = [(turn["role"], turn["content"]) for turn in model.exchanges[1].body["messages"]]
    assert ("assistant", "One, two, ") in said


async def test_a_lost_connection_to_the_model_is_said_and_retried(model: Model, page: Page) -> None:
    """Half an answer never looks whole; Retry asks the same once more, in a new message."""
    half = Answer([*spaced(text(*["half "] * 20)), Drop()])
    model.will(half, whole("A whole ", "answer."))
    await ask(page, "Why?")
    first = page.locator(".bot").first
    await expect(first).to_contain_text("The connection to the model was lost")
    await proven(first, 20)
    await first.get_by_role("button", name="Retry").click()
    await expect(bodies(page).nth(1)).to_have_text("A whole answer.")
    await expect(first).to_contain_text("half half")
    questions = [exchange.body["messages"][-1] for exchange in model.exchanges]
    assert questions == [{"role": "user", "content": "Why?"}] * 2


async def test_a_double_click_on_stop_does_not_press_retry(model: Model, page: Page) -> None:
    """Retry comes where Stop stood: the second click is not meant for it."""
    model.will(Answer([*text("One, "), Freeze()]), whole("Again."))
    await ask(page, "Count.")
    await expect(bodies(page)).to_have_text("One,")
    stop = page.get_by_role("button", name="Stop")
    await stop.focus()
    await stop.dispatch_event("click", {"detail": 1})
    again = page.get_by_role("button", name="Retry")
    await again.dispatch_event("click", {"detail": 2})
    await expect(again).to_be_enabled(timeout=1000)  # what is pressed is disabled for a while
    await proven(page.locator(".bot"), 1)
    assert await page.evaluate("() => document.activeElement.matches('article.bot')")
    assert len(model.exchanges) == 1


async def test_hostile_text_changes_nothing_on_the_page(model: Model, page: Page) -> None:
    """Neither in a question nor in an answer: it is text, and loads, runs and moves nothing."""
    before = await page.evaluate(
        "() => document.head.innerHTML + document.querySelector('header').outerHTML"
    )
    tokens = pieces(HOSTILE)
    model.will(whole(*tokens))
    await ask(page, HOSTILE)
    await proven(page.locator(".bot"), len(tokens))
    after = await page.evaluate(
        "() => document.head.innerHTML + document.querySelector('header').outerHTML"
    )
    assert after == before
    assert await page.title() == "Everytoken playground"
    await expect(page.locator("header")).to_be_visible()
    inside = page.locator(".body :is(script, style, img, base, iframe, h1, b, [onerror])")
    await expect(inside).to_have_count(0)
    links = await page.locator(".body a").evaluate_all("links => links.map((link) => link.href)")
    assert links == ["http://192.0.2.1/c.png"]
    question = await page.locator(".person .body").inner_text()
    assert question == HOSTILE.strip().replace("\u202e", "\ufffd").replace("\u202c", "\ufffd")


async def test_a_thumb_is_kept_with_its_run(model: Model, page: Page, shell: Shell) -> None:
    """The last thumb counts."""
    model.will(whole("Because."))
    await ask(page, "Why?")
    await page.get_by_role("button", name="Good answer").click()
    await page.get_by_role("button", name="Bad answer").click()
    await expect(page.get_by_role("button", name="Bad answer")).to_have_attribute(
        "aria-pressed", "true"
    )
    run_id = str(await page.locator(".bot").get_attribute("data-run"))
    thumbs = "select value from feedback where run_id in (?, ?)"  # with dashes or without
    await shell.until(lambda: shell.query(thumbs, run_id, run_id.replace("-", "")) == [(-1,)])


async def test_a_reload_in_mid_stream_loses_nothing(model: Model, page: Page) -> None:
    """The page comes back with all that was shown, and goes on with the rest."""
    tokens = [f"word{n} " for n in range(60)]
    model.will(Answer([*in_bursts(tokens, 6, 0.5), *finish()]))
    await ask(page, "Much, please.")
    before = await longer(page, "")
    await page.reload()
    assert (await longer(page, "")).startswith(before)
    await proven(page.locator(".bot"), 60)
    assert await shown(page) == letters("".join(tokens))
    await expect(page.locator(".person .body")).to_have_text("Much, please.")


async def test_after_new_the_model_is_told_nothing_of_before(model: Model, page: Page) -> None:
    """The messages stay on the page."""
    model.will(whole("Noted."), whole("What word?"))
    await ask(page, "The word is swordfish.")
    await proven(page.locator(".bot"), 1)
    await ask(page, "/new")
    await expect(bodies(page).nth(1)).to_contain_text("Forgotten.")
    await ask(page, "What was the word?")
    await expect(bodies(page).nth(2)).to_have_text("What word?")
    assert "swordfish" not in str(model.exchanges[1].body)
    await expect(bodies(page).first).to_have_text("Noted.")


async def test_an_empty_and_an_over_long_message_get_a_plain_line(model: Model, page: Page) -> None:
    """The model is asked neither."""
    model.will(whole("No."))
    await ask(page, "  \n ")
    await expect(page.get_by_role("alert")).to_have_text("There is no text in your message.")
    await ask(page, "x" * (LONGEST_QUESTION + 1))
    await expect(bodies(page)).to_have_text(
        "Your message has 5,001 characters; I take at most 5,000."
    )
    await expect(page.get_by_role("alert")).to_be_hidden()
    assert model.exchanges == []


async def test_the_page_stays_usable_while_the_model_hangs(model: Model, page: Page) -> None:
    """Nothing came yet that a Stop button could stand under: it stands beside the status."""
    model.will(Answer([Freeze()]), whole("Here I am."))
    await ask(page, "Are you there?")
    await expect(page.locator("#status p")).to_have_text("Thinking")
    await page.get_by_label("Your message").fill("A draft")
    await page.get_by_role("button", name="Stop").click()
    await expect(bodies(page)).to_have_text("Stopped.")
    await expect(page.locator("#status")).to_be_hidden()
    await expect(page.get_by_label("Your message")).to_have_value("A draft")
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Send").click()
    await expect(bodies(page).nth(1)).to_have_text("Here I am.")
