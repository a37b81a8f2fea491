"""Two processes serve the page on one database: each shows what the other writes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from websockets.asyncio.client import ClientConnection, connect

from connectors.web import WebConnector, desk
from connectors.web.desk import place_of
from tests.doubles.page import ABOUT, part, serving

pytestmark = pytest.mark.real_time

TALK = "conversation-1"


@pytest.fixture
async def page(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[ClientConnection]:
    """A page that one process shows."""
    monkeypatch.setattr(desk, "LOOK_S", 0.05)
    async with serving(WebConnector(engine, about=ABOUT)) as address:
        origin: Any = f"http://{address}"
        async with connect(f"ws://{address}/ws", origin=origin, proxy=None) as socket:
            await socket.send(json.dumps({"type": "open", "conversation": TALK}))
            assert (await told(socket))["type"] == "snapshot"
            yield socket


@asynccontextmanager
async def other(engine: AsyncEngine) -> AsyncIterator[WebConnector]:
    """Another process's connector."""
    connector = WebConnector(engine, about=ABOUT)
    yield connector
    await connector.aclose()


async def told(socket: ClientConnection) -> dict[str, Any]:
    """The next frame."""
    return dict(json.loads(await asyncio.wait_for(socket.recv(), 10)))


async def test_an_answer_of_another_process_grows_on_the_open_page(
    page: ClientConnection, engine: AsyncEngine
) -> None:
    """Its post, each edit that stands for a while, and its deletion."""
    async with other(engine) as process:
        shown = await process.post(place_of(TALK), part("Half"), "key")
        assert "Half" in (await told(page))["message"]["html"]
        await process.edit(shown.ref, part("Half and half", last=True))
        message = (await told(page))["message"]
        assert "Half and half" in message["html"]
        assert message["last"]
        await process._messages.delete(TALK, shown.ref.id)
        assert await told(page) == {"type": "deleted", "id": shown.ref.id}


async def test_other_conversations_are_not_shown(
    page: ClientConnection, engine: AsyncEngine
) -> None:
    async with other(engine) as process:
        await process.post(place_of("conversation-2"), part("Elsewhere"), "key-1")
        await process.post(place_of(TALK), part("Here"), "key-2")
        assert "Here" in (await told(page))["message"]["html"]


async def test_nothing_is_told_twice(page: ClientConnection, engine: AsyncEngine) -> None:
    """However often it is looked up."""
    async with other(engine) as process:
        await process.post(place_of(TALK), part("Once"), "key-1")
        assert "Once" in (await told(page))["message"]["html"]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(page.recv(), 0.4)
