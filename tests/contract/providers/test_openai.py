"""OpenAI's dialect, over real sockets on loopback, with streams as they are and as they break."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any, Literal
from uuid import uuid4

import pytest

from providers.base import (
    AuthFailed,
    BadRequest,
    Disconnected,
    Filtered,
    Generation,
    Malformed,
    Overloaded,
    Provider,
    ProviderError,
    Request,
    TokenKind,
    TooLong,
    Turn,
    Usage,
)
from tests.contract.provider import (
    LONG_STALL,
    ProviderContract,
    Stage,
    Told,
    WireStep,
    ask,
)
from tests.doubles.openai import (
    Answer,
    OpenAIServer,
    chunk,
    event,
    failure,
    finish,
    recorded,
    spaced,
    text,
)
from tests.doubles.providers.wire import served

pytestmark = [pytest.mark.real_time, pytest.mark.sockets]


def compatible_provider(*arguments: Any, **options: Any) -> Provider:
    """Imported when it is used: its SDK takes seconds, which collecting need not."""
    from providers.openai import compatible_provider as made

    return made(*arguments, **options)


def openai_provider(*arguments: Any, **options: Any) -> Provider:
    """Imported when it is used: its SDK takes seconds, which collecting need not."""
    from providers.openai import openai_provider as made

    return made(*arguments, **options)


class TestOpenAIContract(ProviderContract):
    """The contract, `openai:`."""

    def opened(
        self, *script: WireStep, stall_seconds: float = LONG_STALL
    ) -> AbstractAsyncContextManager[Stage]:
        def build(server: OpenAIServer) -> Provider:
            return openai_provider(
                "gpt-4o-mini", api_key="sk-x", base_url=server.url, stall_seconds=stall_seconds
            )

        return served(script, build)


class TestCompatibleContract(ProviderContract):
    """The contract, `compatible:`, without a key."""

    def opened(
        self, *script: WireStep, stall_seconds: float = LONG_STALL
    ) -> AbstractAsyncContextManager[Stage]:
        def build(server: OpenAIServer) -> Provider:
            return compatible_provider("any", base_url=server.url, stall_seconds=stall_seconds)

        return served(script, build)


async def told_by(
    *answers: Answer, model: str = "gpt-4o-mini", api: Literal["auto", "responses"] = "auto"
) -> tuple[Told, OpenAIServer]:
    """Asks OpenAI's provider once; the server gives these answers."""
    async with OpenAIServer(*answers) as server:
        provider = openai_provider(
            model, api_key="sk-secret", base_url=server.url, stall_seconds=LONG_STALL, api=api
        )
        told = await ask(provider)
        await provider.aclose()
    return told, server


@pytest.mark.parametrize(
    ("stream", "pieces", "reason"),
    [
        ("llama_cpp.sse", ["The", " capital", " of", " France", " is", " Paris", "."], "stop"),
        ("finish_with_content.sse", ["Hello", " there."], "stop"),
        ("finish_with_null_delta.sse", ["Hi."], "stop"),
        ("refusal.sse", ["I'm sorry", ", I can't", " help."], "stop"),
        ("reasoning.sse", ["It is", " 4."], "stop"),
        ("reasoning_openrouter.sse", ["Yes."], "stop"),
        ("content_blocks.sse", ["Par", "is."], "stop"),
        ("surrogate_halves.sse", ["😀!", "\ufffd"], "stop"),
        ("nul.sse", ["a\ufffdb"], "stop"),
        ("length.sse", ["Once upon"], "length"),
        ("tool_calls.sse", [], "stop"),
        ("unknown_finish_reason.sse", ["Hi."], "unknown"),
    ],
)
async def test_an_awkward_stream_is_read_whole(stream: str, pieces: list[str], reason: str) -> None:
    """By the generation and by the callbacks alike."""
    told, _ = await told_by(recorded(stream))
    assert told.error is None
    assert told.generation.pieces == pieces
    assert told.heard.text == "".join(pieces)
    assert told.generation.finish_reason == reason


@pytest.mark.parametrize(
    ("stream", "text_kept", "kind"),
    [
        ("cut.sse", "Half an answer", Disconnected),
        ("malformed.sse", "Half an", Malformed),
        ("wrong_shape.sse", "Half an", Malformed),
        ("error_part.sse", "Half an", Overloaded),
        ("html.sse", "", Malformed),
        ("empty.sse", "", Malformed),
    ],
)
async def test_a_broken_stream_is_an_error_that_keeps_the_text(
    stream: str, text_kept: str, kind: type[ProviderError]
) -> None:
    """Never an answer that looks finished; never with the service's own words."""
    told, _ = await told_by(recorded(stream))
    assert type(told.error) is kind
    assert told.generation.text == told.heard.text == text_kept
    assert "sk-secret" not in str(told.error)


@pytest.mark.parametrize(
    ("stream", "tokens"),
    [
        ("reasoning.sse", [("Two and", "reasoning"), (" two.", "reasoning"), ("It is", "text"),
                           (" 4.", "text")]),
        ("reasoning_openrouter.sse", [("Hm", "reasoning"), ("Yes.", "text")]),
        ("content_blocks.sse", [("Hm.", "reasoning"), ("Par", "text"), ("is.", "text")]),
        ("refusal.sse", [("I'm sorry", "refusal"), (", I can't", "refusal"),
                         (" help.", "refusal")]),
        ("tool_calls.sse", [("weather", "tool"), ('{"city":', "tool"), ('"Oslo"}', "tool")]),
    ],
)  # fmt: skip
async def test_what_langchain_would_drop_reaches_the_callbacks(
    stream: str, tokens: list[tuple[str, TokenKind]]
) -> None:
    """Reasoning, refusals and tool calls, each as its own kind."""
    told, _ = await told_by(recorded(stream))
    assert told.heard.tokens == tokens


