"""The page's server, its bot and a browser, for each test."""

from tests.browser.visits import browser, context
from tests.doubles.page import address, anyio_backend, bot, connector, engine

__all__ = ["address", "anyio_backend", "bot", "browser", "connector", "context", "engine"]
