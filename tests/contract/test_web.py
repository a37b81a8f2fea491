"""The playground keeps the connectors' contract: its people are browsers on real sockets."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import create_async_engine
from websockets.asyncio.client import ClientConnection, connect

from connectors.base import Admitted, Inflow, MessageRef
from connectors.web import WebConnector
from connectors.web.access import PURPOSE, VISITOR_COOKIE
from connectors.web.desk import place_of
from connectors.web.messages import metadata
from connectors.web.signing import signed
from tests.contract.connector import ConnectorContract, Harness, Question
from tests.doubles.page import ABOUT, SECRET_KEY, serving
from tests.wire.web.test_access import call

pytestmark = [pytest.mark.real_time, pytest.mark.sockets]

HERE = place_of("conversation-1")


@dataclass
class Person:
    """A browser that sorts what it hears by what it is about."""

    connection: ClientConnection
    heard: defaultdict[tuple[str, str], asyncio.Event] = field(
        default_factory=lambda: defaultdict(asyncio.Event)
    )
    asked: int = 0

    async def listen(self) -> None:
        """Hears everything until the socket is closed."""
        async for raw in self.connection:
            frame = json.loads(raw)
            about = frame.get("id") or frame.get("message", {}).get("id", "")
            self.heard[frame["type"], about].set()

    async def ask(self, text: str) -> Question:
        """Asks, and waits until the question is stored."""
        self.asked += 1
        name = f"question-{self.asked}"
        await self._say(type="ask", id=name, text=text)
        await self.heard["message", name].wait()
        return Question(MessageRef(HERE, name), lambda: self._settled(name))

    async def delete(self, ref: MessageRef) -> None:
        """Deletes a message, and waits until it is gone."""
        await self._say(type="delete", message=ref.id)
        await self.heard["deleted", ref.id].wait()

    async def open(self) -> None:
        """Opens the conversation."""
        await self._say(type="open", conversation=HERE.channel)
        await self.heard["snapshot", ""].wait()

    async def _say(self, **frame: Any) -> None:
        await self.connection.send(json.dumps(frame))

    async def _settled(self, name: str) -> bool:
        answers = {kind: self.heard[kind, name] for kind in ("accepted", "refused")}
        waiting = [asyncio.create_task(event.wait()) for event in answers.values()]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        return answers["accepted"].is_set()


class TestContract(ConnectorContract):
    """Over WebSockets, and a database in a file."""

    @pytest.fixture(autouse=True)
    def _file(self, tmp_path: Path) -> None:
        self.path = tmp_path / "web.db"

    @pytest.fixture(autouse=True)
    def _everybody_is_admitted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Most of the contract has nobody who reads events and would decide it: see tests/doors."""

        async def admitted(*_args: object, **_options: object) -> Admitted:
            return Admitted(admitted=True)

        monkeypatch.setattr(Inflow, "admits", admitted)

    def connector(self) -> AbstractAsyncContextManager[Harness]:
        return self.opened()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Harness]:
        """A served playground, and a person who has it open."""
        engine = create_async_engine(f"sqlite+aiosqlite:///{self.path}")
        async with AsyncExitStack() as stack:
            stack.push_async_callback(engine.dispose)
            async with engine.begin() as connection:
                await connection.run_sync(metadata.create_all)
            connector = WebConnector(engine, about=ABOUT, secret_keys=(SECRET_KEY,))
            address = await stack.enter_async_context(serving(connector))
            person = Person(await stack.enter_async_context(_connect(address)))
            listening = asyncio.create_task(person.listen())
            stack.callback(listening.cancel)
            await person.open()

            def another() -> WebConnector:
                other = WebConnector(engine, about=ABOUT)
                stack.push_async_callback(other.aclose)
                return other

            async def attach() -> None:
                cookie = f"{VISITOR_COOKIE}={signed(SECRET_KEY, PURPOSE, 'person-ann')}"
                headers = {"Origin": f"http://{address}", "Cookie": cookie}
                path = f"/files/{HERE.channel}?name=a.txt"
                assert (await call(address, "POST", path, headers, "text")).status == 200

            yield Harness(connector, HERE, person.ask, person.delete, another, attach=attach)


def _connect(address: str) -> connect:
    return connect(
        f"ws://{address}/ws", additional_headers={"Origin": f"http://{address}"}, proxy=None
    )