@pytest.mark.parametrize(
    ("stream", "reason"), [("responses.sse", "stop"), ("responses_incomplete.sse", "length")]
)
async def test_models_of_the_responses_api_are_read_too(stream: str, reason: str) -> None:
    """Some models of OpenAI's speak nothing else; their tokens are lists of blocks."""
    told, server = await told_by(recorded(stream), model="gpt-5-pro", api="responses")
    assert server.exchanges[0].path == "/v1/responses"
    assert told.heard.tokens == [("Easy.", "reasoning"), ("Par", "text"), ("is.", "text")]
    assert told.generation.pieces == ["Par", "is."]
    assert told.generation.finish_reason == reason
    assert told.generation.usage == Usage(9, 4)


async def test_bytes_may_be_split_anywhere() -> None:
    """In an emoji, in a name, in a line end."""
    body = b"".join([*text("a😀b", "é"), *finish()]).replace(rb"\ud83d\ude00", "😀".encode())
    told, _ = await told_by(Answer(spaced([bytes([byte]) for byte in body], 0)))
    assert told.generation.pieces == ["a😀b", "é"]
    assert told.heard.text == "a😀bé"


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, None, BadRequest),
        (400, "content_filter", Filtered),
        (400, "context_length_exceeded", TooLong),
        (401, "invalid_api_key", AuthFailed),
        (403, None, AuthFailed),
        (404, "model_not_found", BadRequest),
        (422, None, BadRequest),
        (429, "rate_limit_exceeded", Overloaded),
        (429, "insufficient_quota", AuthFailed),
        (500, None, Overloaded),
        (502, None, Disconnected),
        (503, None, Overloaded),
    ],
)
async def test_a_refused_request_is_named_for_what_it_is(
    status: int, code: str | None, kind: type[ProviderError]
) -> None:
    """With the cause kept, and no key and none of the service's prose in the message."""
    told, _ = await told_by(failure(status, code))
    assert type(told.error) is kind
    assert told.error.__cause__ is not None
    assert "sk-secret" not in str(told.error)
    assert told.heard.events == ["start", "error"]


async def test_an_overloaded_service_says_how_long_to_wait() -> None:
    """In seconds, from its header."""
    told, _ = await told_by(failure(429, "rate_limit_exceeded", retry_after="7"))
    assert isinstance(told.error, Overloaded)
    assert told.error.retry_after == 7


async def test_the_client_tries_nothing_again_by_itself() -> None:
    """Or its tries and those of `providers.failover` would multiply."""
    again = failure(503, None, retry_after_ms="1", x_should_retry="true")
    told, server = await told_by(again, Answer([*text("Hi."), *finish()]))
    assert isinstance(told.error, Overloaded)
    assert len(server.exchanges) == 1

    _, server = await told_by(recorded("malformed.sse"))
    assert len(server.exchanges) == 1


async def test_nobody_there_is_disconnected() -> None:
    """The address is wrong, or the server is down."""
    async with OpenAIServer(Answer()) as server:
        url = server.url
    provider = compatible_provider("any", base_url=url, stall_seconds=10)
    told = await ask(provider)
    await provider.aclose()
    assert isinstance(told.error, Disconnected)


async def test_openai_is_asked_for_a_stream_with_usage_and_a_limit() -> None:
    """Under the names that OpenAI's newer models insist on."""
    async with OpenAIServer(recorded("length.sse")) as server:
        provider = openai_provider("gpt-4o-mini", api_key="sk-x", base_url=server.url)
        await _limited(provider)
    exchange = server.exchanges[0]
    assert exchange.path == "/v1/chat/completions"
    assert exchange.headers["authorization"] == "Bearer sk-x"
    assert exchange.body == {
        "model": "gpt-4o-mini",
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_completion_tokens": 7,
        "messages": [{"role": "user", "content": "Hello?"}],
    }


async def test_a_compatible_server_is_asked_for_nothing_unusual() -> None:
    """Some of them refuse what they don't know."""
    async with OpenAIServer(recorded("length.sse")) as server:
        await _limited(compatible_provider("any", base_url=server.url))
    assert server.exchanges[0].body == {
        "model": "any",
        "stream": True,
        "max_tokens": 7,
        "messages": [{"role": "user", "content": "Hello?"}],
    }


async def _limited(provider: Provider) -> None:
    request = Request((Turn("user", "Hello?"),), max_tokens=7)
    await provider.generate(request, run_id=uuid4(), callbacks=[], generation=Generation())
    await provider.aclose()


async def test_chunks_of_another_shape_harm_nothing() -> None:
    """No choices, null choices, a role of another's, fields that nobody knows."""
    acts = [
        event({"id": "1"}),
        event({"choices": None}),
        event({"choices": []}),
        chunk({"role": "user", "content": "Hi"}, surprise=[1]),
        chunk({"role": "", "content": "."}),
        *finish(),
    ]
    told, _ = await told_by(Answer(acts))
    assert told.error is None
    assert told.generation.text == told.heard.text == "Hi."


async def test_closing_one_provider_leaves_the_others_open() -> None:
    """LangChain would share one connection pool between them."""
    async with OpenAIServer(recorded("length.sse")) as server:
        first = openai_provider("gpt-4o-mini", api_key="sk-x", base_url=server.url)
        second = openai_provider("gpt-4o-mini", api_key="sk-x", base_url=server.url)
        await ask(first)
        await first.aclose()
        told = await ask(second)
        await second.aclose()
    assert told.generation.text == "Once upon"


async def test_a_server_on_this_machine_is_asked_past_the_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Many networks set one for everything."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    told, _ = await told_by(recorded("length.sse"))
    assert told.generation.text == "Once upon"
