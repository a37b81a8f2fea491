"""How a script is played by a real server, for the providers that speak OpenAI's dialect."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from providers.base import FinishReason, Provider
from providers.scripted import Cut, Finish, Hang, Pause
from tests.contracts.provider import ErrorPart, Garbage, Severed, Stage, WireStep
from tests.servers import openai as wire
from tests.servers.openai import Act, Answer, Drop, Freeze, OpenAIServer, Wait

_FIELDS = {"text": "content", "refusal": "refusal", "reasoning": "reasoning_content"}
_WORDS: dict[FinishReason, str] = {"stop": "stop", "length": "length", "filter": "content_filter"}


@asynccontextmanager
async def served(
    script: tuple[WireStep, ...], build: Callable[[OpenAIServer], Provider]
) -> AsyncIterator[Stage]:
    """A provider at a server that plays the script."""
    acts = [act for step in script for act in _acts(step)]
    async with OpenAIServer(Answer([*wire.text(), *acts])) as server:
        provider = build(server)
        yield Stage(provider, lambda: server.exchanges[0].left.wait())
        await provider.aclose()


def _acts(step: WireStep) -> Sequence[Act]:
    match step:
        case str():
            return [wire.chunk({"content": step})]
        case tuple():
            return [wire.chunk({_FIELDS[step[0]]: step[1]})]
        case Pause():
            return [Wait(step.seconds)]
        case Finish():
            return wire.finish(_WORDS[step.reason])
        case _:
            return _fault(step)


def _fault(step: WireStep) -> Sequence[Act]:
    match step:
        case Hang():
            return [Freeze()]
        case Severed():
            return [Drop()]
        case Garbage():
            return [b'data: {"id": "chatcmpl-1", "choices": [{\n\n']
        case ErrorPart():
            return [wire.event({"error": {"message": "sk-secret", "type": "server_error"}})]
        case _:
            assert isinstance(step, Cut)
            return []
