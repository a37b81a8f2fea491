"""Requests with placeholders: no value is left, wherever it stands, and everything goes back."""

from __future__ import annotations

import json

import pytest

from providers.base import Image, Opaque, ProviderError, Request, Tool, ToolCall, Turn
from providers.masking import Finders, Masks
from providers.masking.masks import BEGINNING
from tests.doubles.masked import LIKE, held

FINDERS = Finders(["email", "card"], {"HALF": "cat", "AROUND": r"user:\S+;"})
ANN = "ann@example.com"


def asked(*texts: str) -> Request:
    return Request(tuple(Turn("user", text) for text in texts))


def test_one_value_has_one_placeholder_in_all_turns() -> None:
    masks = Masks(FINDERS)
    masked = masks.request(asked(f"I am {ANN}.", f"{ANN}, {ANN}!"))
    (placeholder,) = masks.values
    assert [turn.text for turn in masked.turns] == [
        f"I am {placeholder}.", f"{placeholder}, {placeholder}!"
    ]  # fmt: skip
    assert masks.counts == {"EMAIL": 1}


def test_half_a_word_is_masked_and_comes_back_as_it_was() -> None:
    masks = Masks(FINDERS)
    text = "concatenate the cat"
    masked = masks.request(asked(text)).turns[0].text
    assert "cat" not in LIKE.sub("", masked)
    assert masks.restored(masked) == text


def test_a_value_within_another_is_masked_with_it_and_alone() -> None:
    masks = Masks(FINDERS)
    text = f"user:{ANN}; and {ANN} and user:x;"
    masked = masks.request(asked(text))
    assert held(masked, [ANN, f"user:{ANN};", "user:x;"]) == []
    assert masks.restored(masked.turns[0].text) == text


def test_a_value_that_is_found_later_is_masked_in_what_came_before() -> None:
    """Also where it is no whole word there, and nothing would have found it."""
    masks = Masks(Finders([], {"NAME": r"\bAnn\b"}))
    masked = masks.request(asked("Hannah and Annex", "I am Ann"))
    assert held(masked, ["Ann"]) == []


def test_arguments_are_masked_as_what_they_say_and_not_as_they_are_written() -> None:
    masks = Masks(FINDERS)
    call = ToolCall("1", "send", '{"to": "ann\\u0040example.com", "card": 4111111111111111}')
    masked = masks.request(Request((Turn("assistant", "", calls=(call,)),)))
    arguments = json.loads(masked.turns[0].calls[0].arguments)
    assert masks.restored(arguments["to"]) == ANN
    assert masks.restored(arguments["card"]) == "4111111111111111"
    assert held(masked, [ANN, "4111111111111111"]) == []


@pytest.mark.parametrize("arguments", ["", "{", '{"a": [1, 2.5, null, true]}', "[" * 50_000])
def test_arguments_without_a_value_stay_as_they_are(arguments: str) -> None:
    call = ToolCall("1", "send", arguments)
    masked = Masks(FINDERS).request(Request((Turn("assistant", "", calls=(call,)),)))
    assert masked.turns[0].calls[0].arguments == arguments


def test_texts_of_tools_are_masked_and_their_grammar_is_not() -> None:
    schema = {
        "type": "object",
        "properties": {"cat": {"type": "string", "description": f"as {ANN}", "enum": ["cat"]}},
    }
    masks = Masks(FINDERS)
    masked = masks.request(Request((Turn("user", "?"),), tools=(Tool("t", f"of {ANN}", schema),)))
    told = masked.tools[0].schema["properties"]["cat"]
    assert told["type"] == "string"
    assert masks.restored(told["description"]) == f"as {ANN}"
    assert masks.restored(told["enum"][0]) == "cat"
    assert masks.restored(masked.tools[0].description) == f"of {ANN}"


def test_what_looks_like_a_placeholder_is_ordinary_text() -> None:
    masks = Masks(FINDERS)
    text = f"MASKED-EMAIL-1-ABCDEF and {ANN}"
    masked = masks.request(asked(text)).turns[0].text
    assert masked.startswith("MASKED-EMAIL-1-ABCDEF and MASKED-")
    assert masks.restored(masked) == text
    invented = f"{BEGINNING}EMAIL-99-{masks.nonce}"
    assert masks.restored(invented) == invented


def test_a_placeholder_that_comes_back_stays_one() -> None:
    """A tool that was given it may say it again, beside what a pattern would take with it."""
    masks = Masks(FINDERS)
    placeholder = LIKE.findall(masks.request(asked(ANN)).turns[0].text)[0]
    echo = f"user:{placeholder}; ok"
    masked = masks.request(asked(ANN, echo))
    assert masked.turns[1].text == echo
    assert list(masks.values) == [placeholder]


def test_a_run_that_goes_on_has_the_placeholders_of_the_one_before() -> None:
    masks = Masks(FINDERS)
    before = masks.request(asked(ANN))
    after = Masks(FINDERS, masks.nonce, masks.values)
    assert after.request(asked(ANN)) == before
    assert after.counts == {"EMAIL": 1}


def test_a_value_in_what_goes_back_unchanged_is_not_sent() -> None:
    """A model's signed reasoning can't be changed, so its request can't be sent."""
    opaque = Opaque("m", "item", {"text": f"think of {ANN}"})
    call = ToolCall("1", "t", "{}")
    turn = Turn("assistant", "", calls=(call,), opaque=(opaque,))
    with pytest.raises(ProviderError) as caught:
        Masks(FINDERS).request(Request((Turn("user", ANN), turn)))
    assert caught.value.cause == "value_held"
    assert ANN not in str(caught.value)


def test_what_goes_back_unchanged_keeps_its_place() -> None:
    opaque = Opaque("m", "item", {"signature": "x"}, calls=0, chars=len(f"Hi {ANN} "))
    turn = Turn("assistant", f"Hi {ANN} there", opaque=(opaque,))
    masks = Masks(FINDERS)
    masked = masks.request(Request((turn,))).turns[0]
    assert masked.text[: masked.opaque[0].chars] == f"Hi {next(iter(masks.values))} "


def test_a_pattern_that_is_too_slow_stops_the_request() -> None:
    slow = Masks(Finders([], {"SLOW": r"(?:a+)+b"}))
    with pytest.raises(ProviderError) as caught:
        slow.request(asked("a" * 5_000))
    assert caught.value.cause == "mask_slow"
    assert caught.value.params == {"pattern": "SLOW"}


def test_images_and_all_else_of_a_request_stay() -> None:
    image = Image("image/png", "AAAA")
    request = Request((Turn("system", "Be brief."), Turn("user", ANN, images=(image,))), 50)
    masked = Masks(FINDERS).request(request)
    assert (masked.max_tokens, masked.turns[1].images) == (50, (image,))
    assert masked.turns[0] == request.turns[0]


def test_thousands_of_values_take_seconds_at_most() -> None:
    table = "\n".join(f"user{n}@example.com,{n}" for n in range(1_500))
    masks = Masks(Finders(["email"]))
    masked = masks.request(asked(table, "And?"))
    assert len(masks.values) == 1_500
    assert masks.restored(masked.turns[0].text) == table
