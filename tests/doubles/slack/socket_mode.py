"""Socket Mode: events over WebSockets, acknowledged one by one, sent again where they are not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from aiohttp import WSMsgType, web

from tests.doubles.slack.records import Attempt, Delivery
from tests.doubles.slack.workspaces import APP


@dataclass(slots=True, eq=False)
class Connection:
    """One WebSocket of the bot's."""

    socket: web.WebSocketResponse
    transport: asyncio.Transport
    retiring: bool = False
    """It was asked to go: nothing new is sent on it."""


@dataclass(slots=True, eq=False)
class _Waiting:
    """An envelope that is not acknowledged yet."""

    connection: Connection
    taken: asyncio.Future[bool]
    delivery: Delivery


@dataclass(slots=True)
class SocketMode:
    """Carries events over the bot's connections; what finds none waits for one."""

    ack_seconds: float
    root: str = ""
    """`ws://host:port`, once that is known."""
    connections: list[Connection] = field(default_factory=list)
    opened: int = 0
    """How many connections there ever were."""
    _tickets: set[str] = field(default_factory=set)
    _numbers: count[int] = field(default_factory=lambda: count(1))
    _turn: int = 0
    _queue: asyncio.Queue[Delivery] = field(default_factory=asyncio.Queue)
    _connected: asyncio.Condition = field(default_factory=asyncio.Condition)
    _waiting: dict[str, _Waiting] = field(default_factory=dict)
    _pinned: dict[Delivery, Connection] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def start(self) -> None:
        """Begins to send what is carried, in order."""
        self._spawn(self._feed())

    def open(self) -> str:
        """The address of one new connection."""
        ticket = f"ticket-{next(self._numbers)}"
        self._tickets.add(ticket)
        return f"{self.root}/link/?ticket={ticket}&app_id={APP}"

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """A connection from its greeting to its end."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            raise web.HTTPForbidden
        self._tickets.discard(ticket)
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        assert request.transport is not None
        connection = Connection(ws, request.transport)
        await ws.send_json(self._hello())
        await self._enter(connection)
        try:
            async for message in ws:
                if message.type is WSMsgType.TEXT:
                    self._acknowledge(message.json())
        finally:
            self._leave(connection)
        return ws

    def carry(self, delivery: Delivery) -> None:
        """Sends it as soon as its turn comes and there is a connection."""
        self._queue.put_nowait(delivery)

    def copies(self, delivery: Delivery) -> list[Delivery]:
        """The same event for each connection that there is now."""
        made = [(Delivery(delivery.kind, delivery.payload), each) for each in self._usable()]
        self._pinned.update(made)
        return [each for each, _ in made]

    async def connected(self, number: int = 1) -> None:
        """Waits until the bot has so many connections."""
        async with self._connected:
            await self._connected.wait_for(lambda: len(self._usable()) >= number)

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        """Asks the bot to take new connections, as Slack does every few hours."""
        for connection in self._usable():
            connection.retiring = True
            debug = {"host": "applink-1"}
            message = {"type": "disconnect", "reason": reason, "debug_info": debug}
            await connection.socket.send_json(message)

    def drop(self) -> None:
        """Cuts every connection without a word."""
        for connection in list(self.connections):
            connection.transport.abort()
            self._leave(connection)

    async def aclose(self) -> None:
        """Closes every connection and gives up what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in list(self.connections):
            await connection.socket.close(code=1001)

    def _hello(self) -> dict[str, Any]:
        return {
            "type": "hello",
            "num_connections": len(self._usable()) + 1,
            "debug_info": {
                "host": "applink-1",
                "build_number": 1,
                "approximate_connection_time": 18060,
            },
            "connection_info": {"app_id": APP},
        }

    async def _enter(self, connection: Connection) -> None:
        self.connections.append(connection)
        self.opened += 1
        async with self._connected:
            self._connected.notify_all()

    def _leave(self, connection: Connection) -> None:
        """What a lost connection had not acknowledged is not waited for."""
        if connection not in self.connections:
            return
        self.connections.remove(connection)
        for waiting in list(self._waiting.values()):
            # One that was asked to go may still be answered for on the next.
            if waiting.connection is connection and not connection.retiring:
                _settle(waiting.taken, False)

    def _usable(self) -> list[Connection]:
        return [each for each in self.connections if not each.retiring and not each.socket.closed]

    async def _feed(self) -> None:
        while True:
            delivery = await self._queue.get()
            connection = await self._next(delivery)
            try:
                await self._send(connection, delivery)
            except ConnectionError:
                self._leave(connection)
                self._queue.put_nowait(delivery)

    async def _next(self, delivery: Delivery) -> Connection:
        """The connection that is its own, or one after the other."""
        pinned = self._pinned.pop(delivery, None)
        if pinned is not None and pinned in self._usable():
            return pinned
        await self.connected()
        usable = self._usable()
        self._turn += 1
        return usable[self._turn % len(usable)]

    async def _send(self, connection: Connection, delivery: Delivery) -> None:
        name = f"envelope-{next(self._numbers)}"
        await connection.socket.send_json(_envelope(name, delivery))
        attempt = Attempt(time.time())
        delivery.attempts.append(attempt)
        taken: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting[name] = _Waiting(connection, taken, delivery)
        self._spawn(self._watch(name, attempt))

    async def _watch(self, name: str, attempt: Attempt) -> None:
        """Sends an event again where it is not acknowledged in time."""
        waiting = self._waiting[name]
        try:
            async with asyncio.timeout(self.ack_seconds):
                taken = await waiting.taken
        except TimeoutError:
            taken = False
        del self._waiting[name]
        if taken:
            attempt.delay = time.time() - attempt.at
        waiting.delivery.ended(attempt, taken)
        if not taken and waiting.delivery.attempts_left:
            self.carry(waiting.delivery)

    def _acknowledge(self, message: dict[str, Any]) -> None:
        waiting = self._waiting.get(message.get("envelope_id", ""))
        if waiting is not None:
            waiting.delivery.response = message.get("payload")
            _settle(waiting.taken, True)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _settle(future: asyncio.Future[bool], result: bool) -> None:
    if not future.done():
        future.set_result(result)


def _envelope(name: str, delivery: Delivery) -> dict[str, Any]:
    envelope: dict[str, Any] = {
        "envelope_id": name,
        "payload": delivery.payload,
        "type": delivery.kind,
        "accepts_response_payload": delivery.kind != "events_api",
    }
    if delivery.kind == "events_api":
        again = len(delivery.attempts)
        envelope |= {"retry_attempt": again, "retry_reason": "timeout" if again else ""}
    return envelope
