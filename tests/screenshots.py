"""Takes the pictures in `docs/images` again: `python -m tests.screenshots`.

The playground is the whole bot, answered by a script that waits in mid-stream; the inspector shows
a run with a planted loss, and the overview of some thousand runs. The animation's frames are taken
one edit at a time, so that it is the same on a slow machine.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import product
from pathlib import Path
from typing import Literal, NamedTuple

from PIL import Image
from playwright.async_api import Browser, Page, async_playwright, expect

from benchmarks.inspector import fill
from bot.app.demonstration import QUESTION as DEMONSTRATION
from bot.store import SqlDatabase, Store, memory_store, upgrade
from tests import chromium
from tests.browser.visits import ask
from tests.doubles.commands import MODEL, Shell
from tests.doubles.inspector.served import serving
from tests.doubles.inspector.stories import BEGAN_US, LOST, RUN, add_calls, add_run
from tests.doubles.openai import Act, Answer, OpenAIServer, Until, finish, text

IMAGES = Path(__file__).parent.parent / "docs" / "images"
SETTINGS = {"MODEL": "compatible:gpt-4o-mini", "OPENAI_API_KEY": "sk-secret"}
QUESTION = "What is a token?"
PIECES = (
    "A **token** is the ", "piece of text ", "that a language model ", "reads and writes: ",
    "often a word, ", "sometimes a part ", "of one.\n\n",
    "| text | tokens |\n|:---|---:|\n| `hello` | 1 |\n", "| `unbelievable` | 3 |\n\n",
    "Counting them ", "takes a line:\n\n", "```python\nimport tiktoken\n",
    "\ndef count(text: str) ",
    "-> int:\n", '    """How many tokens ', 'the text has."""\n', "    return len(tiktoken",
    '.get_encoding("o200k_base")', ".encode(text))\n```\n\n", "Each of them ", "is recorded ",
    "on its way ", "to you, and",
)  # fmt: skip
"""The answer: each piece changes what is shown."""
END = " none is lost."
_FRAME_MS = 220
_LAST_MS = 3200
_COLOURS = 128


class Screen(NamedTuple):
    """What is looked at with."""

    name: str
    width: int
    height: int
    scheme: Literal["light", "dark"]


DESKTOP, PHONE = ("", 1100, 760), ("-phone", 390, 780)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SCREENS = [Screen(*size, scheme) for size, scheme in product((DESKTOP, PHONE), SCHEMES)]


def file_of(what: str, screen: Screen) -> Path:
    """A picture's file."""
    return IMAGES / f"{what}{screen.name}{'-dark' if screen.scheme == 'dark' else ''}.png"


@asynccontextmanager
async def opened(browser: Browser, screen: Screen, url: str) -> AsyncIterator[Page]:
    """A page on a screen."""
    context = await browser.new_context(
        viewport={"width": screen.width, "height": screen.height},
        color_scheme=screen.scheme,
        reduced_motion="reduce",
    )
    page = await context.new_page()
    await page.goto(url)
    yield page
    await context.close()


async def take(page: Page, path: Path) -> None:
    """Takes a picture."""
    await page.screenshot(path=path, animations="disabled")
    sys.stdout.write(f"{path.name}\n")


@asynccontextmanager
async def playground(*answers: Answer) -> AsyncIterator[str]:
    """The whole bot, with a model that says these; its address."""
    with tempfile.TemporaryDirectory() as folder:
        async with OpenAIServer(*answers) as model:
            settings = SETTINGS | {"OPENAI_BASE_URL": model.url}
            async with Shell(Path(folder)).bot(**settings) as bot:
                yield f"http://{bot.address}/"


async def in_mid_stream(browser: Browser) -> None:
    """The playground while it answers, on each screen."""
    rests = [asyncio.Event() for _ in SCREENS]
    short = Answer([*text("It scatters blue light most."), *finish()])
    long = [Answer([*text(*PIECES), Until(rest), *text(END), *finish()]) for rest in rests]
    answers = [answer for each in long for answer in (short, each)]
    async with playground(*answers) as url:
        for screen, rest in zip(SCREENS, rests, strict=True):
            async with opened(browser, screen, url) as page:
                await ask(page, "Why is the sky blue?")
                await proven(page)
                await page.locator("#new").click()
                await ask(page, QUESTION)
                await expect(page.locator(".bot .body").last).to_contain_text(PIECES[-1])
                await take(page, file_of("playground", screen))
                rest.set()


async def tool_call(browser: Browser) -> None:
    """The demonstration without a key: a call that waits to be allowed."""
    with tempfile.TemporaryDirectory() as folder:
        async with (
            Shell(Path(folder)).bot(LOCAL_MODEL_PATH=str(MODEL)) as bot,
            opened(browser, Screen("", 820, 640, "light"), f"http://{bot.address}/") as page,
        ):
            await page.get_by_role("button", name=DEMONSTRATION, exact=True).click()
            await page.get_by_role("button", name="Allow", exact=True).wait_for()
            await proven(page)
            await page.mouse.move(0, 0)
            await take(page, IMAGES / "tool-call.png")


