"""How a script is played by a real server, for the providers that read one over a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from providers.base import FinishReason, Provider, TokenKind
from providers.scripted import Alive, Cut, Finish, Hang, Pause
from tests.contract.provider import ErrorPart, Garbage, Severed, Stage, WireStep
from tests.doubles import anthropic, google
from tests.doubles import openai as wire
from tests.doubles.openai import Act, Answer, Drop, Freeze, OpenAIServer, Wait


class Tongue(Protocol):
    """How a service says what a script's steps are."""

    def opening(self) -> Sequence[bytes]:
        """What comes before the first token."""
        ...

    def token(self, kind: TokenKind, text: str) -> bytes:
        """One token."""
        ...

    def finish(self, reason: FinishReason) -> Sequence[bytes]:
        """The answer's end, with its usage."""
        ...

    def alive(self) -> bytes:
        """A sign of life without content."""
        ...

    def error(self) -> bytes:
        """An error in mid-stream."""
        ...

    def garbage(self) -> bytes:
        """What can't be read."""
        ...


class OpenAITongue:
    """Chat Completions."""

    def opening(self) -> Sequence[bytes]:
        return wire.text()

    def token(self, kind: TokenKind, text: str) -> bytes:
        fields = {"text": "content", "refusal": "refusal", "reasoning": "reasoning_content"}
        return wire.chunk({fields[kind]: text})

    def finish(self, reason: FinishReason) -> Sequence[bytes]:
        return wire.finish({"filter": "content_filter"}.get(reason, reason))

    def alive(self) -> bytes:
        return b": OPENROUTER PROCESSING\n\n"

    def error(self) -> bytes:
        return wire.event({"error": {"message": "sk-secret", "type": "server_error"}})

    def garbage(self) -> bytes:
        return b'data: {"id": "chatcmpl-1", "choices": [{\n\n'


class AnthropicTongue:
    """The Messages API."""

    def opening(self) -> Sequence[bytes]:
        return [anthropic.opening(), anthropic.block(0, type="text", text="")]

    def token(self, kind: TokenKind, text: str) -> bytes:
        if kind == "reasoning":
            return anthropic.delta(0, "thinking_delta", thinking=text)
        return anthropic.delta(0, "text_delta", text=text)

    def finish(self, reason: FinishReason) -> Sequence[bytes]:
        words = {"stop": "end_turn", "length": "max_tokens", "filter": "refusal"}
        return anthropic.finish(words[reason])

    def alive(self) -> bytes:
        return anthropic.event("ping")

    def error(self) -> bytes:
        return anthropic.error("overloaded_error")

    def garbage(self) -> bytes:
        return b'event: content_block_delta\ndata: {"type": "content_block_del\n\n'


class GoogleTongue:
    """Gemini's streamGenerateContent."""

    def opening(self) -> Sequence[bytes]:
        return []

    def token(self, kind: TokenKind, text: str) -> bytes:
        return google.thought(text) if kind == "reasoning" else google.chunk([{"text": text}])

    def finish(self, reason: FinishReason) -> Sequence[bytes]:
        words = {"stop": "STOP", "length": "MAX_TOKENS", "filter": "SAFETY"}
        return google.finish(words[reason])

    def alive(self) -> bytes:
        return google.chunk([{"text": ""}])  # its SDK takes a comment for a broken event

    def error(self) -> bytes:
        return google.event(google.told(503, "UNAVAILABLE", "about sk-secret"))

    def garbage(self) -> bytes:
        return b'data: {"candidates": [{"content": \r\n\r\n'


@asynccontextmanager
async def served(
    script: tuple[WireStep, ...],
    build: Callable[[OpenAIServer], Provider],
    tongue: Tongue | None = None,
) -> AsyncIterator[Stage]:
    """A provider at a server that plays the script."""
    spoken = tongue or OpenAITongue()
    acts = [act for step in script for act in _acts(step, spoken)]
    async with OpenAIServer(Answer([*spoken.opening(), *acts])) as server:
        provider = build(server)
        yield Stage(provider, lambda: server.exchanges[0].left.wait())
        await provider.aclose()


def _acts(step: WireStep, tongue: Tongue) -> Sequence[Act]:
    match step:
        case str():
            return [tongue.token("text", step)]
        case tuple():
            return [tongue.token(*step)]
        case Pause():
            return [Wait(step.seconds)]
        case Alive():
            return [tongue.alive()]
        case Finish():
            return tongue.finish(step.reason)
        case _:
            return _fault(step, tongue)


def _fault(step: WireStep, tongue: Tongue) -> Sequence[Act]:
    match step:
        case Hang():
            return [Freeze()]
        case Severed():
            return [Drop()]
        case Garbage():
            return [tongue.garbage()]
        case ErrorPart():
            return [tongue.error()]
        case _:
            assert isinstance(step, Cut)
            return []
