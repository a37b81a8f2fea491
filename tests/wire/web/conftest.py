"""The page's server and its bot, for each test."""

from tests.doubles.page import address, anyio_backend, bot, connector, engine

__all__ = ["address", "anyio_backend", "bot", "connector", "engine"]