async def calls(browser: Browser) -> None:
    """The page of a run that called tools."""
    store = memory_store()
    await add_run(store)
    await add_calls(store)
    async with (
        serving(store, BEGAN_US + 60_000_000) as url,
        opened(browser, Screen("", 1280, 1310, "light"), f"{url}/runs/{RUN}") as page,
    ):
        await take(page, IMAGES / "inspector-calls.png")
    await store.aclose()


async def inspected(browser: Browser) -> None:
    """The page of a run whose log lost a token, on each screen."""
    store = memory_store()
    await add_run(store, LOST, lost=70)
    async with serving(store, BEGAN_US + 60_000_000) as url:
        for screen in SCREENS:
            name = "inspector" if screen.name else "inspector-run"
            size = (390, 1310) if screen.name else (1280, 900)  # so that the picture is in it
            wide = Screen(screen.name, *size, screen.scheme)
            async with opened(browser, wide, f"{url}/runs/{LOST}") as page:
                await take(page, file_of(name, screen))
    await store.aclose()


async def overview(browser: Browser) -> None:
    """The overview of some thousand runs."""
    with tempfile.TemporaryDirectory() as folder:
        url, now_us = f"sqlite:///{folder}/log.db", BEGAN_US
        await upgrade(url)
        sizes = argparse.Namespace(runs=40_000, tokens=400_000)
        await asyncio.to_thread(fill, url, sizes, now_us, lambda _line: None)
        store = Store(SqlDatabase(url, deadline=120))
        await store.hours.count(now_us, days=2)
        async with (
            serving(store, now_us) as address,
            opened(browser, Screen("", 1280, 900, "light"), f"{address}/overview") as page,
        ):
            await take(page, IMAGES / "inspector-overview.png")
        await store.aclose()


async def animated(browser: Browser) -> None:
    """A question and its answer, as it grows, until its receipt stands under it."""
    parts = (*PIECES, END)
    gates = [asyncio.Event() for _ in parts]
    acts: list[Act] = []
    for part, gate in zip(parts, gates, strict=True):
        acts += [Until(gate), *text(part)]
    screen = Screen("", 820, 640, "light")
    with tempfile.TemporaryDirectory() as folder:
        frames = [Path(folder) / f"{n:03}.png" for n in range(len(parts) + 2)]
        async with (
            playground(Answer([*acts, *finish()])) as url,
            opened(browser, screen, url) as page,
        ):
            await page.get_by_label("Your message").fill(QUESTION)
            await take(page, frames[0])
            await page.keyboard.press("Enter")
            before = ""
            for gate, frame in zip(gates, frames[1:], strict=False):
                gate.set()
                before = await changed(page, before)
                await take(page, frame)
            await expect(page.locator(".bot .body")).to_contain_text(END)
            await proven(page)
            await take(page, frames[-1])
        await asyncio.to_thread(join, frames, IMAGES / "playground.gif")


async def proven(page: Page) -> None:
    """Waits for the receipt."""
    await expect(page.locator(".receipt").last).to_contain_text("verified")


async def changed(page: Page, before: str) -> str:
    """Waits until something else is shown; what is shown then."""
    found = await page.wait_for_function(
        "before => { const body = document.querySelector('.bot .body');"
        " return body && body.textContent !== before ? body.textContent : false }",
        arg=before,
    )
    return str(await found.json_value())


def join(frames: Sequence[Path], into: Path) -> None:
    """Makes an animation of pictures; the last one stays longer."""
    opened = [Image.open(frame).convert("RGB") for frame in frames]
    width, height = opened[0].size
    both = Image.new("RGB", (width, 2 * height))  # together they have every colour
    both.paste(opened[2])
    both.paste(opened[-1], (0, height))
    palette = both.quantize(_COLOURS, Image.Quantize.MAXCOVERAGE)
    pictures = [each.quantize(palette=palette, dither=Image.Dither.NONE) for each in opened]
    pictures[0].save(
        into,
        save_all=True,
        append_images=pictures[1:],
        duration=[_FRAME_MS] * (len(frames) - 1) + [_LAST_MS],
        loop=0,
        optimize=True,
    )
    sys.stdout.write(f"{into.name}: {into.stat().st_size // 1024} KB\n")


async def main() -> None:
    """Takes all of them."""
    path = await asyncio.to_thread(chromium.find)
    if path is None:
        raise SystemExit("There is no Chromium here: run `python -m tests.chromium`.")
    expect.set_options(timeout=60_000)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=path, args=list(chromium.ARGUMENTS)
        )
        wanted = sys.argv[1:] or ["playground", "run", "overview", "animation", "tool", "calls"]
        if "playground" in wanted:
            await in_mid_stream(browser)
        if "run" in wanted:
            await inspected(browser)
        if "overview" in wanted:
            await overview(browser)
        if "tool" in wanted:
            await tool_call(browser)
        if "calls" in wanted:
            await calls(browser)
        if "animation" in wanted:
            await animated(browser)
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
