"""The open connections of the HTTP server: how many, from where, how long each may wait, and the
protocols of uvicorn's that report them.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import uvicorn
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from bot.http.addresses import network_of

MOST_FILES = 65_536
"""The process's limit of open files is raised to this, or as far as the system allows."""
HEAD_BYTES = 64 * 1024
"""The most bytes of a request's head: request line and headers."""

Phase = Literal["head", "body", "serving", "greeting", "socket"]
"""What a connection does: the client's head or body is awaited, a request is served, or it is a
WebSocket. One that was accepted is in its `greeting` until its client's first message has come."""
_AWAITED = ("head", "body", "greeting")
"""What the client has to do next, within a deadline."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """How many connections may be open, and how long a client may keep the server waiting.

    `per_address` is for each IPv4 address and each IPv6 network of 64 bits that connects directly.
    A head has `head_s` seconds, and so has the first message of a WebSocket. A body has `body_s`,
    and one second more for each `body_rate` bytes that have come. A client may read nothing for
    `send_s`, and for `close_s` once the connection is being closed. The deadlines are looked at
    every `sweep_s`.
    """

    total: int = 2000
    per_address: int = 200
    head_s: float = 10.0
    body_s: float = 10.0
    body_rate: int = 16_384
    send_s: float = 30.0
    close_s: float = 5.0
    sweep_s: float = 1.0

    @property
    def sockets(self) -> int:
        """The most WebSockets: the rest is for requests."""
        return self.total * 3 // 4


@dataclass(slots=True, eq=False)
class Connection:
    """One connection. Times are the event loop's."""

    transport: asyncio.Transport
    network: str | None
    """Where it counts; None behind a trusted proxy, where each request counts instead."""
    since: float
    phase: Phase = "head"
    received: int = 0
    """Bytes of the head or the body so far."""
    blocked_since: float | None = None
    closing_since: float | None = None


