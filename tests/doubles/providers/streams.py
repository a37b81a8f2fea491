"""The recorded streams, and what each must yield: `tests/doubles/payloads/streams/manifest.json`.

Some of them are the bot's own, which it plays at its start: those it says itself what they yield.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from providers import base
from providers.base import FinishReason, ProviderError, TokenKind, Usage
from tests.contract.provider import LONG_STALL, Told, ask
from tests.doubles.openai import (
    PLAYED,
    STREAMS,
    Act,
    Answer,
    Drop,
    Freeze,
    OpenAIServer,
    Wait,
    recorded,
    stream_file,
)
from tests.doubles.providers.played import played
from tests.doubles.providers.ways import DIALECTS, Adapter, Way, at, built

Cut = Callable[[bytes], Sequence[bytes]]

CUTS: dict[str, Cut] = {
    "whole": lambda body: [body],
    "lines": lambda body: body.splitlines(keepends=True),
    "7 bytes": lambda body: [body[at : at + 7] for at in range(0, len(body), 7)],
    "bytes": lambda body: [bytes([byte]) for byte in body],
}
"""How the bytes are cut on the wire."""

_ENDS: dict[str | None, list[Act]] = {
    None: [],
    "reset": [Wait(0.02), Drop()],
    "silence": [Freeze()],
}
_SHORT_STALL = 1.0


@dataclass(frozen=True)
class Case:
    """One recorded stream. `then`: what the service does when it has sent it."""

    file: str
    case: str
    tokens: tuple[tuple[TokenKind, str], ...]
    finish: FinishReason | None
    usage: Usage | None
    error: type[ProviderError] | None
    retry_after: float | None
    adapters: tuple[Adapter, ...]
    model: str
    then: str | None

    @property
    def origin(self) -> str:
        """Where the stream comes from, as it says itself."""
        mark = "X-Origin: " if self.file.endswith(".http") else ": origin: "
        lines = stream_file(self.file).read_bytes().splitlines()[:2]
        return next(
            line.decode().removeprefix(mark) for line in lines if line.decode().startswith(mark)
        )

    def answer(self, cut: Cut) -> Answer:
        """What the service answers."""
        told = recorded(self.file, cut)
        return Answer([*told.acts, *_ENDS[self.then]], told.status, told.headers)


@dataclass(frozen=True)
class Outcome:
    """All that a run has of a stream; two ways to read one must agree in every field."""

    tokens: tuple[tuple[str, TokenKind], ...]
    events: tuple[str, ...]
    pieces: tuple[str, ...]
    count: int
    finish: FinishReason | None
    usage: Usage | None
    model: str
    error: str
    retry_after: float | None


async def outcome(case: Case, way: Way, adapter: Adapter, cut: Cut = CUTS["whole"]) -> Outcome:
    """How a stream is read one way, without a socket: each piece comes by itself."""
    answer = case.answer(cut)
    pieces = [act for act in answer.acts if isinstance(act, bytes)]
    with played(pieces, status=answer.status, headers=answer.headers):
        provider = built(way, adapter, "https://service.invalid", model=case.model)
        told = await ask(provider)
        await provider.aclose()
    return _outcome(told)


async def carried(case: Case, way: Way, adapter: Adapter, cut: Cut = CUTS["whole"]) -> Outcome:
    """How a stream is read one way from a server on loopback."""
    stall = _SHORT_STALL if case.then == "silence" and case.error else LONG_STALL
    async with OpenAIServer(case.answer(cut)) as server:
        provider = at(server, way, adapter, model=case.model, stall_seconds=stall)
        told = await ask(provider)
        await provider.aclose()
    return _outcome(told)


def agree(case: Case, told: Sequence[Outcome]) -> None:
    """Asserts that each way yields what the stream means, in the same words."""
    first = told[0]
    assert [(kind, text) for text, kind in first.tokens] == list(case.tokens)
    answer = [text for kind, text in case.tokens if kind in {"text", "refusal"}]
    assert first.pieces == tuple(answer)
    assert first.count == len(case.tokens)
    assert first.finish == case.finish
    assert first.usage == case.usage
    assert first.error.partition(":")[0] == ("" if case.error is None else case.error.__name__)
    assert first.retry_after == case.retry_after
    assert first.events == ("start", "end" if case.error is None else "error")
    assert "sk-secret" not in first.error
    assert list(told[1:]) == [first for _ in told[1:]]


def _outcome(told: Told) -> Outcome:
    generation, error = told.generation, told.error
    return Outcome(
        tokens=tuple(told.heard.tokens),
        events=tuple(told.heard.events),
        pieces=tuple(generation.pieces),
        count=generation.tokens,
        finish=generation.finish_reason,
        usage=generation.usage,
        model=generation.model,
        error="" if error is None else f"{type(error).__name__}: {error.cause}",
        retry_after=getattr(error, "retry_after", None),
    )


def _case(file: str, told: dict[str, Any]) -> Case:
    return Case(
        file=file,
        case=told["case"],
        tokens=tuple(_token(token) for token in told["tokens"]),
        finish=told.get("finish"),
        usage=Usage(*told["usage"]) if "usage" in told else None,
        error=getattr(base, told["error"]) if "error" in told else None,
        retry_after=told.get("retry_after"),
        adapters=(*told.get("adapters", DIALECTS), *told.get("services", ())),
        model=told.get("model", "gpt-4o-mini"),
        then=told.get("then"),
    )


def _token(token: Any) -> tuple[TokenKind, str]:
    """A text, or kind and text, or kind, text and how often it is repeated."""
    if isinstance(token, str):
        return "text", token
    kind, text, *times = token
    return kind, text * (times[0] if times else 1)


def _cases() -> list[Case]:
    manifest = json.loads((STREAMS / "manifest.json").read_text())
    played = json.loads((PLAYED / "manifest.json").read_text())
    return [
        _case(file, played[file] if isinstance(told, str) else told)
        for file, told in manifest.items()
    ]


CASES = _cases()
