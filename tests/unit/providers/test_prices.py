"""Prices: the operator's, else those of the list; what is not known is not guessed."""

from __future__ import annotations

from decimal import Decimal

import pytest

from providers.base import Usage
from providers.prices import ModelPrice, Prices

MILLION = Usage(1_000_000, 1_000_000)


def price(given: str, made: str, cached: str | None = None) -> ModelPrice:
    """US dollars for a million tokens."""
    return ModelPrice(Decimal(given), Decimal(made), None if cached is None else Decimal(cached))


def test_the_list_knows_models_by_their_provider() -> None:
    """The figures are the list's own: gpt-4o-mini has cost this for years."""
    assert Prices().cost("openai:gpt-4o-mini", "", MILLION) == 150_000 + 600_000


def test_what_was_read_before_is_cheaper() -> None:
    cached = Usage(1_000_000, 0, cached_input_tokens=1_000_000)
    assert Prices().cost("openai:gpt-4o-mini", "", cached) == 75_000


def test_a_deployment_is_priced_as_the_model_that_the_service_names() -> None:
    prices = Prices()
    assert prices.cost("azure:prod", "", MILLION) is None
    named = prices.cost("azure:prod", "gpt-4o-mini-2024-07-18", MILLION)
    assert named == 750_000
    assert prices.cost("azure:prod", "", MILLION) == named, "also of a run that was cut"


def test_a_service_is_known_by_its_address() -> None:
    url = {"compatible": "https://api.deepseek.com/v1"}
    known = Prices(urls=url).cost("compatible:deepseek-chat", "", MILLION)
    assert known is not None
    assert known > 0
    assert Prices().cost("compatible:deepseek-chat", "", MILLION) is None


@pytest.mark.parametrize("model", ["openai:gpt-17", "compatible:x", "langchain:a.b:C", "x", ""])
def test_an_unknown_price_is_unknown_and_never_nothing(model: str) -> None:
    assert Prices().cost(model, "", Usage(1, 1)) is None


def test_a_server_of_ones_own_has_no_list_price() -> None:
    prices = Prices(urls={"openai": "http://127.0.0.1:9/v1"})
    assert prices.cost("openai:gpt-4o-mini", "", MILLION) is None


def test_the_local_model_is_free() -> None:
    assert Prices().cost("local:smollm2-135m", "", MILLION) == 0


def test_of_models_that_are_tried_in_order_the_first_is_priced() -> None:
    prices = Prices(own={"a:b": price("1", "1")})
    assert prices.cost("a:b, c:d", "", MILLION) == 2_000_000


def test_the_operator_s_price_comes_before_the_list_s() -> None:
    prices = Prices(own={"openai:gpt-4o-mini": price("1", "2")}, every=price("3", "4"))
    assert prices.cost("openai:gpt-4o-mini", "", MILLION) == 3_000_000
    assert prices.cost("openai:gpt-4o", "", MILLION) == 7_000_000
    assert prices.cost("local:x", "", MILLION) == 7_000_000


def test_cached_tokens_cost_as_others_where_no_price_says_otherwise() -> None:
    cached = Usage(10, 0, cached_input_tokens=4)
    assert Prices(every=price("2", "0")).cost("a:b", "", cached) == 20
    assert Prices(every=price("2", "0", "1")).cost("a:b", "", cached) == 16


def test_a_small_cost_is_rounded_up_and_never_nothing() -> None:
    assert Prices(every=price("0.000001", "0")).cost("a:b", "", Usage(1, 0)) == 1
