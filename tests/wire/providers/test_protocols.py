"""Which protocol is spoken, and what a request carries besides its own: both ways of reading."""

from __future__ import annotations

from typing import Any

import pytest

from providers.base import Unusable
from tests.contract.provider import ask
from tests.doubles.openai import Answer, OpenAIServer, failure, recorded
from tests.doubles.providers.ways import DIALECTS, WAYS, Adapter, Way, at

pytestmark = pytest.mark.real_time

REFUSALS = {
    "OpenAI": (404, "This model is only supported in v1/responses and not in v1/chat/completions."),
    "o1-pro": (404, "This is not a chat model and thus not supported in the v1/chat/completions "
               "endpoint. Did you mean to use v1/completions?"),
    "Azure": (400, "The chatCompletion operation does not work with the specified model, o3-pro."),
    "LiteLLM": (404, "litellm.NotFoundError: OpenAIException - This model is only supported in "
                "v1/responses and not in v1/chat/completions."),
}  # fmt: skip


def refusal(which: str) -> Answer:
    status, message = REFUSALS[which]
    body = f'{{"error": {{"message": "{message}", "param": "model", "code": null}}}}'.encode()
    told = {"Content-Type": "application/json", "x-should-retry": "false"}
    return Answer([body], status, told)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("adapter", DIALECTS)
@pytest.mark.parametrize("which", REFUSALS)
async def test_a_model_of_the_responses_api_only_is_found_by_the_services_answer(
    which: str, adapter: Adapter, way: Way
) -> None:
    """No list knows it: the answer is the same, told once, and the next question goes there."""
    answers = (refusal(which), recorded("responses.sse"), recorded("responses.sse"))
    async with OpenAIServer(*answers) as server:
        provider = at(server, way, adapter, model="o9-pro")
        first, second = await ask(provider), await ask(provider)
        await provider.aclose()
    assert (first.error, second.error) == (None, None)
    assert first.heard.text == first.generation.text == second.generation.text != ""
    assert first.heard.events == ["start", "end"]
    paths = [exchange.path.partition("?")[0] for exchange in server.exchanges]
    assert [path.rpartition("/")[2] for path in paths] == ["completions", "responses", "responses"]


@pytest.mark.parametrize("way", WAYS)
async def test_where_it_is_not_there_either_the_cure_is_the_first_answers(way: Way) -> None:
    """An older version of Azure's has no such address."""
    async with OpenAIServer(refusal("Azure"), failure(404)) as server:
        provider = at(server, way, "azure", model="o3-pro")
        told = await ask(provider)
        await provider.aclose()
    assert told.error is not None
    assert told.error.cause == "responses_only"


@pytest.mark.parametrize("way", WAYS)
async def test_a_protocol_that_was_chosen_is_kept(way: Way) -> None:
    """OPENAI_API=chat decides for good."""
    async with OpenAIServer(refusal("OpenAI")) as server:
        provider = at(server, way, "openai", model="o3-pro", api="chat")
        told = await ask(provider)
        await provider.aclose()
    assert told.error is not None
    assert told.error.cause == "responses_only"
    assert len(server.exchanges) == 1


GIVEN = {"reasoning_effort": "low", "temperature": 0.2, "extra_body": {"top_k": 5}}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("adapter", [*DIALECTS, "qwen", "ollama"])
async def test_options_are_fields_of_the_request(adapter: Adapter, way: Way) -> None:
    async with OpenAIServer(recorded("openai.sse")) as server:
        provider = at(server, way, adapter, options=GIVEN)
        told = await ask(provider)
        await provider.aclose()
    assert told.error is None
    body: dict[str, Any] = server.exchanges[0].body
    assert (body["reasoning_effort"], body["temperature"], body["top_k"]) == ("low", 0.2, 5)
    assert "extra_body" not in body
    assert body["stream"] is True


@pytest.mark.parametrize("way", WAYS)
async def test_the_responses_api_has_its_own_names_for_them(way: Way) -> None:
    async with OpenAIServer(recorded("responses.sse")) as server:
        options = {**GIVEN, "verbosity": "low", "tools": [{"type": "web_search_preview"}]}
        provider = at(server, way, "openai", api="responses", options=options)
        told = await ask(provider)
        await provider.aclose()
    assert told.error is None
    body = server.exchanges[0].body
    assert (body["reasoning"], body["text"]) == ({"effort": "low"}, {"verbosity": "low"})
    assert (body["temperature"], body["tools"]) == (0.2, [{"type": "web_search_preview"}])
    assert "reasoning_effort" not in body
    assert body["store"] is False


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("adapter", DIALECTS)
@pytest.mark.parametrize(
    "options",
    [
        {"stream": False},
        {"extra_body": {"stream": False}},
        {"model": "other"},
        {"messages": []},
        {"max_tokens": 5},
        {"n": 2},
        {"api_key": "sk-x"},
        {"extra_headers": {"a": "b"}},
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"extra_body": "not an object"},
    ],
)
async def test_an_option_that_cannot_work_is_refused_at_start(
    options: dict[str, Any], adapter: Adapter, way: Way
) -> None:
    async with OpenAIServer() as server:
        with pytest.raises(Unusable) as told:
            at(server, way, adapter, options=options)
    assert told.value.cause == "option_refused"
    name = next(iter(options))
    assert told.value.params["option"] in (name, *(options[name] if name == "extra_body" else ()))
