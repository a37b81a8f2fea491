"""What a real browser draws of answers is what a person must be able to read."""

from __future__ import annotations

from difflib import unified_diff
from random import Random

import pytest
from playwright.async_api import Browser

from connectors.markdown import plain
from connectors.web.dialect import write
from tests.browser.web.reading import PAGE, SCRIPT
from tests.unit.markdown.corpus import texts

pytestmark = pytest.mark.real_time


async def test_a_browser_reads_what_the_model_said(browser: Browser) -> None:
    """200 texts, half of them made by a grammar, half written by people."""
    page = await browser.new_page()
    await page.set_content(PAGE)
    wrong = []
    for text in texts(200):
        lines = await page.evaluate(SCRIPT, write(text))
        if lines != (said := plain(text)):
            wrong.append([*unified_diff(said, lines, n=0)])
    await page.close()
    assert wrong == []


async def test_the_browser_can_tell_that_a_character_is_not_there(browser: Browser) -> None:
    page = await browser.new_page()
    await page.set_content(PAGE)
    random = Random(0)  # noqa: S311 - no secret
    for text in texts(20):
        letters = [at for at, char in enumerate(text) if char.isalnum()]
        random.shuffle(letters)
        changed = (text[:at] + "\u2603" + text[at + 1 :] for at in letters)
        # A character of an address or of the name of a language is not to be seen.
        seen = next(each for each in changed if plain(each) != plain(text))
        assert await page.evaluate(SCRIPT, write(seen)) != plain(text)
    await page.close()
