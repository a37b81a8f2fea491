"""Whatever a token carries, what leaves the decoder is clean text of a known kind."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessageChunk

from providers.decoding import Decoder, TextDelta

WILD = st.text(st.characters(categories=None) | st.sampled_from("\ud83d\ude00\0é😀"))


@given(st.lists(WILD))
def test_any_chunking_of_any_text_comes_out_clean(tokens: list[str]) -> None:
    """Nothing empty, no NUL, no lone surrogate; and joined it is what the whole would be."""
    decoder = Decoder()
    pieces = [piece for token in tokens for piece in decoder.text(token)] + decoder.flush()
    text = "".join(piece.text for piece in pieces)
    assert all(piece.text for piece in pieces)
    assert "\0" not in text
    text.encode("utf-8")
    whole = Decoder()
    assert text == "".join(p.text for p in whole.text("".join(tokens)) + whole.flush())


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_clean_text_is_left_as_it_is(text: str) -> None:
    """Even if it is cut in the middle of every pair of surrogates."""
    units = text.encode("utf-16-le")
    halves = [
        units[i : i + 2].decode("utf-16-le", "surrogatepass") for i in range(0, len(units), 2)
    ]
    decoder = Decoder()
    pieces = [piece for half in halves for piece in decoder.text(half)] + decoder.flush()
    assert "".join(piece.text for piece in pieces) == text


def test_half_an_emoji_waits_for_its_other_half_of_the_same_kind() -> None:
    """Reasoning in between does not tear it apart."""
    decoder = Decoder()
    assert decoder.text("a\ud83d") == [TextDelta("text", "a")]
    assert decoder.text("hm", "reasoning") == [TextDelta("reasoning", "hm")]
    assert decoder.text("\ude00") == [TextDelta("text", "😀")]
    assert decoder.flush() == []


def test_a_half_that_waits_in_vain_is_flushed_once() -> None:
    """As a replacement character."""
    decoder = Decoder()
    assert decoder.text("\ud83d") == []
    assert decoder.flush() == [TextDelta("text", "\ufffd")]
    assert decoder.flush() == []


@pytest.mark.parametrize("nothing", ["", None, [], [{}], [{"type": "text"}], [None], [7]])
def test_nothing_is_no_piece(nothing: Any) -> None:
    """Nor is what nobody knows."""
    assert Decoder().content(nothing) == []


@pytest.mark.parametrize(
    ("block", "piece"),
    [
        ("plain", TextDelta("text", "plain")),
        ({"type": "text", "text": "a"}, TextDelta("text", "a")),
        ({"type": "output_text", "text": "a"}, TextDelta("text", "a")),
        ({"type": "refusal", "refusal": "no"}, TextDelta("refusal", "no")),
        ({"type": "reasoning", "reasoning": "hm"}, TextDelta("reasoning", "hm")),
        ({"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
         TextDelta("reasoning", "hm")),
        ({"type": "reasoning", "content": [{"type": "reasoning_text", "text": "hm"}]},
         TextDelta("reasoning", "hm")),
        ({"type": "thinking", "thinking": "hm"}, TextDelta("reasoning", "hm")),
        ({"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
         TextDelta("reasoning", "hm")),
        ({"type": "function_call", "arguments": "{}"}, TextDelta("tool", "{}")),
        ({"type": "tool_call_chunk", "args": "{}"}, TextDelta("tool", "{}")),
        ({"type": "input_json_delta", "partial_json": "{}"}, TextDelta("tool", "{}")),
        ({"type": "tool_use", "name": "weather", "input": {}}, TextDelta("tool", "weather")),
    ],
)  # fmt: skip
def test_a_content_block_is_read_by_its_type(block: Any, piece: TextDelta) -> None:
    """As OpenAI, LangChain, Anthropic and Mistral write them."""
    assert Decoder().content([block]) == [piece]


def test_a_message_is_read_in_the_order_of_thinking_and_speaking() -> None:
    """Reasoning comes before the text that it led to."""
    message = AIMessageChunk(
        content="Yes", additional_kwargs={"reasoning_content": "Hm", "refusal": "No"}
    )
    assert Decoder().message(message) == [
        TextDelta("reasoning", "Hm"), TextDelta("text", "Yes"), TextDelta("refusal", "No"),
    ]  # fmt: skip
