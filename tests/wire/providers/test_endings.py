"""Every word that a service documents, and words that none does: what becomes of the answer."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessageChunk

from providers.base import Generation, ProviderError
from providers.finish import ANY, OPENAI
from providers.openai_stream.protocols import Chat
from tests.contract.provider import QUESTION
from tests.contract.providers.test_langchain import ScriptedModel, provider_of
from tests.unit.providers.table import documented
from tests.wire.providers import endings
from tests.wire.providers.endings import BEGIN, OUTCOMES

_MEANT = dict(zip(OUTCOMES, ("complete", "length", "filtered", "failed"), strict=True))
WORDS = st.one_of(st.text(min_size=1), st.sampled_from(["x" * 10_000, "\x1b[2J", "стоп", "STOP."]))


@pytest.mark.real_time
@pytest.mark.timeout(300)  # eight hundred streams, on a machine that may be busy
async def test_each_word_ends_a_run_as_its_service_means_it_and_as_the_page_says() -> None:
    """Whole answers are whole, and of the others none looks so; both ways.

    If the page differs, `make bench ONLY=endings` writes it again.
    """
    found = await endings.rows()
    for row in found:
        meant = [_MEANT[ending.meaning] for ending in row.service.endings]
        for seen in row.seen[2:]:
            assert seen is None or seen.told == meant, row.service.name
    assert [endings.whole(found, way)[0] for way in (2, 3)] == [0, 0]
    assert documented(BEGIN) == endings.table(found)


@given(WORDS)
@settings(deadline=None, max_examples=60)
def test_no_word_that_nobody_knows_makes_a_cut_answer_whole(word: str) -> None:
    """Read raw, and through LangChain."""
    for generation, whole in ((_lean(word), OPENAI), (_langchain(word), ANY)):
        assert generation.text == "Half"
        known = word.isascii() and word.lower() in whole
        assert (generation.finish_reason == "stop") == known


def _lean(word: str) -> Generation:
    generation = Generation()
    reader = Chat("any", limit="max_tokens", usage=False).reader(generation)
    choice = {"index": 0, "delta": {"content": "Half"}}
    for piece in reader.take({"choices": [choice]}):
        generation.add(piece.text, piece.kind)
    try:
        reader.take({"choices": [{"index": 0, "delta": {}, "finish_reason": word}]})
    except ProviderError:
        assert generation.finish_reason is None
    return generation


def _langchain(word: str) -> Generation:
    last = AIMessageChunk(content="", response_metadata={"finish_reason": word})

    async def read() -> Generation:
        chunks = (AIMessageChunk(content="Half"), last)
        provider = provider_of(ScriptedModel(chunks=chunks, left=asyncio.Event()))
        generation = Generation()
        try:
            await provider.generate(QUESTION, run_id=uuid4(), callbacks=[], generation=generation)
        except ProviderError:
            assert generation.finish_reason is None
        return generation

    return asyncio.run(read())
