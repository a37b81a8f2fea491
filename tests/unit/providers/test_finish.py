"""Only what is known to mean "whole" makes an answer whole, whatever a service says."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers import finish
from providers.base import Disconnected, Generation, Overloaded, ProviderError
from providers.finish import ANTHROPIC, ANY, COMPATIBLE, GOOGLE, OPENAI, WORD_CHARACTERS

VOCABULARIES = (OPENAI, ANTHROPIC, GOOGLE, COMPATIBLE, ANY)
PRINTABLE = st.text(st.sampled_from(string.ascii_letters + "_- :./"), min_size=1, max_size=30)
VALUES = st.one_of(
    st.text(),
    PRINTABLE,
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.lists(st.text(), max_size=2),
    st.dictionaries(st.text(), st.sampled_from(["stop", None, 1]), max_size=2),
    st.sampled_from(sorted(ANY)).flatmap(
        lambda word: st.sampled_from(
            [
                f"{word} ",
                f"\n{word}",
                f"{word}\0",
                f"{word}!",
                f"x_{word}",
                f"{word}: SAFETY",
                word * 2,
            ]
        )
    ),
)


def ended(*said: Any, whole: frozenset[str] = COMPATIBLE) -> Generation:
    """A generation that was told these, one after the other."""
    generation = Generation()
    for word in said:
        finish.ended(generation, word, whole)
    return generation


@given(VALUES, st.sampled_from(VOCABULARIES))
def test_only_a_services_own_words_make_an_answer_whole(said: Any, whole: frozenset[str]) -> None:
    """Whatever else stands there, of whatever type, length and alphabet, never does."""
    try:
        generation = ended(said, whole=whole)
    except ProviderError:
        return
    is_word = isinstance(said, str) and said.isascii() and said.lower() in whole
    assert (generation.finish_reason == "stop") == is_word
    assert len(generation.finish_word) <= WORD_CHARACTERS
    assert generation.finish_word.isprintable()
    generation.finish_word.encode("utf-8")


@pytest.mark.parametrize("said", ["", None, 0, False, [], {}, "null", "FINISH_REASON_UNSPECIFIED"])
def test_what_says_nothing_is_no_end(said: Any) -> None:
    """An answer that gets no other word was cut."""
    assert ended(said).finish_reason is None


@pytest.mark.parametrize(
    "word",
    [
        "content_filter",
        "CONTENT_FILTER",
        "content-filter",
        "content_filter: SAFETY",
        "content_filter: OTHER",
        "Content_Filter:Recitation",
        "SAFETY",
        "FinishReason.SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "sensitive",
        "refusal",
        "stop: SAFETY",
        "prompt_content_filter_severity_high",
        "guardrail_intervened",
    ],
)
def test_a_filter_is_known_by_its_name_alone_or_with_more(word: str) -> None:
    """Gateways add prefixes, suffixes and capitals."""
    assert ended(word).finish_reason == "filter"


@pytest.mark.parametrize(
    "word",
    [
        "OTHER",
        "stop ",
        "stopped",
        "STOP\0",
        "st\u017fop",
        "\u017ftop",
        "FinishReason.STOP",
        "1",
        " ",
    ],
)
def test_a_word_that_only_resembles_a_known_one_is_unknown(word: str) -> None:
    """It is kept, and the reader is told."""
    assert ended(word).finish_reason == "unknown"


@pytest.mark.parametrize("word", ["error", "network_error", "abort", "Cancelled"])
def test_a_word_for_a_failure_is_a_failure_and_is_kept(word: str) -> None:
    """Another model may go on with the answer."""
    generation = Generation()
    with pytest.raises(Disconnected):
        finish.ended(generation, word, OPENAI)
    assert (generation.finish_reason, generation.finish_word) == (None, word)


def test_a_failure_that_is_known_by_more_is_named_so() -> None:
    """DeepSeek's is in the table of errors."""
    with pytest.raises(Overloaded):
        ended("insufficient_system_resource")


def test_services_differ_in_their_words_for_a_whole_answer() -> None:
    """What one says of a whole answer, another has never said."""
    assert ended("end_turn", whole=ANTHROPIC).finish_reason == "stop"
    assert ended("end_turn", whole=GOOGLE).finish_reason == "unknown"
    assert ended("STOP", whole=GOOGLE).finish_reason == "stop"
    assert ended("stop", whole=ANTHROPIC).finish_reason == "unknown"


@pytest.mark.parametrize("first", ["content_filter", "length", "sensitive", "whatever"])
def test_a_word_for_whole_makes_good_for_no_other(first: str) -> None:
    """Some gateways end every stream with `stop`."""
    generation = ended(first, "stop")
    assert generation.finish_reason != "stop"
    assert generation.finish_word == first


def test_a_filter_outweighs_a_whole_answer() -> None:
    """An asynchronous filter speaks last."""
    assert ended("stop", "content_filter").finish_reason == "filter"


def test_a_very_long_word_is_cut() -> None:
    """The run has room for a word, not for a text."""
    word = ended("x" * 10_000).finish_word
    assert word == "x" * (WORD_CHARACTERS - 1) + "…"


def test_control_characters_are_replaced() -> None:
    """The word is shown in terminals and pages."""
    assert ended("a\x1b[31m\u202eb").finish_word == "a\ufffd[31m\ufffdb"
