"""Reasoning between tags, however the stream is cut, and where only its end is marked."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.callbacks import AsyncCallbackHandler
from structlog.testing import capture_logs

from providers.base import TokenKind
from providers.thinking import ThinkBlock, closes_alone
from tests.contract.provider import ask
from tests.doubles.openai import Answer, OpenAIServer, finish, text
from tests.doubles.providers.ways import WAYS, Way, at

TAGS = ("<think>", "</think>", "<thinking>", "</thinking>", "[THINK]", "[/THINK]", "</thought>")
SOME = st.sampled_from(
    [*TAGS, "◁/think▷", "hm", "a", " ", "\n", "<", "</", "<th", "ink>", "[", "é"]
)
TEXTS = st.lists(SOME, max_size=10)


def split(pieces: Sequence[str], *, begun: bool, whole: bool = False) -> dict[TokenKind, str]:
    """All that is said of each kind."""
    block = ThinkBlock(begun=begun)
    told = [part for piece in pieces for part in block.split(piece)] + [*block.flush(whole=whole)]
    kinds: dict[TokenKind, str] = {"reasoning": "", "text": ""}
    for kind, said in told:
        kinds[kind] += said
    return kinds


@given(TEXTS, st.booleans(), st.booleans())
def test_where_the_stream_is_cut_makes_no_difference(
    pieces: list[str], begun: bool, whole: bool
) -> None:
    """Tags may come letter by letter."""
    once = split(["".join(pieces)], begun=begun, whole=whole)
    assert split(pieces, begun=begun, whole=whole) == once
    assert split(list("".join(pieces)), begun=begun, whole=whole) == once


@pytest.mark.parametrize(
    "tag", ["</think>", "</thinking>", "</thought>", "[/THINK]", "</Seed:Think>"]
)
def test_of_a_model_that_begins_so_all_before_a_closing_tag_is_reasoning(tag: str) -> None:
    """Whichever it is."""
    said = split([f"\nHm, <b>so</b>.\n{tag}\n\nYes."], begun=True)
    assert said == {"reasoning": "\nHm, <b>so</b>.\n", "text": "\n\nYes."}


def test_of_another_model_a_closing_tag_alone_is_text() -> None:
    """It can't be told from what the model says of tags."""
    assert split(["Hm.</think>Yes."], begun=False)["text"] == "Hm.</think>Yes."


def test_a_block_is_closed_by_its_own_tag_only() -> None:
    """Others in it are part of what the model thinks of."""
    said = split(["<think>is </thought> a tag?</think>Yes."], begun=False)
    assert said == {"reasoning": "is </thought> a tag?", "text": "Yes."}


def test_an_answer_without_any_tag_is_never_lost() -> None:
    """A model that is known to think may not, once; a limit within its thoughts is no answer."""
    assert split(["Yes", ", it is."], begun=True, whole=True)["text"] == "Yes, it is."
    assert split(["Hm", ", so."], begun=True, whole=False)["text"] == ""


@pytest.mark.parametrize(
    ("answer", "alone"),
    [
        ("Hm.</think>\n\nYes.", True),
        ("Hm, the user writes <b>.\n</thinking>Yes.", True),
        ("<think>Hm.</think>Yes.", False),
        ("A block ends with `</think>`.", False),
        ("```\n</think>\n```", False),
        ("Yes.", False),
    ],
)
def test_reasoning_that_nothing_opened_is_noticed(answer: str, alone: bool) -> None:
    """But not a tag that the model writes about."""
    assert closes_alone(answer) is alone


@pytest.mark.real_time
@pytest.mark.parametrize("way", WAYS)
async def test_the_operator_is_told_once_where_readers_see_thoughts(way: Way) -> None:
    """With the setting that hides them."""
    answer = Answer([*text("Hm.", "</th", "ink>\n\nYes."), *finish()])
    async with OpenAIServer(answer) as server:
        provider = at(server, way, "compatible")
        with capture_logs() as logs:
            for _ in range(2):
                told = await ask(provider, AsyncCallbackHandler())
                assert told.generation.text == "Hm.</think>\n\nYes."
        await provider.aclose()
    cures = [entry["cure"] for entry in logs if entry["event"] == "model.thoughts_shown"]
    assert cures == ["MODEL_BEGINS_THINKING=true"]


@pytest.mark.real_time
@pytest.mark.parametrize("way", WAYS)
async def test_the_setting_hides_them(way: Way) -> None:
    """Whatever the model is called."""
    answer = Answer([*text("Hm.", "</th", "ink>\n\nYes."), *finish()])
    async with OpenAIServer(answer) as server:
        provider = at(server, way, "compatible", begins_thinking=True)
        told = await ask(provider)
        await provider.aclose()
    assert told.generation.text == "\n\nYes."
    assert told.heard.tokens == [("Hm.", "reasoning"), ("\n\nYes.", "text")]
