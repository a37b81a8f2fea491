"""A playground for each test: the real connector on a real server, and a bot that is a script."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import pytest
import uvicorn
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from starlette.applications import Starlette

from connectors.base import AnswerText, Control, Event, Part, Preflight
from connectors.web import WebConnector
from connectors.web.messages import metadata
from connectors.words import Wording

RUN = UUID("12345678-1234-5678-1234-567812345678")
SECRET_KEY = "the key that all visitors of this page are signed with"
ABOUT = "SmolLM2 135M, a demonstration model"

_E = TypeVar("_E", bound=Event)


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """The real clock for the whole module: a browser outlives the test that it is used in."""
    return "asyncio", {"loop_factory": asyncio.SelectorEventLoop}


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    """A database with the playground's table."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'web.db'}")
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    yield engine
    await engine.dispose()


@pytest.fixture
async def connector(engine: AsyncEngine) -> AsyncIterator[WebConnector]:
    """A playground on this machine only, without a password."""
    connector = WebConnector(engine, about=ABOUT, secret_keys=(SECRET_KEY,), voice_seconds=60)
    yield connector
    await connector.aclose()


@dataclass
class Bot:
    """Takes every event from a connector, and hands it to the test."""

    connector: WebConnector
    accepts: bool = True
    events: asyncio.Queue[Event] = field(default_factory=asyncio.Queue)

    async def run(self) -> None:
        """Takes events until the connector is closed."""
        async for incoming in self.connector.events():
            if isinstance(incoming.event, Preflight):
                incoming.accept()
                continue
            if self.accepts:
                incoming.accept()
            else:
                incoming.refuse()
            self.events.put_nowait(incoming.event)

    async def next(self, kind: type[_E]) -> _E:
        """The next event, which has to be of this kind."""
        event = await asyncio.wait_for(self.events.get(), 10)
        assert isinstance(event, kind)
        return event


@pytest.fixture
async def bot(connector: WebConnector) -> AsyncIterator[Bot]:
    """A bot that accepts everything and says nothing of itself."""
    bot = Bot(connector)
    running = asyncio.create_task(bot.run())
    yield bot
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@asynccontextmanager
async def serving(connector: WebConnector, port: int = 0) -> AsyncIterator[str]:
    """Serves a connector's routes on loopback; the address, as host and port."""
    with socket.create_server(("127.0.0.1", port)) as listening:
        # Small buffers, which the connections inherit: that a browser reads nothing is felt soon.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32 * 1024)
        config = uvicorn.Config(
            Starlette(routes=connector.routes()),
            log_level="error",
            lifespan="off",
            ws_max_size=256 * 1024,
            timeout_graceful_shutdown=2,
        )
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        # Not `serve`, which takes the signals and ends a tenth of a second late.
        await server.startup(sockets=[listening])
        try:
            yield f"127.0.0.1:{listening.getsockname()[1]}"
        finally:
            await connector.aclose()
            server.force_exit = True  # all is closed by now; polling for it would take longer
            await server.shutdown(sockets=[listening])


@pytest.fixture
async def address(connector: WebConnector) -> AsyncIterator[str]:
    """Where the playground is served, as host and port."""
    async with serving(connector) as address:
        yield address


def part(
    text: str, *controls: Control, index: int = 0, footer: Wording | None = None, last: bool = False
) -> Part:
    """A part of an answer."""
    return Part(RUN, index, AnswerText(text), controls, footer, last)
