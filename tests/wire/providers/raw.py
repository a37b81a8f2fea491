"""Plays `tests.wire.providers.transports` on loopback, and the proxies in front of it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType

from tests.doubles.openai import Act, Drop, Freeze, Wait
from tests.doubles.providers.tls import Authority, certificate
from tests.doubles.providers.wire import AnthropicTongue, GoogleTongue, OpenAITongue, Tongue
from tests.wire.providers.transports import CASES, LEFT, TUNNEL, Carried, Door, Said, whole_sized

TOKENS = ("Hello ", "there.")
PROXY_KEY = "me:p@ss word"
_BY_NAME = {case.name: case for case in (*CASES, *LEFT)}
_DAY = timedelta(days=1)


def _said_at(path: str) -> Said:
    """An answer of the service that is asked at a path."""
    tongue: Tongue = OpenAITongue()
    if "messages" in path:
        tongue = AnthropicTongue()
    elif "GenerateContent" in path:
        tongue = GoogleTongue()
    begun = b"".join([*tongue.opening(), *(tongue.token("text", token) for token in TOKENS)])
    return Said(begun, b"".join(tongue.finish("stop")))


class RawServer:
    """`async with RawServer(folder) as server`; `root` says where a case is to be asked.

    `trusted` is the authority's certificate, for `SSL_CERT_FILE`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._authority = Authority(folder)
        self._ports: dict[str, int] = {}
        self._stack = AsyncExitStack()
        self._tasks: set[asyncio.Task[None]] = set()
        self._tunnel = self._authority.server("*.example.com")
        self.trusted = self._authority.path
        self.targets: list[str] = []
        """What was asked for, as the first line of each request has it."""
        self.frozen: asyncio.Queue[None] = asyncio.Queue()
        """Has something once the server says no more, and waits to be left."""
        self.left: asyncio.Queue[None] = asyncio.Queue()
        """Has something once it was left."""
        self.proxied: list[str] = []
        """The credentials that the proxy was shown."""

    async def __aenter__(self) -> RawServer:
        for name, context in self._contexts().items():
            server = await asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=context)
            await self._stack.enter_async_context(server)
            self._ports[name] = server.sockets[0].getsockname()[1]
        socks = await asyncio.start_server(self._over_socks, "127.0.0.1", 0)
        await self._stack.enter_async_context(socks)
        self._ports["socks"] = socks.sockets[0].getsockname()[1]
        deaf = await asyncio.start_server(self._deaf, "127.0.0.1", 0)
        await self._stack.enter_async_context(deaf)
        self._ports["plain_as_tls"] = deaf.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._stack.aclose()

    @property
    def proxy(self) -> str:
        """The proxy's address, with its password."""
        return f"http://me:p%40ss%20word@127.0.0.1:{self._ports['plain']}"

    @property
    def socks(self) -> str:
        """The SOCKS proxy's address."""
        return f"socks5h://127.0.0.1:{self._ports['socks']}"

    @property
    def encrypted_proxy(self) -> str:
        """The proxy's address where it is spoken to over TLS."""
        return f"https://me:p%40ss%20word@localhost:{self._ports['tls']}"

    def root(self, case: Carried) -> str:
        """The address under which a case is played."""
        if case.door in ("proxy", "proxy_tls"):
            return f"http{'s' * (case.door == 'proxy_tls')}://{case.name}.example.com"
        scheme = "http" if case.door == "plain" else "https"
        return f"{scheme}://localhost:{self._ports[case.door]}/{case.name}"

    def _contexts(self) -> Mapping[Door, ssl.SSLContext | None]:
        now = datetime.now(UTC)
        (self._folder / "others").mkdir()
        itself = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        itself.load_cert_chain(certificate(self._folder / "others"))
        return {
            "plain": None,
            "tls": self._authority.server(),
            "expired": self._authority.server(until=now - _DAY),
            "not_yet_valid": self._authority.server(since=now + _DAY, until=now + 2 * _DAY),
            "self_signed": itself,
            "other_name": self._authority.server("other.example"),
            "unknown_ca": Authority(self._folder / "others").server(),
        }

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _over_socks(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """SOCKS 5 without a password, to whatever is named; then the service itself."""
        greeting = await reader.readexactly(2)
        await reader.readexactly(greeting[1])
        writer.write(b"\x05\0")
        head = await reader.readexactly(5)
        await reader.readexactly(head[4] + 2)
        writer.write(b"\x05\0\0\x01\0\0\0\0\0\0")
        self._connected(reader, writer)

    def _deaf(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            return
        finally:
            writer.close()
            with suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        method, target, case = await self._asked(reader)
        if method == "CONNECT":
            await self._play(case.proxy, reader, writer)
            if case.proxy != [TUNNEL]:
                return
            await writer.start_tls(self._tunnel)
            _, target, _ = await self._asked(reader)
        play = whole_sized if "moved" in target else case.play
        await self._play(play(_said_at(target)), reader, writer)

    async def _asked(self, reader: asyncio.StreamReader) -> tuple[str, str, Carried]:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _version = head[0].split(" ")
        self.targets.append(target)
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in head[1:])}
        await reader.readexactly(int(headers.get("content-length", 0)))
        if shown := headers.get("proxy-authorization"):
            self.proxied.append(shown)
        host = headers["host"].partition(".")[0]
        return method, target, _BY_NAME.get(host) or _BY_NAME[target.split("/")[1]]

    async def _play(
        self, acts: Sequence[Act], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        for act in acts:
            match act:
                case bytes():
                    writer.write(act)
                    await writer.drain()
                case Wait():
                    await asyncio.sleep(act.seconds)
                case Drop():
                    writer.transport.abort()
                    return
                case Freeze():
                    self.frozen.put_nowait(None)
                    with suppress(ConnectionError):
                        await reader.read()
                    self.left.put_nowait(None)
