"""The inspector in a real Chromium: no serious fault of accessibility, replay, and the one file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.async_playwright import (  # type: ignore[import-untyped]  # has none
    Axe,
)
from playwright.async_api import Browser, BrowserContext, Page, expect

from bot.inspector import one_file, tell
from bot.store import Store, memory_store
from tests.browser.visits import browser, context
from tests.doubles.inspector.served import serving
from tests.doubles.inspector.stories import BEGAN_US, LOST, RUN, add_calls, add_run, words
from tests.doubles.page import anyio_backend

__all__ = ["anyio_backend", "browser", "context"]

pytestmark = pytest.mark.real_time

PATHS = (
    "/runs",
    "/runs?person=nobody",
    f"/runs/{RUN}",
    f"/runs/{LOST}",
    "/overview",
    "/runs/none",
)


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    """A store with a whole run that called tools, and one with a planted loss."""
    store = memory_store()
    await add_run(store)
    await add_calls(store)
    await add_run(store, LOST, lost=70, started_us=BEGAN_US + 1_000_000)
    yield store
    await store.aclose()


@pytest.fixture
async def address(store: Store) -> AsyncIterator[str]:
    """Where the inspector is served."""
    async with serving(store, BEGAN_US + 60_000_000) as address:
        yield address


async def opened(context: BrowserContext, url: str, faults: list[str]) -> Page:
    """A page; errors of its scripts and its policy are added to `faults`."""
    page = await context.new_page()
    page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    await page.goto(url)
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
async def test_no_page_has_a_serious_fault_of_accessibility(
    browser: Browser, address: str, scheme: Literal["light", "dark"], width: int
) -> None:
    context = await browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme
    )
    page = await context.new_page()
    for path in PATHS:
        await page.goto(address + path)
        found = (await Axe().run(page)).response["violations"]
        serious = [fault["id"] for fault in found if fault["impact"] in ("serious", "critical")]
        assert serious == [], path
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, path
    await context.close()


async def test_a_planted_loss_is_seen_without_scrolling(
    context: BrowserContext, address: str
) -> None:
    faults: list[str] = []
    page = await opened(context, f"{address}/runs/{LOST}", faults)
    await expect(page.get_by_role("heading", name="generated ≠ recorded")).to_be_in_viewport()
    await expect(page.locator(".fault mark").first).to_be_in_viewport()
    assert faults == []


async def test_a_run_replays_to_its_end(context: BrowserContext, address: str) -> None:
    faults: list[str] = []
    page = await opened(context, f"{address}/runs/{RUN}", faults)
    await page.get_by_label("Time of the replay").fill("5500")
    made = len("".join(words(141)))  # then the model was silent
    shown = len("".join(words(118)))  # as of the last edit, at 4.3 s
    await expect(page.locator("#now")).to_contain_text(f"{made - shown} behind")
    await page.get_by_role("button", name="16×").click()
    await expect(page.locator("#now")).to_contain_text("· 0 behind", timeout=20_000)
    assert await page.locator("#made").text_content() == await page.locator("#seen").text_content()
    assert faults == []


async def test_a_new_run_comes_into_the_list_by_itself(
    context: BrowserContext, address: str, store: Store
) -> None:
    faults: list[str] = []
    page = await opened(context, f"{address}/runs", faults)
    await expect(page.locator("#live")).to_be_visible()
    await add_run(store, LOST.__class__(int=5), tokens=["new"], started_us=BEGAN_US + 2_000_000)
    await expect(page.locator("#rows tr")).to_have_count(3, timeout=20_000)
    assert faults == []


async def test_the_one_file_opens_anywhere_and_replays(
    context: BrowserContext, store: Store, tmp_path: Path
) -> None:
    row = await store.runs.get(RUN)
    assert row is not None
    file = tmp_path / "run.html"
    file.write_text(one_file(await tell(row, store)), encoding="utf-8")
    await context.unroute_all()
    faults: list[str] = []
    page = await opened(context, file.as_uri(), faults)
    await page.get_by_role("button", name="16×").click()
    await expect(page.locator("#now")).to_contain_text("· 0 behind", timeout=20_000)
    assert faults == []


async def test_a_tool_call_is_seen_in_the_picture_and_opens(
    context: BrowserContext, address: str
) -> None:
    faults: list[str] = []
    page = await opened(context, f"{address}/runs/{RUN}", faults)
    await expect(page.locator(".picture.wide rect.kind-answered")).to_have_count(2)
    bars = page.locator(".picture.wide .call-bar")
    await expect(bars).to_have_count(3)  # one of them waited
    box = await page.locator(".picture.wide").bounding_box()
    for bar in await bars.all():
        at = await bar.bounding_box()
        assert box is not None
        assert at is not None
        assert box["x"] < at["x"] < at["x"] + at["width"] <= box["x"] + box["width"]
    await page.get_by_text("Arguments and result").last.click()
    await expect(page.get_by_text('{"title": "The sky is too blue"}')).to_be_visible()
    assert faults == []
