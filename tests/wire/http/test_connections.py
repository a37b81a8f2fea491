"""What a client can make the HTTP server wait for, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from bot.http import ConnectionLimits, Proxies, listen, serve
from bot.http.connections import HEAD_BYTES, Config, Connections
from tests.doubles.waiting import PATIENCE_S, until

pytestmark = pytest.mark.real_time

QUICK = ConnectionLimits(
    total=50, per_address=50, head_s=0.6, body_s=0.6, send_s=0.6, close_s=0.2, sweep_s=0.05
)
SOON = PATIENCE_S
GET = b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"
UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
# Frames of a client, masked with zeros: FIN and opcode, length, mask, content.
PING = b"\x89\x80\0\0\0\0"
HALF_A_MESSAGE = b"\x01\x82\0\0\0\0hi"
MESSAGE = b"\x81\x82\0\0\0\0hi"


async def _hello(_request: Request) -> Response:
    return PlainTextResponse("hello")


async def _length(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def _refusing(_request: Request) -> Response:
    return PlainTextResponse("no", 429)


async def _much(_request: Request) -> Response:
    return PlainTextResponse("x" * 30_000_000)


async def _socket(socket: WebSocket) -> None:
    await socket.accept()
    async for text in socket.iter_text():
        await socket.send_text(text)


async def _slow_socket(socket: WebSocket) -> None:
    await asyncio.sleep(3 * QUICK.head_s)
    await _socket(socket)


ROUTES = [
    Route("/hello", _hello),
    Route("/length", _length, methods=["POST"]),
    Route("/refusing", _refusing, methods=["POST"]),
    Route("/much", _much),
    WebSocketRoute("/ws", _socket),
    WebSocketRoute("/slow", _slow_socket),
]


@dataclass
class Served:
    """A server on a free port."""

    port: int
    connections: Connections
    clients: list[Client] = field(default_factory=list)

    async def counts(self, most: int) -> None:
        """Waits until so many connections are open at most."""
        async with asyncio.timeout(SOON):
            while len(self.connections) > most:  # noqa: ASYNC110 - the sockets' ends change it
                await asyncio.sleep(0.01)

    async def open(self, sent: bytes = b"", host: str = "127.0.0.1") -> Client:
        """A client from an address of loopback, which has sent this."""
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.port, local_addr=(host, 0), limit=2**16
        )
        writer.write(sent)
        self.clients.append(Client(reader, writer))
        return self.clients[-1]

    async def answers(self, host: str = "127.0.0.1") -> bool:
        """Whether a plain request is answered."""
        return b"hello" in await (await self.open(GET, host)).read()


@dataclass
class Client:
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, sent: bytes) -> None:
        """Sends more."""
        self.writer.write(sent)

    async def read(self, most: int = 65536) -> bytes:
        """What has come next; nothing once the server has closed."""
        try:
            return await asyncio.wait_for(self.reader.read(most), SOON)
        except ConnectionError:
            return b""

    async def ended(self) -> None:
        """Waits until the server has closed, which has to be soon."""
        while await self.read():
            pass

    def close(self) -> None:
        """Goes away."""
        self.writer.close()


async def greeted(socket: ClientConnection) -> None:
    """Says something first."""
    await socket.send("hello")
    assert await socket.recv() == "hello"


@asynccontextmanager
async def served(limits: ConnectionLimits = QUICK, *proxies: str) -> AsyncIterator[Served]:
    """The server with these limits."""
    with listen("127.0.0.1", 0) as listener:
        server = serve(Starlette(routes=ROUTES), limits, Proxies(proxies))
        assert isinstance(server.config, Config)
        server.config.load()
        server.lifespan = server.config.lifespan_class(server.config)
        await server.startup(sockets=[listener])
        try:
            yield (found := Served(listener.getsockname()[1], server.config.held))
        finally:
            for client in found.clients:
                client.close()
                with suppress(ConnectionError):
                    await client.writer.wait_closed()
            server.force_exit = True
            await server.shutdown(sockets=[listener])


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"G",
        b"GET /hello HTTP/1.1\r\nHost: x",
        b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-Web",
        b"POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n",
        b"POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc",
        b"POST /length HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"POST /length HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n",
        b"POST /refusing HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n",
        b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n",
        GET,
        GET + b"GET /he",
        GET + b"POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n",
        GET * 3 + b"POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc",
    ],
)
async def test_whoever_stops_in_the_middle_is_let_go(sent: bytes) -> None:
    """In the head, in the body, in a handshake, between two requests."""
    async with served() as server:
        client = await server.open(sent)
        await client.ended()
        assert await server.answers()


@pytest.mark.parametrize(
    "head",
    [
        b"GET /hello HTTP/1.1\r\nX: ",
        b"POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n",
        b"POST /refusing HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n",
    ],
)
async def test_a_byte_now_and_then_is_no_progress(head: bytes) -> None:
    """The deadline doesn't move with each byte."""
    async with served() as server:
        client = await server.open(head)

        async def drip() -> None:
            with suppress(ConnectionError):
                while True:
                    client.send(b"a")
                    await client.writer.drain()
                    await asyncio.sleep(0.02)

        dripping = asyncio.create_task(drip())
        await client.ended()
        dripping.cancel()


