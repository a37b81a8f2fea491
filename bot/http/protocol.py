"""Uvicorn's two protocols, which tell `Connections` what each connection does."""

from __future__ import annotations

import asyncio
from typing import Any

import uvicorn
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from bot.http.connections import HEAD_BYTES, Connection, Connections, Phase, refuse


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
