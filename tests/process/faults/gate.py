"""The way to a PostgreSQL server that can go away and come back; the server itself stays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from sqlalchemy import make_url

_CHUNK = 65536


class Gate:
    """Carries connections to a server. Shut, it has dropped them all and refuses new ones."""

    def __init__(self, host: str, port: int) -> None:
        self._to = host, port
        self._server: asyncio.Server | None = None
        self._ways: set[asyncio.Task[None]] = set()
        self._silent = False
        self.port = 0

    async def open(self) -> None:
        """Lets connections through, from now on on the same port."""
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        """Drops every connection and refuses new ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._drop()

    async def hush(self) -> None:
        """Drops every connection; new ones are taken, and nothing ever comes of them."""
        self._silent = True
        await self._drop()

    async def _drop(self) -> None:
        ways = list(self._ways)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        way = asyncio.create_task(self._between(reader, writer))
        self._ways.add(way)
        await asyncio.wait({way})
        self._ways.discard(way)

    async def _between(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self._silent:
                await reader.read(-1)
                return
            theirs, ours = await asyncio.open_connection(*self._to)
            try:
                await asyncio.gather(_copied(reader, ours), _copied(theirs, writer))
            finally:
                ours.transport.abort()
        finally:
            writer.transport.abort()


async def _copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
        writer.write_eof()


@asynccontextmanager
async def gated(url: str) -> AsyncIterator[tuple[Gate, str]]:
    """A gate before the server of a database's URL, and the URL by which it is passed."""
    parsed = make_url(url)
    gate = Gate(parsed.host or "127.0.0.1", parsed.port or 5432)
    await gate.open()
    through = parsed.set(host="127.0.0.1", port=gate.port)
    try:
        yield gate, through.render_as_string(hide_password=False)
    finally:
        await gate.shut()