async def test_an_upload_that_goes_on_may_take_long() -> None:
    """Three times as long as one that stands still."""
    async with served(replace(QUICK, body_s=1.0, body_rate=100)) as server:
        client = await server.open(
            b"POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n\r\n"
        )
        for _ in range(20):
            client.send(b"x" * 100)
            await asyncio.sleep(0.15)
        assert (await client.read()).endswith(b"2000")


async def test_a_head_without_end_is_refused() -> None:
    """Nothing else bounds what the parser keeps."""
    async with served(replace(QUICK, head_s=60)) as server:
        client = await server.open(b"GET /hello HTTP/1.1\r\nX: " + b"x" * (HEAD_BYTES + 1000))
        assert b" 431 " in await client.read()


async def test_whoever_reads_nothing_is_cut() -> None:
    """A large answer is not held for ever."""
    async with served() as server:
        client = await server.open(b"GET /much HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await client.read(5)).startswith(b"HTTP/")
        await server.counts(0)


async def test_where_all_places_are_taken_the_longest_wait_makes_room() -> None:
    """Silent connections never keep a request out."""
    async with served(replace(QUICK, total=5, head_s=60)) as server:
        silent = [await server.open(b"GET", f"127.0.1.{n}") for n in range(9)]
        assert await server.answers()
        assert len(server.connections) <= 5
        await silent[0].ended()


async def test_an_address_has_its_share_and_takes_no_other() -> None:
    """Its own oldest makes room, and no other address's."""
    async with served(replace(QUICK, per_address=3, head_s=60)) as server:
        other = await server.open(b"G", "127.0.0.9")
        theirs = [await server.open(b"G", "127.0.0.2") for _ in range(5)]
        await theirs[0].ended()
        await theirs[1].ended()
        other.send(GET[1:])
        assert b"hello" in await other.read()
        assert len(server.connections) == 4


async def test_where_nobody_waits_a_newcomer_is_turned_away() -> None:
    """Open WebSockets are not cut for it."""
    limits = replace(QUICK, per_address=2)
    async with served(limits) as server:
        address = f"ws://127.0.0.1:{server.port}/ws"
        async with connect(address, proxy=None) as one, connect(address, proxy=None) as other:
            for each in (one, other):
                await greeted(each)
            client = await server.open(GET)
            await client.ended()
            await one.send("still here")
            assert await one.recv() == "still here"
            await other.send("here too")
            assert await other.recv() == "here too"


@pytest.mark.parametrize(
    "frames",
    [
        b"",
        PING,
        PING * 100,
        HALF_A_MESSAGE,
        HALF_A_MESSAGE + PING,
        MESSAGE[:3],
        b"\x81\xff\0\0\0\0\0\1\0\0\0\0",
    ],
    ids=["nothing", "a ping", "pings", "half", "half and a ping", "half a frame", "a long frame"],
)
async def test_a_socket_that_does_not_come_to_say_anything_is_let_go(frames: bytes) -> None:
    async with served() as server:
        client = await server.open(UPGRADE)
        assert b" 101 " in await client.read()
        client.send(frames)
        await client.ended()
        await server.counts(0)


async def test_a_socket_that_has_spoken_may_be_silent_for_as_long_as_it_likes() -> None:
    """Only the first message has a deadline; pings before it don't move that."""
    async with served() as server:
        address = f"ws://127.0.0.1:{server.port}/ws"
        async with connect(address, proxy=None) as spoken, connect(address, proxy=None) as silent:
            await greeted(spoken)

            async def ping() -> None:
                with suppress(ConnectionClosed):
                    while True:
                        await silent.ping()
                        await asyncio.sleep(0.02)

            pinging = asyncio.create_task(ping())
            await asyncio.wait_for(silent.wait_closed(), SOON)
            await asyncio.sleep(2 * QUICK.head_s)
            await greeted(spoken)
            pinging.cancel()


@pytest.mark.parametrize("early", [False, True])
async def test_how_long_the_server_takes_to_accept_is_not_held_against_a_client(
    early: bool,
) -> None:
    """Its time begins when it may speak; what it has said before counts."""
    async with served() as server:
        client = await server.open(UPGRADE.replace(b"/ws", b"/slow"))
        if early:
            await asyncio.sleep(QUICK.head_s)
            client.send(MESSAGE)
        heard = await client.read()
        assert b" 101 " in heard
        if early:
            await asyncio.sleep(2 * QUICK.head_s)
        client.send(MESSAGE)
        async with asyncio.timeout(SOON):
            while heard.count(b"\x81\x02hi") < 1 + early:
                heard += await client.read()


async def test_where_there_is_no_room_a_silent_socket_makes_it() -> None:
    async with served(replace(QUICK, total=2, head_s=60)) as server:
        silent = await connect(f"ws://127.0.0.1:{server.port}/ws", proxy=None)
        other = await server.open(b"GET /hello")
        assert await server.answers()
        await asyncio.wait_for(silent.wait_closed(), SOON)
        other.send(b" HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"hello" in await other.read()


async def test_sockets_leave_room_for_requests() -> None:
    """Three quarters of the connections may be WebSockets."""
    async with served(replace(QUICK, total=4)) as server:
        address = f"ws://127.0.0.1:{server.port}/ws"
        sockets = [await connect(address, proxy=None) for _ in range(3)]
        for socket in sockets[:2]:  # one that has said nothing yet counts as well
            await greeted(socket)
        with pytest.raises(InvalidStatus) as refused:
            await connect(address, proxy=None)
        assert refused.value.response.status_code == 503
        assert await server.answers()
        for socket in sockets:
            await socket.close()


async def test_behind_a_trusted_proxy_the_client_it_names_has_the_share() -> None:
    """The proxy's own connections are not counted as one client's."""
    limits = replace(QUICK, per_address=1, head_s=60, body_s=60)
    head = b"POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nX-Forwarded-For: %s\r\n\r\n"
    async with served(limits, "127.0.0.1") as server:
        first = await server.open(head % b"198.51.100.7")
        await until(lambda: [each.phase for each in server.connections._open.values()] == ["body"])
        second = await server.open(head % b"1.2.3.4, 198.51.100.7" + b"ab")
        assert b" 429 " in await second.read()
        third = await server.open(head % b"198.51.100.8" + b"ab")
        assert b" 200 " in await third.read()
        first.send(b"ab")
        assert b" 200 " in await first.read()


async def test_nothing_is_kept_of_connections_that_have_ended() -> None:
    """However they end."""
    async with served() as server:
        for sent in (b"", GET, b"GET", b"garbage\r\n\r\n", b"POST /length HTTP/1.1\r\n"):
            client = await server.open(sent)
            await asyncio.sleep(0.02)  # some have been read by then and some have not
            client.close()
        await server.counts(0)
        assert not server.connections._by_network
        assert not server.connections._waiting
