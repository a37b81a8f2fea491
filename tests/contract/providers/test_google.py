"""Gemini's API through LangChain, over real sockets on loopback."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any
from uuid import uuid4

import pytest

from providers.base import (
    AuthFailed,
    BadRequest,
    Disconnected,
    Filtered,
    Generation,
    Image,
    Malformed,
    Overloaded,
    Provider,
    ProviderError,
    Request,
    TooLong,
    Turn,
    Usage,
)
from tests.contract.provider import LONG_STALL, ProviderContract, Stage, Told, WireStep, ask
from tests.doubles.google import MODEL, chunk, event, failure, finish, texts, thought, told
from tests.doubles.openai import Act, Answer, Drop, OpenAIServer, Wait
from tests.doubles.providers.wire import GoogleTongue, served

pytestmark = [pytest.mark.real_time, pytest.mark.sockets]


def google_provider(*arguments: Any, **options: Any) -> Provider:
    """Imported when it is used: its SDK takes seconds, which collecting need not."""
    from providers.google import google_provider as made

    return made(*arguments, **options)


def at(server: OpenAIServer, stall_seconds: float = LONG_STALL) -> Provider:
    """A model at the server, asked once only."""
    return google_provider(
        "gemini-2.5-flash",
        api_key="sk-secret",
        base_url=server.root,
        options={"max_retries": 1},
        stall_seconds=stall_seconds,
    )


async def streamed(*acts: Act) -> Told:
    """What is heard of a stream."""
    return await answered(Answer(acts))


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
        return served(script, lambda server: at(server, stall_seconds), GoogleTongue())

    @pytest.mark.skip(reason="Gemini's API has no refusals but the finish reason")
    async def test_a_refusal_is_an_answer(self) -> None:
        """See `test_an_answer_that_is_blocked_ends_as_filtered`."""


async def test_thoughts_and_text_are_told_apart() -> None:
    """They come where MODEL_OPTIONS asks for them."""
    heard = await streamed(thought("Hm."), *texts("Four", "."), *finish())
    assert heard.error is None
    assert heard.heard.tokens == [("Hm.", "reasoning"), ("Four", "text"), (".", "text")]
    assert heard.generation.text == "Four."
    assert heard.generation.model == MODEL


async def test_a_tool_call_is_kept_as_such_and_is_no_text() -> None:
    """The bot offers none; it comes all the same."""
    call = {"functionCall": {"name": "weather", "args": {"city": "Rome"}}}
    heard = await streamed(*texts("Wait."), chunk([call]), *finish())
    assert heard.generation.text == "Wait."
    assert heard.heard.tokens[1:] == [("weather", "tool"), ('{"city": "Rome"}', "tool")]


@pytest.mark.parametrize(
    "word", ["SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"]
)
async def test_an_answer_that_is_blocked_ends_as_filtered(word: str) -> None:
    """What was said until then stands."""
    heard = await streamed(*texts("How to"), *finish(word))
    assert heard.error is None
    assert heard.generation.finish_reason == "filter"
    assert heard.generation.text == "How to"


async def test_a_question_that_is_blocked_is_filtered() -> None:
    """Gemini says so with status 200 and no candidates."""
    heard = await streamed(event({"promptFeedback": {"blockReason": "SAFETY"}}))
    assert isinstance(heard.error, Filtered)


async def test_the_token_limit_is_a_limit() -> None:
    """And no error."""
    heard = await streamed(*texts("So"), *finish("MAX_TOKENS"))
    assert heard.generation.finish_reason == "length"


async def test_text_in_the_finishing_chunk_is_kept() -> None:
    """A short answer comes in one chunk."""
    heard = await streamed(chunk([{"text": "Four."}], "STOP"))
    assert heard.generation.text == heard.heard.text == "Four."


async def test_usage_is_the_whole_of_it() -> None:
    """Gemini says what it is so far in each chunk; LangChain makes shares of it."""
    heard = await streamed(*texts("So", " it", " is"), *finish(output_tokens=4))
    assert heard.generation.usage == Usage(9, 4)


@pytest.mark.parametrize(
    ("status", "word", "kind"),
    [
        (503, "UNAVAILABLE", Overloaded),
        (429, "RESOURCE_EXHAUSTED", Overloaded),
        (500, "INTERNAL", Overloaded),
        (403, "PERMISSION_DENIED", AuthFailed),
    ],
)
async def test_an_error_in_mid_stream_is_told_by_its_code(
    status: int, word: str, kind: type[ProviderError]
) -> None:
    """The stream itself has status 200. What was said stands."""
    part = event(told(status, word, "about sk-secret"))
    heard = await streamed(*texts("Half an"), part)
    assert type(heard.error) is kind
    assert heard.generation.text == heard.heard.text == "Half an"
    assert "sk-secret" not in str(heard.error)


async def test_a_stream_that_just_ends_is_cut() -> None:
    """Without a finish reason an answer is not whole."""
    heard = await streamed(*texts("Half an"))
    assert isinstance(heard.error, Disconnected)


async def test_a_broken_connection_is_disconnected() -> None:
    """What was read stands."""
    heard = await streamed(*texts("Half an"), Wait(0.02), Drop())
    assert isinstance(heard.error, Disconnected)
    assert heard.generation.text == "Half an"


BAD_KEY = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
LATER = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"}


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (failure(400, "INVALID_ARGUMENT", BAD_KEY), AuthFailed),
        (failure(400, "INVALID_ARGUMENT"), BadRequest),
        (failure(403, "PERMISSION_DENIED"), AuthFailed),
        (failure(404, "NOT_FOUND"), BadRequest),
        (failure(429, "RESOURCE_EXHAUSTED", LATER), Overloaded),
        (failure(500, "INTERNAL"), Overloaded),
        (failure(503, "UNAVAILABLE"), Overloaded),
        (failure(504, "DEADLINE_EXCEEDED"), Disconnected),
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
    message = "The input token count (9999999) exceeds the maximum number of tokens allowed (50000)"
    async with OpenAIServer(failure(400, "INVALID_ARGUMENT", message=message)) as server:
        provider = at(server)
        heard = await ask(provider)
        await provider.aclose()
    assert isinstance(heard.error, TooLong)
    assert provider.room == heard.error.room == 50_000


async def test_the_model_is_asked_as_the_service_wants_it() -> None:
    """System apart, pictures as base64, the limit, the key in its own header."""
    async with OpenAIServer(Answer([*texts("Hi."), *finish()])) as server:
        provider = at(server)
        turns = (Turn("system", "s"), Turn("user", "u", (Image("image/png", "aGk="),)))
        request = Request(turns, max_tokens=7)
        await provider.generate(request, run_id=uuid4(), callbacks=[], generation=Generation())
        await provider.aclose()
    exchange = server.exchanges[0]
    assert exchange.path == "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
    assert exchange.headers["x-goog-api-key"] == "sk-secret"
    assert exchange.body["systemInstruction"]["parts"] == [{"text": "s"}]
    assert exchange.body["generationConfig"]["maxOutputTokens"] == 7
    picture = {"mime_type": "image/png", "data": "aGk="}
    parts = exchange.body["contents"][0]["parts"]
    assert [part.get("text") or part.get("inlineData") for part in parts] == ["u", picture]


async def test_thoughts_may_be_asked_for() -> None:
    """MODEL_OPTIONS are the keyword arguments of LangChain's class."""
    async with OpenAIServer(Answer([*texts("Hi."), *finish()])) as server:
        provider = google_provider(
            "gemini-2.5-flash",
            api_key="k",
            base_url=server.root,
            options={"include_thoughts": True},
        )
        await ask(provider)
        await provider.aclose()
    config = server.exchanges[0].body["generationConfig"]
    assert config["thinkingConfig"] == {"include_thoughts": True}


def test_what_the_model_takes_is_known() -> None:
    """From the lists of models."""
    known = google_provider("gemini-2.5-flash", api_key="k")
    assert known.room > 1_000_000
    assert known.sees
