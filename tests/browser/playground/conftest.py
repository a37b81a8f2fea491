"""The page in a real browser, the bot in a process of its own, and a model that is a script."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.browser.visits import browser, context, visiting
from tests.doubles.commands import Bot, Shell
from tests.doubles.openai import Answer, OpenAIServer
from tests.doubles.page import anyio_backend

__all__ = ["anyio_backend", "browser", "context"]

LONGEST_QUESTION = 5000

expect.set_options(timeout=15_000)  # the bot edits at its pace, and the machine may be busy


class Model(OpenAIServer):
    """A model's server that serves a whole module; each test says what it answers."""

    def will(self, *answers: Answer) -> None:
        """Plays these from now on, the last one again and again."""
        self._answers = answers
        self.exchanges.clear()


@pytest.fixture(scope="module")
async def model() -> AsyncIterator[Model]:
    """The server of the model `compatible:scripted`."""
    model = Model()
    async with model:
        yield model


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """Where the bot runs and keeps its data."""
    return Shell(tmp_path_factory.mktemp("bot"))


@pytest.fixture(scope="module")
async def bot(
    model: Model,
    shell: Shell,
    browser: Browser,  # noqa: ARG001 - without a browser there is nothing to start it for
) -> AsyncIterator[Bot]:
    """The bot, answered by the script."""
    async with shell.bot(
        MODEL="compatible:scripted",
        OPENAI_BASE_URL=model.url,
        MAX_QUESTION_CHARS=str(LONGEST_QUESTION),
    ) as bot:
        yield bot


@pytest.fixture
async def page(bot: Bot, context: BrowserContext) -> AsyncIterator[Page]:
    """The bot's page, on a first visit."""
    async with visiting(context, f"http://{bot.address}/") as page:
        yield page
