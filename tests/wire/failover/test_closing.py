"""Cancelling closes the connection to the service, both ways of reading it."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from providers.base import Generation
from providers.failover import ChainProvider
from tests.contract.provider import QUESTION, Heard
from tests.doubles.openai import Answer, Freeze, OpenAIServer, text
from tests.doubles.providers.ways import WAYS, Way, at

pytestmark = pytest.mark.real_time


@pytest.mark.parametrize("way", WAYS)
async def test_cancelling_closes_the_connection(way: Way) -> None:
    """The service stops generating, and nobody pays for what nobody reads: it says no more here."""
    async with OpenAIServer(Answer([*text("Hi"), Freeze()])) as server:
        provider = ChainProvider([at(server, way, "openai")])
        heard = Heard(awaiting="Hi")
        asking = asyncio.create_task(
            provider.generate(QUESTION, run_id=uuid4(), callbacks=[heard], generation=Generation())
        )
        async with asyncio.timeout(30):
            await heard.awaited.wait()
            asking.cancel()
            await server.exchanges[0].left.wait()
            await asyncio.gather(asking, return_exceptions=True)
        await provider.aclose()
