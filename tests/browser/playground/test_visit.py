"""One visit with all that can happen to an answer: whatever does, each ends as the promise says."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import (  # type: ignore[import-untyped]  # has none
    Axe,
)
from playwright.async_api import BrowserContext, Page, expect

from connectors.web import dialect
from tests.browser.playground.test_kept import NOTE
from tests.browser.playground.test_scripted import bodies, letters, longer, pieces, proven, shown
from tests.browser.visits import ask, visiting
from tests.doubles.commands import Child, Shell, asks, free_port
from tests.doubles.openai import Act, Answer, Freeze, OpenAIServer, Until, finish, text

pytestmark = pytest.mark.real_time

FILLER = "A sentence that is long enough to make one message too short for all that is said. "
PARTS = f"""## Three parts

中文、日本語 and 한국어 beside العربية من اليمين إلى اليسار and עברית מימין לשמאל;
👩‍👩‍👧 🇫🇷 👍🏽 é\u0301.

| way | first text |
|:---|---:|
| wait | 8.0 s |
| stream 流 | 0.4 s |

{(FILLER * 5 + chr(10) * 2) * 8}

```python
def last(tokens: list[str]) -> str:
    return tokens[-1]  # الأخير 👍🏽
```

{(FILLER * 5 + chr(10) * 2) * 11}הסוף.
"""
TOKENS = pieces(PARTS)
BURSTS = 5


def in_turn(tokens: Sequence[str], gates: Sequence[asyncio.Event]) -> list[Act]:
    """The tokens in as many bursts, each when the test says so."""
    size = -(-len(tokens) // len(gates))
    acts: list[Act] = []
    for n, gate in enumerate(gates):
        acts += [Until(gate), *text(*tokens[n * size : (n + 1) * size])]
    return acts


async def read(page: Page, source: str) -> str:
    """The letters of Markdown's text, as this browser has them."""
    return letters(
        await page.evaluate(
            "html => new DOMParser().parseFromString(html, 'text/html').body.textContent",
            dialect.write(source),
        )
    )


async def last_shown(page: Page, count: int) -> str:
    """The letters of the last so many messages, without what stands above code."""
    texts = await bodies(page).evaluate_all(
        """(bodies, count) => bodies.slice(-count).map(body => {
          const copy = body.cloneNode(true);
          for (const bar of copy.querySelectorAll(".code-bar")) bar.remove();
          return copy.textContent;
        })""",
        count,
    )
    return letters("".join(texts))


async def serious(page: Page) -> list[str]:
    """What axe-core finds that keeps somebody from using the page, light and dark."""
    found = []
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        faults = (await Axe().run(page)).response["violations"]
        found += [
            f"{page.url} {scheme}: {fault['id']}: {fault['nodes'][0]['html']}"
            for fault in faults
            if fault["impact"] in ("serious", "critical")
        ]
    return found


async def streamed_and_stopped(page: Page, other: Page, gates: Sequence[asyncio.Event]) -> None:
    """Grows by edits, in two tabs, over a reload; then it is stopped in its second part."""
    await ask(page, "Tell me in three parts.")
    gates[0].set()
    before = await longer(page, "")
    await page.reload()
    assert (await longer(page, "")).startswith(before)
    for gate in gates[1:]:
        gate.set()
        before = await longer(page, before)
    await expect(bodies(page)).to_have_count(2)
    await expect(bodies(other)).to_have_count(2)
    assert (await shown(other)).startswith(letters("Three parts"))
    await other.get_by_role("button", name="Stop").click()
    for tab in (page, other):
        await expect(bodies(tab).last).to_contain_text("Stopped")
        await expect(tab.locator(".bot .receipt").last).to_contain_text("verified")


async def retried(page: Page) -> None:
    """The same question once more, in new messages: all three parts arrive."""
    await page.get_by_role("button", name="Retry").last.click()
    await expect(bodies(page)).to_have_count(5)
    await proven(page.locator(".bot").last, len(TOKENS))
    assert await last_shown(page, 3) == await read(page, PARTS)


async def killed_and_continued(page: Page, bot: Child) -> None:
    """The process dies in mid-answer."""
    await ask(page, "Count.")
    await expect(bodies(page).last).to_have_text("One two")
    bot.send(signal.SIGKILL)
    await bot.ended()
    await expect(page.locator("#away")).to_be_visible()


async def test_whatever_happens_to_an_answer_it_ends_as_promised(
    tmp_path: Path, context: BrowserContext
) -> None:
    gates = [asyncio.Event() for _ in range(BURSTS)]
    answers = (
        Answer([*in_turn(TOKENS[: len(TOKENS) * 3 // 5], gates), Freeze()]),
        Answer([*text(*TOKENS), *finish()]),
        Answer([*text("One ", "two "), Freeze()]),
        Answer([*text("three."), *finish()]),
    )
    shell, port = Shell(tmp_path), str(free_port())
    async with OpenAIServer(*answers) as model:
        settings = {**asks(model), "HOST": "127.0.0.1", "PORT": port}
        url = f"http://127.0.0.1:{port}"
        async with shell.started("run", **settings) as bot:
            await bot.said("is ready")
            async with visiting(context, f"{url}/") as page:
                assert await serious(page) == []
                other = await context.new_page()
                await other.goto(page.url)
                await streamed_and_stopped(page, other, gates)
                await retried(page)
                assert await serious(page) == []
                await killed_and_continued(page, bot)
                async with shell.started("run", **settings) as again:
                    await again.said("is ready")
                    await expect(page.locator("#away")).to_be_hidden()
                    await expect(bodies(page).last).to_contain_text(NOTE)
                    await page.get_by_role("button", name="Continue").last.click()
                    await expect(bodies(page).last).to_have_text("three.")
                    await expect(page.locator(".receipt").last).to_contain_text("verified")
                    await inspected(page, url, shell)


async def inspected(page: Page, url: str, shell: Shell) -> None:
    """The log has each run's one end, and each page of it can be used by everybody."""
    await shell.recorded(4)
    ends = shell.query("SELECT run_id, outcome, verdict FROM runs ORDER BY started_us")
    assert [end[1:] for end in ends] == [
        ("stopped", "verified"),
        ("complete", "verified"),
        ("interrupted", "unproven"),
        ("complete", "verified"),
    ]
    for path in ("/runs", "/runs?person=nobody", f"/runs/{ends[0][0]}", "/overview"):
        await page.goto(url + path)
        assert await serious(page) == [], path
    await page.goto(f"{url}/runs/{ends[1][0]}")
    for step in ("First token", "First text on the screen", "Receipt", "Ended"):
        await expect(page.locator(".chain")).to_contain_text(step)
    await expect(page.locator(".chain")).to_contain_text(re.compile(r"\d posts?, \d+ edits?|posts"))
