"""One socket of the gateway: what waits to be sent, and how it goes out."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from contextlib import suppress

from aiohttp import web

from tests.doubles.discord.compression import new_compressor
from tests.doubles.discord.gateway.opcodes import Opcode
from tests.doubles.discord.model import JSON


class Connection:
    """Sends messages in order, in a task of its own, so that no call waits for a slow reader."""

    def __init__(self, socket_: web.WebSocketResponse, request: web.Request) -> None:
        self.acknowledges = True
        """False: heartbeats get no answer."""
        self.session_id = ""
        self._socket = socket_
        self._transport = request.transport
        self._compress = new_compressor(request.query.get("compress", ""))
        self._outbox: asyncio.Queue[JSON] = asyncio.Queue()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._writer = asyncio.create_task(self._write())

    def send(
        self, op: Opcode, data: object = None, *, seq: int | None = None, name: str = ""
    ) -> None:
        """Queues a message."""
        self._outbox.put_nowait({"op": int(op), "d": data, "s": seq, "t": name or None})

    def freeze(self) -> None:
        """Nothing is sent any more, and the connection stays open."""
        self._flowing.clear()
        self.acknowledges = False

    def drop(self) -> None:
        """Cuts the connection without a word."""
        if self._transport is None:
            return
        connection = self._transport.get_extra_info("socket")
        with suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    async def close(self, code: int) -> None:
        """Ends the connection in order, with a close code, after what is queued."""
        if self._flowing.is_set():
            await self._outbox.join()
        await self._socket.close(code=code)

    async def finish(self) -> None:
        """Ends the writer; the socket is closed."""
        self._writer.cancel()
        with suppress(asyncio.CancelledError):
            await self._writer

    async def _write(self) -> None:
        while True:
            message = await self._outbox.get()
            await self._flowing.wait()
            try:
                await self._put(json.dumps(message, separators=(",", ":")))
            except ConnectionError:
                return
            finally:
                self._outbox.task_done()

    async def _put(self, text: str) -> None:
        if self._compress is None:
            await self._socket.send_str(text)
        else:
            await self._socket.send_bytes(self._compress(text.encode()))
