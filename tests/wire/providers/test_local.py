"""The embedded model: real weights on real threads, and clear words where they are missing."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from providers import local
from providers.base import BadRequest, Generation, Provider, Request, Turn
from providers.local import LocalProvider
from providers.model_file import DEFAULT_PATH, is_there
from tests.contract.provider import Heard, Raising, ask
from tests.doubles.waiting import PATIENCE_S

needs_model = pytest.mark.skipif(
    not is_there(DEFAULT_PATH), reason=f"{DEFAULT_PATH} is missing: run `make setup`"
)

CAPITAL = Request((Turn("user", "What is the capital of France?"),))
ENDLESS = Request((Turn("user", "Tell me a very long story about the sea."),))


@dataclass
class Counting(Heard):
    """Says when it has heard five tokens."""

    five: asyncio.Event = field(default_factory=asyncio.Event)

    async def on_llm_new_token(self, token: Any, *, run_id: UUID, **kwargs: Any) -> None:
        await super().on_llm_new_token(token, run_id=run_id, **kwargs)
        if len(self.tokens) == 5:
            self.five.set()


@pytest.fixture(params=["lean", "langchain"])
async def model(request: pytest.FixtureRequest) -> AsyncIterator[LocalProvider]:
    """The embedded model, loaded; its stream read either way."""
    provider = LocalProvider(langchain=request.param == "langchain")
    await provider.start()
    yield provider
    await provider.aclose()


async def answer(provider: Provider, request: Request, *callbacks: Heard) -> Generation:
    """One answer."""
    generation = Generation()
    await provider.generate(request, run_id=uuid4(), callbacks=callbacks, generation=generation)
    return generation


@needs_model
@pytest.mark.real_time
async def test_it_answers_token_by_token(model: LocalProvider) -> None:
    """The generation and each callback get the same; a raising callback harms nobody."""
    told = await ask(model, Raising())
    assert told.error is None
    assert told.generation.text == told.heard.text
    assert told.generation.tokens == len(told.heard.tokens) > 1
    assert told.heard.events == ["start", "end"]
    assert told.generation.finish_reason == "stop"
    assert told.generation.model == model.name
    assert told.generation.usage is not None


@needs_model
@pytest.mark.real_time
async def test_a_cancel_stops_it_and_keeps_the_text(model: LocalProvider) -> None:
    """And leaves it free for the next question, to which even this model knows the answer."""
    generation = Generation()
    heard = Counting()
    answering = asyncio.create_task(
        model.generate(ENDLESS, run_id=uuid4(), callbacks=[heard], generation=generation)
    )
    await heard.five.wait()
    answering.cancel()
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.wait([answering])
    assert generation.text == heard.text != ""
    assert "Paris" in (await answer(model, CAPITAL)).text


@needs_model
@pytest.mark.real_time
async def test_its_limits_are_those_of_any_other_model(model: LocalProvider) -> None:
    """A short answer ends with `length`; a long conversation is refused, with the cure."""
    generation = await answer(model, Request(ENDLESS.turns, max_tokens=4))
    assert generation.finish_reason == "length"
    assert generation.usage is not None
    assert generation.usage.output_tokens == 4

    with pytest.raises(BadRequest, match="too long"):
        await answer(model, Request((Turn("user", "word " * 3000),)))


@needs_model
@pytest.mark.real_time
async def test_after_closing_it_can_be_started_again() -> None:
    """Closing stops its threads; the next question loads it again."""
    provider = LocalProvider()
    await provider.start()
    await provider.aclose()
    await provider.aclose()
    assert (await answer(provider, CAPITAL)).text
    await provider.aclose()


def test_a_missing_file_is_said_with_its_cure(tmp_path: Path) -> None:
    """Before anything is started: the library's own word would be the same for any failure."""
    with pytest.raises(BadRequest, match="model file missing"):
        local._check(tmp_path / "no.gguf")


@pytest.mark.real_time
async def test_a_damaged_file_fails_the_question_plainly(tmp_path: Path) -> None:
    """A page that was saved instead of a model, for example."""
    path = tmp_path / "model.gguf"
    path.write_text("<html>")
    provider = LocalProvider(path)
    with pytest.raises(BadRequest, match="damaged"):
        await provider.start()
    await provider.aclose()


@pytest.mark.real_time
async def test_a_file_that_only_begins_well_fails_plainly(tmp_path: Path) -> None:
    """Broken off while it was copied."""
    pytest.importorskip("xllamacpp", reason="the embedded model is not installed")
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(BadRequest, match="model file no chat"):
        await LocalProvider(path).start()


def test_a_missing_library_is_said_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an optional part."""
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(BadRequest, match="local missing"):
        local._library()


@pytest.mark.parametrize(("cores", "threads"), [(1, 1), (2, 1), (4, 3), (64, 4)])
def test_a_core_is_left_to_the_bot(
    cores: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the model crawls as soon as anything else runs."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert local._threads() == threads
