"""Anthropic's Messages API through LangChain, over real sockets on loopback."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any
from uuid import uuid4

import pytest

from bot.runs.outcomes import in_full
from providers.base import (
    AuthFailed,
    BadRequest,
    Disconnected,
    Generation,
    Image,
    Malformed,
    Overloaded,
    Provider,
    ProviderError,
    Request,
    Stalled,
    TooLong,
    Turn,
    Unusable,
    Usage,
)
from tests.contract.provider import LONG_STALL, ProviderContract, Stage, Told, WireStep, ask
from tests.doubles.anthropic import (
    MODEL,
    error,
    event,
    failure,
    finish,
    opening,
    texts,
    thoughts,
    tool_call,
)
from tests.doubles.openai import Act, Answer, OpenAIServer
from tests.doubles.providers.wire import AnthropicTongue, served

pytestmark = [pytest.mark.real_time, pytest.mark.sockets]


def anthropic_provider(*arguments: Any, **options: Any) -> Provider:
    """Imported when it is used: its SDK takes seconds, which collecting need not."""
    from providers.anthropic import anthropic_provider as made

    return made(*arguments, **options)


def at(server: OpenAIServer, stall_seconds: float = LONG_STALL) -> Provider:
    """A model at the server."""
    return anthropic_provider(
        "claude-haiku-4-5", api_key="sk-secret", base_url=server.root, stall_seconds=stall_seconds
    )


async def told(*acts: Act) -> Told:
    """What is heard of a stream."""
    return await answered(Answer([opening(), *acts]))


async def answered(answer: Answer) -> Told:
    """What is heard of an answer."""
    async with OpenAIServer(answer) as server:
        provider = at(server)
        heard = await ask(provider)
        await provider.aclose()
    return heard


class TestContract(ProviderContract):
    """The contract."""

    def opened(
        self, *script: WireStep, stall_seconds: float = LONG_STALL
    ) -> AbstractAsyncContextManager[Stage]:
        return served(script, lambda server: at(server, stall_seconds), AnthropicTongue())

    @pytest.mark.skip(reason="the Messages API has no refusals but the stop reason")
    async def test_a_refusal_is_an_answer(self) -> None:
        """See `test_a_refusal_ends_the_answer_as_filtered`."""


async def test_thoughts_and_text_are_told_apart() -> None:
    """The signature of the thoughts is no text; pings say nothing."""
    heard = await told(
        *thoughts("Hm,", " two."), event("ping"), *texts("Four", ".", index=1), *finish()
    )
    assert heard.error is None
    assert heard.heard.tokens == [
        ("Hm,", "reasoning"), (" two.", "reasoning"), ("Four", "text"), (".", "text"),
    ]  # fmt: skip
    assert heard.generation.text == "Four."
    assert heard.generation.model == MODEL


async def test_a_tool_call_is_kept_as_such_and_is_no_text() -> None:
    """The bot offers none; it comes all the same."""
    heard = await told(
        *texts("Wait."), *tool_call("weather", '{"city"', ': "Rome"}'), *finish("tool_use")
    )
    assert heard.generation.text == "Wait."
    assert heard.heard.tokens[1:] == [
        ("weather", "tool"), ('{"city"', "tool"), (': "Rome"}', "tool"),
    ]  # fmt: skip
    assert heard.generation.finish_reason == "stop"


async def test_a_refusal_ends_the_answer_as_filtered() -> None:
    """What was said until then stands."""
    heard = await told(*texts("I"), *finish("refusal"))
    assert heard.error is None
    assert heard.generation.finish_reason == "filter"
    assert heard.generation.text == "I"


@pytest.mark.parametrize("word", ["max_tokens", "model_context_window_exceeded"])
async def test_a_limit_is_a_limit(word: str) -> None:
    """The answer's own, or the model's."""
    heard = await told(*texts("So"), *finish(word))
    assert heard.generation.finish_reason == "length"


async def test_usage_is_the_last_word_on_it() -> None:
    """It counts up: an earlier word is no share of the whole."""
    middle = event("message_delta", delta={"stop_reason": None}, usage={"output_tokens": 2})
    heard = await told(*texts("So"), middle, *finish(output_tokens=4))
    assert heard.generation.usage == Usage(9, 4)


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("overloaded_error", Overloaded),
        ("rate_limit_error", Overloaded),
        ("api_error", Overloaded),
        ("timeout_error", Stalled),
        ("authentication_error", AuthFailed),
        ("what_nobody_knows", Overloaded),
    ],
)
async def test_an_error_in_mid_stream_is_told_by_its_type(
    word: str, kind: type[ProviderError]
) -> None:
    """The stream itself has status 200. What was said stands."""
    heard = await told(*texts("Half an"), error(word))
    assert type(heard.error) is kind
    assert heard.generation.text == heard.heard.text == "Half an"
    assert "sk-secret" not in str(heard.error)


async def test_a_stream_that_just_ends_is_cut() -> None:
    """Without a stop reason an answer is not whole."""
    heard = await told(*texts("Half an"))
    assert isinstance(heard.error, Disconnected)


async def test_a_message_whose_end_mark_is_lost_is_whole() -> None:
    """It said why it stopped."""
    heard = await told(*texts("Whole."), finish()[0])
    assert heard.error is None
    assert heard.generation.finish_reason == "stop"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (failure(401, "authentication_error"), AuthFailed),
        (failure(402, "billing_error"), AuthFailed),
        (failure(403, "permission_error"), AuthFailed),
        (failure(404, "not_found_error"), BadRequest),
        (failure(400, "invalid_request_error"), BadRequest),
        (failure(413, "request_too_large"), TooLong),
        (failure(429, "rate_limit_error", retry_after="7"), Overloaded),
        (failure(500, "api_error"), Overloaded),
        (failure(504, "timeout_error"), Stalled),
        (failure(529, "overloaded_error"), Overloaded),
        (Answer([b"<html>"], 200, {"Content-Type": "text/html"}), Malformed),
    ],
)
async def test_a_failure_is_named_for_what_it_means(
    answer: Answer, kind: type[ProviderError]
) -> None:
    """Whatever LangChain makes of it on the way."""
    heard = await answered(answer)
    assert type(heard.error) is kind
    assert "sk-secret" not in str(heard.error)
    assert getattr(heard.error, "retry_after", None) == (7 if answer.status == 429 else None)


async def test_the_room_is_learned_from_a_refusal() -> None:
    """The service names it."""
    message = "prompt is too long: 210000 tokens > 190000 maximum"
    async with OpenAIServer(failure(400, "invalid_request_error", message)) as server:
        provider = at(server)
        assert provider.room == 200_000
        heard = await ask(provider)
        await provider.aclose()
    assert isinstance(heard.error, TooLong)
    assert provider.room == heard.error.room == 190_000


async def test_the_model_is_asked_as_the_service_wants_it() -> None:
    """System apart, pictures as base64, the limit, the key as the SDK shows it."""
    async with OpenAIServer(Answer([opening(), *texts("Hi."), *finish()])) as server:
        provider = at(server)
        turns = (Turn("system", "s"), Turn("user", "u", (Image("image/png", "aGk="),)))
        request = Request(turns, max_tokens=7)
        await provider.generate(request, run_id=uuid4(), callbacks=[], generation=Generation())
        await provider.aclose()
    exchange = server.exchanges[0]
    assert (exchange.method, exchange.path) == ("POST", "/v1/messages")
    assert exchange.headers["authorization"] == "Bearer sk-secret"
    assert exchange.body["system"] == "s"
    assert exchange.body["max_tokens"] == 7
    assert exchange.body["stream"] is True
    picture = {"type": "base64", "media_type": "image/png", "data": "aGk="}
    assert exchange.body["messages"] == [
        {
            "role": "user",
            "content": [{"type": "text", "text": "u"}, {"type": "image", "source": picture}],
        }
    ]


async def test_its_options_are_the_classes_own() -> None:
    """Thoughts, for one, come only where they are asked for."""
    thinking = {"type": "enabled", "budget_tokens": 1024}
    async with OpenAIServer(Answer([opening(), *texts("Hi."), *finish()])) as server:
        provider = anthropic_provider(
            "claude-haiku-4-5", api_key="k", base_url=server.root, options={"thinking": thinking}
        )
        await ask(provider)
        await provider.aclose()
    assert server.exchanges[0].body["thinking"] == thinking


def test_a_wrong_option_is_named() -> None:
    """And nothing else of what is wrong is quoted."""
    with pytest.raises(Unusable) as refusal:
        anthropic_provider("m", api_key="sk-secret", options={"max_retries": "often"})
    told = in_full(refusal.value)
    assert "max_retries" in told
    assert "MODEL_OPTIONS" in told
    assert "sk-secret" not in told


def test_what_the_model_takes_is_known() -> None:
    """From the lists of models; a new one's room is assumed."""
    known = anthropic_provider("claude-haiku-4-5", api_key="k")
    assert (known.room, known.sees) == (200_000, True)
    assert anthropic_provider("claude-of-tomorrow", api_key="k").room == 8192
