"""The chosen service, played on loopback, for the chosen reader.

First it sends a stream of `bot/app/streams`, byte by byte: captured from the service, documented
by it, or reported by others. Then known tokens in the same dialect, in which there are characters
of all kinds. It answers whichever protocol it is asked in.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from pydantic import SecretStr

from bot.settings import Settings
from providers.base import TokenKind
from providers.registry import PROVIDERS, SERVICES

Said = Sequence[tuple[TokenKind, str]]
"""The tokens that are sent, each with its kind: `text` or `reasoning`."""

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
_MODEL = "loopback"
_KEY = SecretStr("loopback")
_STREAMS = Path(__file__).parent / "streams"
RECORDED = {name: entry.recorded for name, entry in PROVIDERS.items() if entry.recorded}
"""The recorded stream of each service, by the name that MODEL begins with."""
_RESPONSES = "responses.sse"
"""That of the Responses API, of whatever service."""


class Play(Protocol):
    """What a service sends."""

    text: str
    """The answer in it; that of what was sent last."""

    def stream(self, path: str) -> bytes:
        """The body of the answer to a request at this path."""
        ...


class Known:
    """Known tokens in the dialect of the path that is asked."""

    def __init__(self, said: Said) -> None:
        self._said = said
        self.text = "".join(text for kind, text in said if kind == "text")

    def stream(self, path: str) -> bytes:
        """The body of the answer to a request at this path."""
        return b"".join(_stream(path, self._said))


class Recording:
    """What a service was seen to send."""

    text = ""

    def __init__(self, service: str) -> None:
        self._file = RECORDED[service]

    def stream(self, path: str) -> bytes:
        """The body of the answer to a request at this path."""
        file = _RESPONSES if path.endswith("/responses") else self._file
        told = json.loads((_STREAMS / "manifest.json").read_text())[file]
        self.text = "".join(token for token in told["tokens"] if isinstance(token, str))
        body = (_STREAMS / file).read_bytes()
        return body.partition(b"\n\n")[2] if file.endswith(".http") else body


@asynccontextmanager
async def playing(play: Play) -> AsyncIterator[str]:
    """A server on loopback that answers each request so; its root address."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            path = await _request_path(reader)
            writer.write(_HEAD + play.stream(path))
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the reader finds out by itself
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def on_loopback(settings: Settings, root: str) -> Settings:
    """The settings with the first model's service, one of `RECORDED`, at this address."""
    url = f"{root}/v1"
    match settings.provider:
        case "azure":
            known: dict[str, Any] = {
                "azure_openai_endpoint": root,
                "azure_openai_api_key": _KEY,
                "azure_openai_auth": "key",
            }
        case "local":  # the embedded model's server speaks the same dialect
            known = {"model": f"compatible:{_MODEL}", "openai_base_url": url}
        case name if name in SERVICES:
            known = {"base_urls": {**settings.base_urls, name: url}, SERVICES[name].key: _KEY}
        case name:
            entry = PROVIDERS[name]
            known = {entry.address: url if entry.dialect else root, entry.key: _KEY}
    known.pop("", None)  # a service that wants no key
    return settings.model_copy(update=known)


async def _request_path(reader: asyncio.StreamReader) -> str:
    """Reads a request to its end; its path."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    lines = head.split("\r\n")
    sizes = (line.partition(":")[2] for line in lines if line.startswith("content-length:"))
    await reader.readexactly(int(next(sizes, "0")))
    return lines[0].split(" ")[1].partition("?")[0]


def _stream(path: str, said: Said) -> Iterator[bytes]:
    if path.endswith("/responses"):
        return _responses(said)
    if path.endswith("/messages"):
        return _anthropic(said)
    if path.endswith(":streamgeneratecontent"):
        return _google(said)
    return _chat(said)


def _event(data: Any, name: str = "") -> bytes:
    line = f"event: {name}\n" if name else ""
    return f"{line}data: {json.dumps(data)}\n\n".encode()


def _chat(said: Said) -> Iterator[bytes]:
    """Chat Completions."""
    fields = {"text": "content", "reasoning": "reasoning_content"}
    deltas = [{"role": "assistant", "content": ""}, *({fields[kind]: text} for kind, text in said)]
    head = {"id": "chatcmpl-0", "object": "chat.completion.chunk", "created": 0, "model": _MODEL}
    for delta in deltas:
        yield _event({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    yield _event({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    usage = {"prompt_tokens": 1, "completion_tokens": len(said), "total_tokens": len(said) + 1}
    yield _event({**head, "choices": [], "usage": usage})
    yield b"data: [DONE]\n\n"


def _responses(said: Said) -> Iterator[bytes]:
    """The Responses API."""
    names = {
        "text": "response.output_text.delta",
        "reasoning": "response.reasoning_summary_text.delta",
    }
    at = {"item_id": "msg_0", "output_index": 0, "content_index": 0, "summary_index": 0}
    text = "".join(text for kind, text in said if kind == "text")
    content = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    item = {"type": "message", "id": "msg_0", "role": "assistant", "status": "completed"}
    whole = {
        "id": "resp_0", "object": "response", "created_at": 0, "model": _MODEL, "tools": [],
        "output": [{**item, "content": [content]}], "status": "completed", "error": None,
        "parallel_tool_calls": True, "tool_choice": "auto", "incomplete_details": None,
        "usage": {
            "input_tokens": 1, "output_tokens": len(said), "total_tokens": len(said) + 1,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 0},
        },
    }  # fmt: skip
    for number, (kind, token) in enumerate(said):
        event = {"type": names[kind], "delta": token, "sequence_number": number, "logprobs": []}
        yield _event({**event, **at}, names[kind])
    end = {"type": "response.completed", "response": whole, "sequence_number": len(said)}
    yield _event(end, "response.completed")


def _anthropic(said: Said) -> Iterator[bytes]:
    """The Messages API; its thoughts are left out: they come signed."""
    usage = {"input_tokens": 1, "output_tokens": 1}
    message: dict[str, Any] = {
        "id": "msg_0", "type": "message", "role": "assistant", "model": _MODEL, "content": [],
        "stop_reason": None, "stop_sequence": None, "usage": usage,
    }  # fmt: skip
    block = {"type": "text", "text": ""}
    yield _named("message_start", message=message)
    yield _named("content_block_start", index=0, content_block=block)
    for kind, text in said:
        if kind == "text":
            delta = {"type": "text_delta", "text": text}
            yield _named("content_block_delta", index=0, delta=delta)
    yield _named("content_block_stop", index=0)
    ended = {"stop_reason": "end_turn", "stop_sequence": None}
    yield _named("message_delta", delta=ended, usage={"output_tokens": len(said)})
    yield _named("message_stop")


def _named(name: str, **fields: Any) -> bytes:
    return _event({"type": name, **fields}, name)


def _google(said: Said) -> Iterator[bytes]:
    """Gemini's streamGenerateContent."""
    usage = {"promptTokenCount": 1, "candidatesTokenCount": len(said)}
    about = {"modelVersion": _MODEL, "usageMetadata": usage}
    for kind, text in said:
        part = {"text": text, "thought": True} if kind == "reasoning" else {"text": text}
        content = {"role": "model", "parts": [part]}
        yield _event({"candidates": [{"content": content, "index": 0}], **about})
    content = {"role": "model", "parts": [{"text": ""}]}
    yield _event(
        {"candidates": [{"content": content, "finishReason": "STOP", "index": 0}], **about}
    )