@dataclass(slots=True)
class Connections:
    """Those of one server. Belongs to one event loop."""

    limits: ConnectionLimits = field(default_factory=ConnectionLimits)
    trusts: Callable[[str], bool] = lambda _address: False
    """Whether an address is a trusted proxy's."""
    _open: dict[asyncio.Transport, Connection] = field(default_factory=dict)
    _waiting: dict[Connection, None] = field(default_factory=dict)
    """Those whose client is awaited, the longest first."""
    _by_network: Counter[str] = field(default_factory=Counter)
    _sweeping: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._open)

    def add(self, transport: asyncio.Transport, address: str) -> Connection | None:
        """A client has connected; None where there is no room for it, and it was turned away."""
        network = None if self.trusts(address) else network_of(address)
        if not self._room(network):
            transport.abort()
            return None
        connection = Connection(transport, network, self._now())
        self._open[transport] = connection
        self._waiting[connection] = None
        if network is not None:
            self._by_network[network] += 1
        if self._sweeping is None:
            self._sweep_later()
        return connection

    def remove(self, transport: asyncio.Transport) -> None:
        """A connection has ended."""
        connection = self._open.pop(transport, None)
        if connection is None:
            return
        self._waiting.pop(connection, None)
        if connection.network is not None:
            self._by_network[connection.network] -= 1
            if not self._by_network[connection.network]:
                del self._by_network[connection.network]

    def enter(self, connection: Connection, phase: Phase) -> None:
        """The connection does something else from now on."""
        if phase == connection.phase or connection.transport not in self._open:
            return
        connection.phase = phase
        connection.since = self._now()
        connection.received = 0
        self._waiting.pop(connection, None)
        if phase in _AWAITED:
            self._waiting[connection] = None

    def takes_socket(self) -> bool:
        """Whether one more WebSocket may be opened."""
        sockets = sum(c.phase in ("greeting", "socket") for c in self._open.values())
        return sockets < self.limits.sockets

    def found(self, transport: asyncio.Transport) -> Connection | None:
        """The open connection of a transport."""
        return self._open.get(transport)

    def block(self, transport: asyncio.Transport, blocked: bool) -> None:
        """The client reads nothing more for now, or reads on."""
        if (connection := self._open.get(transport)) is not None:
            connection.blocked_since = self._now() if blocked else None

    def _room(self, network: str | None) -> bool:
        """Makes room for one more, where somebody waits who can be let go."""
        full = network is not None and self._by_network[network] >= self.limits.per_address
        if full and not self._let_go(network):
            return False
        return len(self._open) < self.limits.total or self._let_go(None)

    def _let_go(self, network: str | None) -> bool:
        """Cuts the connection that has waited longest, of one network or of all."""
        for connection in self._waiting:
            if network in (None, connection.network):
                self._cut(connection)
                return True
        return False

    def _cut(self, connection: Connection) -> None:
        self.remove(connection.transport)  # its end is told in the loop's next turn only
        connection.transport.abort()

    def _sweep_later(self) -> None:
        self._sweeping = asyncio.get_running_loop().call_later(self.limits.sweep_s, self._sweep)

    def _sweep(self) -> None:
        """Closes what has passed its deadline."""
        now = self._now()
        for connection in list(self._open.values()):
            self._look_at(connection, now)
        self._sweeping = None
        if self._open:
            self._sweep_later()

    def _look_at(self, connection: Connection, now: float) -> None:
        if connection.transport.is_closing():
            connection.closing_since = connection.closing_since or now
            if now - connection.closing_since > self.limits.close_s:
                self._cut(connection)
        elif connection.blocked_since is not None:
            if now - connection.blocked_since > self.limits.send_s:
                self._cut(connection)
        elif now > self._deadline(connection):
            connection.transport.close()

    def _deadline(self, connection: Connection) -> float:
        if connection.phase in ("head", "greeting"):
            return connection.since + self.limits.head_s
        if connection.phase == "body":
            earned = connection.received / self.limits.body_rate
            return connection.since + self.limits.body_s + earned
        return float("inf")

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def limits_for(total: int, per_address: int) -> ConnectionLimits:
    """Limits that leave a quarter of the process's files to everything but HTTP."""
    total = min(total, raised_file_limit() * 3 // 4)
    return ConnectionLimits(total=total, per_address=per_address)


def refuse(transport: asyncio.Transport, status: int, reason: str) -> None:
    """Answers a request that isn't taken, and closes its connection."""
    head = f"HTTP/1.1 {status} {reason}\r\ncontent-type: text/plain; charset=utf-8\r\n"
    length = f"content-length: {len(reason)}\r\nconnection: close\r\n\r\n"
    transport.write(f"{head}{length}{reason}".encode())
    transport.close()


def raised_file_limit() -> int:
    """The process's limit of open files, raised as far as the system allows."""
    if sys.platform == "win32":
        return MOST_FILES
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (ValueError, OSError):  # macOS has a lower limit of its own
            return soft
        return wanted
    return MOST_FILES if soft == resource.RLIM_INFINITY else soft


# Uvicorn's two protocols, which tell `Connections` what each connection does.


class Config(uvicorn.Config):
    """Uvicorn's configuration, with the connections: uvicorn hands it to each protocol."""

    def __init__(self, app: Any, connections: Connections, **options: Any) -> None:
        super().__init__(app, http=HttpProtocol, ws=SocketProtocol, **options)
        self.held = connections


class HttpProtocol(HttpToolsProtocol):
    """One connection until it ends or becomes a WebSocket."""

    config: Config
    _held: Connection | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._held = self.config.held.add(transport, self.client[0] if self.client else "")

    def connection_lost(self, exc: Exception | None) -> None:
        self.config.held.remove(self.transport)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        held = self._held
        if held is None or self.transport.is_closing():
            return
        in_head = held.phase == "head"
        held.received += len(data) * in_head
        super().data_received(data)
        if in_head and held.phase == "head" and held.received > HEAD_BYTES:
            refuse(self.transport, 431, "Request Header Fields Too Large")

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._enter(self._phase())

    def on_body(self, body: bytes) -> None:
        if self._held is not None:
            self._held.received += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self.cycle is not None:
            self.cycle.more_body = False  # which uvicorn leaves where the answer is complete
        super().on_message_complete()
        self._enter(self._phase())

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._enter(self._phase())

    def _phase(self) -> Phase:
        """What the newest request waits for, once those before it are answered."""
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or (cycle.response_complete and not cycle.more_body):
            return "head"
        return "body" if cycle.more_body and not self.pipeline else "serving"

    def handle_websocket_upgrade(self) -> None:
        if not self.config.held.takes_socket():
            refuse(self.transport, 503, "Service Unavailable")
            return
        self._enter("socket")
        super().handle_websocket_upgrade()

    def pause_writing(self) -> None:
        self.config.held.block(self.transport, True)
        super().pause_writing()

    def resume_writing(self) -> None:
        self.config.held.block(self.transport, False)
        super().resume_writing()

    def _enter(self, phase: Phase) -> None:
        if self._held is not None:
            self.config.held.enter(self._held, phase)


class SocketProtocol(WebSocketsSansIOProtocol):
    """One WebSocket. Once it is accepted, its client has something to say, or it is closed."""

    config: Config
    _spoken = False

    async def send(self, message: ASGISendEvent) -> None:
        await super().send(message)
        if message["type"] == "websocket.accept" and not self._spoken:
            self._enter("greeting")

    def send_receive_event_to_app(self) -> None:
        super().send_receive_event_to_app()
        if not self._spoken:
            self._spoken = True
            self._enter("socket")

    def _enter(self, phase: Phase) -> None:
        if (held := self.config.held.found(self.transport)) is not None:
            self.config.held.enter(held, phase)

    def connection_lost(self, exc: Exception | None) -> None:
        self.config.held.remove(self.transport)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        self.config.held.block(self.transport, True)
        super().pause_writing()

    def resume_writing(self) -> None:
        self.config.held.block(self.transport, False)
        super().resume_writing()
