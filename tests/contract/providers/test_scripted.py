"""The scripted provider keeps the contract, and does what tests need of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from providers.base import Disconnected, Malformed, Overloaded, Request, Turn
from providers.scripted import Fail, Finish, Pause, Script, ScriptedProvider, Step
from tests.contract.provider import (
    LONG_STALL,
    QUESTION,
    ErrorPart,
    Garbage,
    ProviderContract,
    Severed,
    Stage,
    WireStep,
    ask,
)


class TestContract(ProviderContract):
    """The contract."""

    @asynccontextmanager
    async def opened(
        self, *script: WireStep, stall_seconds: float = LONG_STALL
    ) -> AsyncIterator[Stage]:
        provider = ScriptedProvider([_step(step) for step in script], stall_seconds=stall_seconds)

        async def left() -> None:
            assert provider.cancelled == 1

        yield Stage(provider, left)
        await provider.aclose()


def _step(step: WireStep) -> Step:
    match step:
        case Garbage():
            return Fail(Malformed("garbage"))
        case ErrorPart():
            return Fail(Overloaded("error part"))
        case Severed():
            return Fail(Disconnected("severed"))
        case _:
            return step


async def test_it_plays_its_scripts_in_turn_and_then_the_last_one_again() -> None:
    """A retry can be told from the first try."""
    provider = ScriptedProvider(["first"], ["second"])
    texts = [(await ask(provider)).generation.text for _ in range(3)]
    assert texts == ["first", "second", "second"]


async def test_it_keeps_the_requests() -> None:
    """A test can look at what was asked, and how often."""
    provider = ScriptedProvider(["Hi."])
    assert provider.requests == []
    await ask(provider)
    assert provider.requests == [QUESTION]


async def test_a_script_may_be_a_function_of_the_request() -> None:
    """An echo, for example."""

    def echo(request: Request) -> Script:
        return [request.turns[-1].text, Finish("length")]

    told = await ask(ScriptedProvider(echo))
    assert told.generation.text == QUESTION.turns[-1].text == Turn("user", "Hello?").text
    assert told.generation.finish_reason == "length"


async def test_a_script_without_an_end_finishes() -> None:
    """So that the simplest script is only tokens."""
    assert (await ask(ScriptedProvider(["Hi."]))).generation.finish_reason == "stop"


async def test_it_fails_with_the_very_error_that_was_written() -> None:
    """With its `retry_after`, for example."""
    error = Overloaded("busy", retry_after=7)
    assert (await ask(ScriptedProvider([Fail(error)]))).error is error


async def test_its_pauses_take_their_time() -> None:
    """On the loop's clock, whichever that is."""
    clock = asyncio.get_running_loop().time
    before = clock()
    await ask(ScriptedProvider([Pause(3600.0), "Hi."], stall_seconds=7200))
    assert clock() - before >= 3600


async def test_it_notes_that_it_was_closed() -> None:
    """A shutdown closes what it opened."""
    provider = ScriptedProvider()
    await provider.aclose()
    assert provider.closed
