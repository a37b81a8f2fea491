"""A server that speaks OpenAI's and Azure OpenAI's wire protocol on loopback, fault by fault.

Written by hand over plain sockets, so that a test decides every byte and every pause. Each
connection serves one request; `exchanges` keeps what was asked and whether the client left.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

STREAMS = Path(__file__).parent / "payloads" / "streams"
PLAYED = Path(__file__).parents[2] / "bot" / "app" / "streams"
"""Those that the bot itself plays at its start."""


@dataclass(frozen=True)
class Wait:
    """Sends nothing for so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Drop:
    """Cuts the connection in the middle of the body."""


@dataclass(frozen=True)
class Freeze:
    """Sends nothing until the client leaves."""


@dataclass(frozen=True)
class Until:
    """Sends nothing until the test says so: however slow the machine, what comes first is first."""

    said: asyncio.Event


Act = bytes | Wait | Drop | Freeze | Until


@dataclass(frozen=True)
class Answer:
    """What the server sends back to one request: status, headers, then its acts in order."""

    acts: Sequence[Act] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Exchange:
    """One request, and what became of it."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    left: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the client closed the connection before the answer was whole."""


class OpenAIServer:
    """`async with OpenAIServer(answer, …) as server`: plays the answers in turn, then the last;
    one that depends on what was asked is a function of it.

    What it is asked about itself is apart: `about` are its answers to that, in turn, then 404s,
    and `asked` are those questions.
    """

    def __init__(
        self, *answers: Answer | Callable[[Exchange], Answer], about: Sequence[Answer] = ()
    ) -> None:
        self.exchanges: list[Exchange] = []
        self.asked: list[Exchange] = []
        self._answers = answers
        self._about = about
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> OpenAIServer:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        for _ in range(3):
            await asyncio.sleep(0)  # a connection that is just accepted is closed as well
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def root(self) -> str:
        """Azure's endpoint."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    @property
    def url(self) -> str:
        """OpenAI's base URL."""
        return f"{self.root}/v1"

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            exchange = await _read(reader)
            answer = self._answer(exchange)
            await _until_left(_play(answer, exchange, writer), reader, exchange)
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    def _answer(self, exchange: Exchange) -> Answer:
        if exchange.method == "GET" or exchange.path == "/api/show":
            self.asked.append(exchange)
            told = self._about[len(self.asked) - 1 :]
            return told[0] if told else _NOT_FOUND
        self.exchanges.append(exchange)
        answer = self._answers[min(len(self.exchanges), len(self._answers)) - 1]
        return answer if isinstance(answer, Answer) else answer(exchange)


_NOT_FOUND = Answer([b"{}"], 404, {"Content-Type": "application/json"})


async def _until_left(playing: Any, reader: asyncio.StreamReader, exchange: Exchange) -> None:
    play = asyncio.ensure_future(playing)
    leaving = asyncio.ensure_future(reader.read(1))
    try:
        await asyncio.wait({play, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not play.done():
            exchange.left.set()
    finally:
        play.cancel()
        leaving.cancel()
        await asyncio.gather(play, leaving, return_exceptions=True)


async def _read(reader: asyncio.StreamReader) -> Exchange:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _version = head[0].split(" ")
    pairs = (line.split(": ", 1) for line in head[1:] if line)
    headers = {name.lower(): value for name, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Exchange(method, path, headers, json.loads(body or b"{}"))


async def _play(answer: Answer, exchange: Exchange, writer: asyncio.StreamWriter) -> None:
    headers = {
        "Content-Type": "text/event-stream",
        **answer.headers,
        "Transfer-Encoding": "chunked",
        "Connection": "close",
    }
    lines = [f"HTTP/1.1 {answer.status} Played", *(f"{k}: {v}" for k, v in headers.items())]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
    for act in answer.acts:
        await writer.drain()
        match act:
            case b"":
                pass  # an empty chunk is the last one
            case bytes():
                writer.write(b"%x\r\n%s\r\n" % (len(act), act))
            case Wait():
                await asyncio.sleep(act.seconds)
            case Drop():
                writer.transport.abort()
                return
            case Freeze():
                await exchange.left.wait()
            case Until():
                await act.said.wait()
    writer.write(b"0\r\n\r\n")
    await writer.drain()


# What such a server sends.


def stream_file(name: str) -> Path:
    """The file of a recorded stream."""
    return PLAYED / name if (PLAYED / name).exists() else STREAMS / name


def recorded(name: str, cut: Callable[[bytes], Sequence[bytes]] = lambda body: [body]) -> Answer:
    """An answer of `STREAMS` or `PLAYED`, byte by byte as it stands there.

    `cut` says in which pieces it is sent. A file `.http` has a head of its own.
    """
    body = stream_file(name).read_bytes()
    status, headers = 200, {}
    if name.endswith(".http"):
        head, _, body = body.partition(b"\n\n")
        line, *fields = head.decode().splitlines()
        status = int(line.split(" ")[1])
        headers = dict(field.split(": ", 1) for field in fields)
    pieces = [piece for piece in cut(body) if piece]
    return Answer(spaced(pieces, 0) if len(pieces) > 1 else pieces, status, headers)


def event(data: object) -> bytes:
    """One server-sent event."""
    return b"data: " + json.dumps(data).encode() + b"\n\n"


def chunk(delta: Mapping[str, Any] | None, finish: str | None = None, **extra: Any) -> bytes:
    """One chunk of a chat completion."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return event({**_HEAD, "choices": [choice], **extra})


def text(*tokens: str) -> list[bytes]:
    """The chunks of an answer's tokens, after the one that opens it."""
    opening = chunk({"role": "assistant", "content": None, "refusal": None})
    return [opening, *(chunk({"content": token}) for token in tokens)]


def calls(name: str, arguments: str) -> list[bytes]:
    """The chunks of a call, after an answer's text: the name, then the arguments in two pieces."""
    half = len(arguments) // 2
    first = {"index": 0, "id": "call_1", "type": "function"}
    return [
        chunk({"tool_calls": [first | {"function": {"name": name, "arguments": ""}}]}),
        *(
            chunk({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})
            for piece in (arguments[:half], arguments[half:])
        ),
        *finish("tool_calls"),
    ]


def finish(reason: str = "stop") -> list[bytes]:
    """The chunks that end an answer: the reason, the usage, the mark."""
    usage = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}
    counted = event({**_HEAD, "choices": [], "usage": usage})
    return [chunk({}, reason), counted, b"data: [DONE]\n\n"]


def failure(status: int, code: str | None = None, **headers: str) -> Answer:
    """An error answer as OpenAI writes them; not to be tried again by the client."""
    error = {"message": "It failed, sk-secret.", "type": "error", "param": None, "code": code}
    body = json.dumps({"error": error}).encode()
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    told = {"Content-Type": "application/json", "x-should-retry": "false", **told}
    return Answer([body], status, told)


def spaced(acts: Iterable[Act], seconds: float = 0.01) -> list[Act]:
    """The same with a pause between: each arrives by itself."""
    return [either for act in acts for either in (act, Wait(seconds))]


_HEAD = {
    "id": "chatcmpl-1",
    "object": "chat.completion.chunk",
    "created": 1795366645,
    "model": "gpt-4o-mini-2024-07-18",
    "system_fingerprint": "fp_1",
}
