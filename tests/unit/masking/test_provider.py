"""A masked model: what it is asked, what is said of its answer, and how that ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from providers.base import (
    Disconnected,
    Generation,
    Opaque,
    ProviderError,
    Request,
    Tool,
    Turn,
)
from providers.failover import ChainProvider, RetryPolicy
from providers.masking import Finders, MaskedProvider, Masking, Masks
from providers.scripted import CallTool, Cut, Fail, Finish, Hang, Keep, Script, ScriptedProvider
from tests.contract.provider import Heard
from tests.doubles.masked import LIKE, held

ANN = "ann@example.com"
BOB = "bob@example.com"
ASKED = Request((Turn("system", "Be brief."), Turn("user", f"Write to {ANN} and {BOB}.")))


class Told:
    """A masked chain of scripted models, and what became of one answer."""

    def __init__(self, *scripts: Callable[[str, str], Script] | Script) -> None:
        self.kept = 0
        self.models = [
            ScriptedProvider(_script(each), name=f"s:{n}") for n, each in enumerate(scripts)
        ]
        self.masking = Masking(self._open, self._keep)
        chain = ChainProvider(self.models, RetryPolicy(5.0, goes_on=True, spread=lambda: 0.5))
        self.provider = chain.each(lambda model: MaskedProvider(model, self.masking))
        self.generation, self.heard = Generation(), Heard()

    async def _open(self) -> Masks:
        return Masks(Finders(["email"]))

    async def _keep(self, _masks: Masks) -> None:
        self.kept += 1

    async def ask(self, request: Request = ASKED) -> str:
        await self.provider.generate(
            request, run_id=uuid4(), callbacks=[self.heard], generation=self.generation
        )
        return self.generation.text

    @property
    def requests(self) -> list[Request]:
        return [request for model in self.models for request in model.requests]


def _script(given: Callable[[str, str], Script] | Script) -> Callable[[Request], Script]:
    def script(request: Request) -> Script:
        if not callable(given):
            return given
        found = LIKE.findall(next(t.text for t in request.turns if "Write to" in t.text))
        return given(found[0], found[1])

    return script


async def test_the_service_sees_placeholders_and_the_reader_values() -> None:
    told = Told(lambda ann, bob: ["Dear ", ann[:3], ann[3:9], ann[9:], ",", f" and {bob}", "!"])
    assert await told.ask() == f"Dear {ANN}, and {BOB}!"
    assert told.heard.text == told.generation.text
    assert held(told.requests[0], [ANN, BOB]) == []
    assert "placeholders" in told.requests[0].turns[0].text
    assert told.heard.events == ["start", "end"]
    assert not [text for text, _ in told.heard.tokens if "MASKED" in text]
    assert told.generation.tokens == len(told.heard.tokens)
    assert (told.kept, told.masking.requests) == (1, 1)


async def test_what_the_service_sent_is_hashed_beside() -> None:
    told = Told(lambda ann, _: [f"To {ann}"])
    await told.ask()
    assert told.masking.masks is not None
    sent = f"To {next(iter(told.masking.masks.values))}"
    assert told.masking.chars == len(sent)
    assert len(told.masking.sha256) == 64


async def test_an_answer_that_breaks_off_goes_on_with_the_same_placeholders() -> None:
    """A placeholder that the break has cut is left out, and the next model begins it again."""
    told = Told(
        lambda ann, bob: [f"{ann} and ", bob[:12], Cut()],
        lambda ann, bob: [bob, " as well as ", ann],
    )
    assert await told.ask() == f"{ANN} and {BOB} as well as {ANN}"
    first, second = told.requests
    assert LIKE.findall(first.turns[1].text) == LIKE.findall(second.turns[1].text)
    assert second.turns[2].text == f"{LIKE.findall(first.turns[1].text)[0]} and "
    assert all(held(request, [ANN, BOB]) == [] for request in told.requests)
    assert told.generation.seams == [len(f"{ANN} and ")]
    assert told.heard.text == told.generation.text


async def test_a_stop_says_what_was_held_and_is_no_placeholder() -> None:
    told = Told(["a ", "M", Hang()])
    asking = asyncio.create_task(told.ask())
    await asyncio.sleep(1)
    assert told.generation.text == "a "
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert told.generation.text == told.heard.text == "a M"


async def test_an_error_is_the_model_s_own() -> None:
    told = Told([Fail(Disconnected("gone"))])
    with pytest.raises(Disconnected):
        await told.ask()
    assert told.heard.events[-1] == "error"


async def test_calls_have_the_values_and_their_place_is_kept() -> None:
    told = Told(
        lambda ann, bob: [
            f"Now {ann}: ", Keep({"signature": "s"}),
            CallTool("send", {"to": [bob], "text": f"Hi {ann}"}), Finish(),
        ]
    )  # fmt: skip
    await told.ask(replace(ASKED, tools=(Tool("send", "Sends a text.", {"type": "object"}),)))
    (call,) = told.generation.calls
    assert call.arguments == f'{{"to": ["{BOB}"], "text": "Hi {ANN}"}}'
    assert told.generation.opaque == [
        Opaque("s:0", "scripted", {"signature": "s"}, 0, len(f"Now {ANN}: "))
    ]
    said = "".join(text for text, kind in told.heard.tokens if kind == "tool")
    assert said == f"send{call.arguments}"
    assert told.generation.tokens == len(told.heard.tokens)


@pytest.mark.parametrize("kind", ["reasoning", "refusal", "text"])
async def test_each_kind_is_restored_for_itself(kind: Any) -> None:
    told = Told(lambda ann, _: [(kind, f"x {ann[:5]}"), ("tool", "{"), (kind, f"{ann[5:]} y")])
    await told.ask()
    assert "".join(text for text, k in told.heard.tokens if k == kind) == f"x {ANN} y"


async def test_a_run_without_values_is_asked_and_answered_as_it_is() -> None:
    told = Told(["Hello", " MASKED-EMAIL-1-", "ABCDEF"])
    request = Request((Turn("user", "Hi"),))
    assert await told.ask(request) == "Hello MASKED-EMAIL-1-ABCDEF"
    assert told.requests == [request]
    assert [text for text, _ in told.heard.tokens] == ["Hello", " MASKED-EMAIL-1-", "ABCDEF"]
    assert (told.kept, told.masking.chars) == (0, 27)


async def test_masks_that_cannot_be_opened_stop_the_request() -> None:
    async def away() -> Masks:
        raise ProviderError(cause="masks_away", params={"reason": "the database is away"})

    async def keep(_masks: Masks) -> None:
        """Nothing is kept."""

    model = ScriptedProvider(["x"])
    chain = ChainProvider([model]).each(lambda m: MaskedProvider(m, Masking(away, keep)))
    with pytest.raises(ProviderError, match="masks away"):
        await chain.generate(ASKED, run_id=uuid4(), callbacks=[], generation=Generation())
    assert model.requests == []


async def test_a_chain_of_masked_models_shares_the_circuit_breakers() -> None:
    """A model that fails in one run is left out in the next, too."""
    told = Told([Fail(Disconnected("gone"))], ["fine"])
    for _ in range(3):
        told.generation = Generation()
        await told.ask()
    assert len(told.models[0].requests) == 3
    told.generation = Generation()
    await told.ask()
    assert len(told.models[0].requests) == 3
