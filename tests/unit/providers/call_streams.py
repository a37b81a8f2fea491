"""How services stream tool calls, and what must be read of each: `calls.json` of the payloads.

The shapes are those of the services' documentation or of a report, each with its address; the
values in them are ours. Every stream is read by each adapter that speaks it, each way. The table in
`docs/providers.md` says what came of it: `python -m tests.unit.providers.call_streams`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from providers.base import Generation, Provider, ProviderError, Request, Tool, ToolCall, Turn
from tests.contract.provider import Heard
from tests.doubles.providers.played import played
from tests.doubles.providers.ways import Adapter, Way, built, ways_of
from tests.unit.providers.table import line, write

BEGIN = "<!-- table: python -m tests.unit.providers.call_streams -->\n"
FILE = Path(__file__).parents[2] / "doubles" / "payloads" / "calls.json"
RUN = UUID(int=7)

WEATHER = Tool(
    "get_weather",
    "The weather at a place.",
    {
        "type": "object",
        "properties": {"location": {"type": "string"}},
        "required": ["location"],
        "additionalProperties": False,
    },
)
NOW = Tool("now", "What time it is.", {"type": "object", "properties": {}})
QUESTION = Request((Turn("user", "What is the weather in Paris?"),), tools=(WEATHER, NOW))


@dataclass(frozen=True)
class CallStream:
    """One stream. A call whose id is empty here has one of ours, or of LangChain's."""

    stream: str
    origin: str
    form: str
    adapters: tuple[Adapter, ...]
    chunks: tuple[dict[str, Any], ...]
    calls: tuple[tuple[str, str, str], ...]
    text: str = ""
    model: str = "gpt-4o-mini"
    kept: tuple[str, ...] = ()

    def sent(self) -> list[bytes]:
        """The bytes on the wire, chunk by chunk."""
        return sent(self.form, self.chunks)


def sent(form: str, chunks: Iterable[dict[str, Any]]) -> list[bytes]:
    """Chunks as a service of this form sends them."""
    if form == "google":
        return [_event(chunk) for chunk in chunks]
    if form != "chat":
        return [f"event: {chunk['type']}\n".encode() + _event(chunk) for chunk in chunks]
    return [*(_event(_chat(chunk)) for chunk in chunks), b"data: [DONE]\n\n"]


def _chat(chunk: dict[str, Any]) -> dict[str, Any]:
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    if "raw" in chunk:
        return {**head, **chunk["raw"]}
    more = {name: value for name, value in chunk.items() if name not in {"delta", "finish"}}
    choice = {"index": 0, "delta": chunk["delta"], "finish_reason": chunk.get("finish")}
    return {**head, "choices": [choice], **more}


def _event(data: object) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"


@cache
def streams() -> tuple[CallStream, ...]:
    """All of them."""
    return tuple(
        CallStream(**{key: _frozen(value) for key, value in told.items()})
        for told in json.loads(FILE.read_text())
    )


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


@dataclass
class CallsTold:
    """What one way made of one stream."""

    generation: Generation
    heard: Heard
    numbers: list[tuple[int | None, str]]
    error: ProviderError | None = None
    bodies: Sequence[dict[str, Any]] = ()

    @property
    def calls(self) -> list[tuple[str, str, str]]:
        return [(call.id, call.name, call.arguments) for call in self.generation.calls]


@dataclass
class _Numbered(Heard):
    """A callback that keeps which call each token of one belongs to."""

    def __post_init__(self) -> None:
        self.numbers: list[tuple[int | None, str]] = []

    async def on_llm_new_token(self, token: Any, **kwargs: Any) -> None:
        if kwargs["kind"] == "tool":
            self.numbers.append((kwargs.get("call"), token))
        await super().on_llm_new_token(token, **kwargs)


async def asked(
    provider: Provider, request: Request = QUESTION, generation: Generation | None = None
) -> CallsTold:
    """Asks once."""
    heard = _Numbered()
    told = CallsTold(generation or Generation(), heard, heard.numbers)
    try:
        await provider.generate(request, run_id=RUN, callbacks=[heard], generation=told.generation)
    except ProviderError as error:
        told.error = error
    return told


@cache
def provider_for(way: Way, adapter: Adapter, model: str = "gpt-4o-mini") -> Provider:
    """A provider that is made once: it keeps nothing of an answer."""
    return built(way, adapter, "https://service.invalid", model=model)


async def read(stream: CallStream, way: Way, adapter: Adapter) -> CallsTold:
    """How a stream is read."""
    return await heard_of(stream.sent(), way, adapter, model=stream.model)


async def heard_of(
    pieces: Sequence[bytes],
    way: Way,
    adapter: Adapter,
    request: Request = QUESTION,
    *,
    model: str = "gpt-4o-mini",
    broken: bool = False,
) -> CallsTold:
    """What a provider makes of these bytes."""
    with played(pieces, broken=broken) as asking:
        told = await asked(provider_for(way, adapter, model), request)
    told.bodies = asking.bodies
    return told


def agrees(stream: CallStream, told: CallsTold) -> bool:
    """Whether a way has read exactly what the stream means."""
    kinds = tuple(dict.fromkeys(each.kind for each in told.generation.opaque))
    known = [
        (call_id if meant[0] else "", *rest)
        for (call_id, *rest), meant in zip(told.calls, stream.calls, strict=False)
    ]
    return (
        told.error is None
        and told.generation.finish_reason == "tools"
        and len(told.calls) == len(stream.calls)
        and known == list(stream.calls)
        and told.generation.said == told.heard.text == stream.text
        and kinds == stream.kept
        and told_in_order(told)
    )


def told_in_order(told: CallsTold) -> bool:
    """Whether the callbacks' tokens give the very calls: a name, then its arguments."""
    calls: list[ToolCall] = told.generation.calls
    texts = ["".join(t for n, t in told.numbers if n == number) for number in range(len(calls))]
    return texts == [call.name + call.arguments for call in calls]


async def table() -> str:
    """The table in the documentation."""
    head = line(["stream", "shape", "ways", "calls", "goes back with them"])
    rows = [head, line("---" for _ in range(5))]
    for stream in streams():
        ways = [await _way_cells(stream, adapter) for adapter in stream.adapters]
        kind, address = stream.origin.rsplit(" ", 1)
        kept = ", ".join(_KEPT[kind] for kind in stream.kept)
        count = str(len(stream.calls))
        rows.append(line([stream.stream, f"[{kind}]({address})", ", ".join(ways), count, kept]))
    return "\n".join([*rows, ""])


_KEPT = {
    "item": "encrypted reasoning",
    "block": "signed thoughts",
    "signature": "the call's signature",
    "text_signature": "the text's signature",
    "call": "the call's signature",
    "reasoning": "reasoning",
    "reasoning_details": "reasoning with its signature",
}


async def _way_cells(stream: CallStream, adapter: Adapter) -> str:
    """An adapter with the ways that read the stream as it is meant."""
    right = [way for way in ways_of(adapter) if agrees(stream, await read(stream, way, adapter))]
    every = len(right) == len(ways_of(adapter))
    return f"`{adapter}`" + ("" if every else f" ({', '.join(right) or 'neither'} only)")


def main() -> None:
    """Writes the table into the page."""
    write(BEGIN, asyncio.run(table()))
    sys.stdout.write("wrote the table of calls\n")


if __name__ == "__main__":
    main()
