"""Cancelling closes the connection to the service within a second, both ways of reading it."""

from __future__ import annotations

import asyncio
import time
from uuid import uuid4

import pytest

from providers.base import Generation
from providers.failover import ChainProvider
from tests.contracts.provider import QUESTION, Heard
from tests.providers.ways import WAYS, Way, at
from tests.servers.openai import Answer, Freeze, OpenAIServer, text

pytestmark = pytest.mark.real_time

TRIES = 3
"""The machine may be busy for a second; not three times."""


@pytest.mark.parametrize("way", WAYS)
async def test_cancelling_closes_the_connection_within_a_second(way: Way) -> None:
    """The service stops generating, and nobody pays for what nobody reads."""
    took = [await seconds_to_leave(way) for _ in range(TRIES)]
    assert min(took) < 1.0, took


async def seconds_to_leave(way: Way) -> float:
    """How long it takes until the service sees that it was left."""
    async with OpenAIServer(Answer([*text("Hi"), Freeze()])) as server:
        provider = ChainProvider([at(server, way, "openai")])
        heard = Heard(awaiting="Hi")
        asking = asyncio.create_task(
            provider.generate(QUESTION, run_id=uuid4(), callbacks=[heard], generation=Generation())
        )
        async with asyncio.timeout(30):
            await heard.awaited.wait()
            cancelled = time.monotonic()
            asking.cancel()
            await server.exchanges[0].left.wait()
            took = time.monotonic() - cancelled
            await asyncio.gather(asking, return_exceptions=True)
        await provider.aclose()
    return took
