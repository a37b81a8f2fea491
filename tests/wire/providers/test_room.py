"""A model's room: set, known, told, learned from a refusal; or assumed, and then said."""

from __future__ import annotations

import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from providers.base import Provider, TooLong
from providers.context_window import ASSUMED, ContextWindow, room_in
from tests.contract.provider import ask
from tests.doubles.openai import Answer, Freeze, OpenAIServer, recorded
from tests.doubles.providers.ways import WAYS, Way, at

pytestmark = pytest.mark.real_time


def told(body: Any, status: int = 200) -> Answer:
    """An answer in JSON."""
    headers = {"Content-Type": "application/json", "x-should-retry": "false"}
    return Answer([json.dumps(body).encode()], status, headers)


NOTHING = told({"error": {"message": "not found"}}, 404)
UNTOLD = told({"object": "list", "data": [{"id": "m", "object": "model"}]})


def models(**entry: Any) -> Answer:
    """A list of models in which ours stands with what the server says of it."""
    listed = [{"id": "other", "max_model_len": 1000}, {"id": "m", **entry}]
    return told({"object": "list", "data": listed})


PROPS = {"default_generation_settings": {"n_ctx": 4096}, "modalities": {"vision": True}}
RUNNING = {
    "models": [{"name": "other", "context_length": 2}, {"name": "m:latest", "context_length": 4096}]
}
SHOWN = {"capabilities": ["completion", "vision"], "parameters": "stop x\nnum_ctx 16384"}


@pytest.mark.parametrize(
    ("answers", "room", "sees"),
    [
        ([models(max_model_len=32768)], 32768, False),
        ([models(max_input_tokens=128000, max_output_tokens=16384)], 128000, False),
        (
            [models(context_length=131072, architecture={"input_modalities": ["text", "image"]})],
            131072,
            True,
        ),
        ([models(context_window=8000)], 8000, False),
        ([models(max_context_length=64000, capabilities={"vision": True})], 64000, True),
        ([UNTOLD, told(PROPS)], 4096, True),
        ([UNTOLD, NOTHING, told(RUNNING), told(SHOWN)], 4096, True),
        ([UNTOLD, NOTHING, told({"models": []}), told(SHOWN)], 16384, True),
        ([UNTOLD, NOTHING, NOTHING], ASSUMED, False),
        ([NOTHING], ASSUMED, False),
        ([told(["no", {"such": "thing"}])], ASSUMED, False),
        ([Answer([b"<html>"], 200, {"Content-Type": "text/html"})], ASSUMED, False),
    ],
    ids=["vllm", "litellm", "openrouter", "groq", "mistral", "llama.cpp", "ollama",
         "ollama, not loaded",
         "untold", "nothing there", "another shape", "a page"],
)  # fmt: skip
@pytest.mark.parametrize("way", WAYS)
async def test_a_compatible_server_is_asked_for_it_when_the_bot_starts(
    answers: list[Answer], room: int, sees: bool, way: Way
) -> None:
    """Each has its own place for it; one that has none costs a few requests, and nothing else."""
    async with OpenAIServer(about=answers) as server:
        provider = at(server, way, "compatible", model="m")
        await provider.start()
        await provider.aclose()
    assert (provider.room, provider.sees) == (room, sees)
    paths = [exchange.path for exchange in server.asked]
    assert paths == ["/v1/models", "/props", "/api/ps", "/api/show"][: len(paths)]


async def test_a_server_that_is_away_or_silent_delays_the_start_by_little(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The bot starts without it."""
    monkeypatch.setattr("providers.asking.ASK_SECONDS", 0.2)
    async with OpenAIServer(about=[Answer([Freeze()])]) as server:
        provider = at(server, "lean", "compatible", model="m")
        await provider.start()
        assert len(server.asked) == 1
    await provider.start()  # nobody listens there any more
    await provider.aclose()
    assert provider.room == ASSUMED


async def test_what_the_operator_set_stands() -> None:
    """Nobody is asked, and a refusal changes nothing."""
    async with OpenAIServer(recorded("400_too_long.http")) as server:
        provider = at(server, "lean", "compatible", model="m", room=5000, sees=True)
        await provider.start()
        assert not server.asked
        assert isinstance((await ask(provider)).error, TooLong)
        await provider.aclose()
    assert (provider.room, provider.sees) == (5000, True)


@pytest.mark.parametrize(
    ("stream", "room"),
    [
        ("400_too_long_llama_cpp.http", 2048),
        ("400_too_long_vllm.http", 4096),
    ],
)
@pytest.mark.parametrize("way", WAYS)
async def test_it_is_learned_from_a_refusal_that_names_it(stream: str, room: int, way: Way) -> None:
    """The next conversation is cut to fit."""
    async with OpenAIServer(recorded(stream)) as server:
        provider = at(server, way, "compatible", model="m")
        refused = (await ask(provider)).error
        await provider.aclose()
    assert isinstance(refused, TooLong)
    assert provider.room == refused.room == room


@pytest.mark.parametrize(
    ("refusal", "room"),
    [
        ("This model's maximum context length is 8192 tokens. However, your messages resulted in "
         "9000 tokens.", 8192),
        ("This endpoint's maximum context length is 131072 tokens. However, you requested", 131072),
        ("request (5000 tokens) exceeds the available context size (4096 tokens)", 4096),
        ("prompt is too long: 210000 tokens > 200000 maximum", 200000),
        ("The input token count (9) exceeds the maximum number of tokens allowed (1048576).",
         1048576),
        ("Prompt contains 40000 tokens, too large for model with 32768 maximum context length",
         32768),
        ("The conversation is too long.", None),
    ],
)  # fmt: skip
def test_the_room_is_read_from_what_services_say(refusal: str, room: int | None) -> None:
    """Not the length of the conversation, which stands beside it."""
    assert room_in(refusal) == room


def test_what_is_known_says_so_and_what_is_assumed_warns_with_its_cure() -> None:
    """Once, when the bot starts."""
    with capture_logs() as logs:
        ContextWindow("openai:gpt-4o").say()
        ContextWindow("openai:gpt-of-tomorrow").say()
        ContextWindow("compatible:m").say()
        ContextWindow("compatible:deepseek-chat", url="https://api.deepseek.com/v1").say()
        ContextWindow("langchain:a:B", 5000).say()
    said = [(entry["log_level"], entry["tokens"], entry.get("source")) for entry in logs]
    assert said == [
        ("info", 128_000, "known"),
        ("warning", ASSUMED, None),
        ("warning", ASSUMED, None),
        ("info", 64_000, "known"),
        ("info", 5000, "set"),
    ]
    assert "CONTEXT_TOKENS" in logs[1]["cure"]


def test_a_room_that_can_not_be_is_not_believed() -> None:
    """A server that says nonsense must not leave the bot without any."""
    room = ContextWindow("compatible:m")
    room.take(0, "told")
    room.take(17, "told")
    assert (room.tokens, room.source) == (ASSUMED, "assumed")


async def test_a_models_real_name_helps_only_where_nothing_is_known() -> None:
    """What a server told of itself is better than a list."""
    async with OpenAIServer(recorded("openai.sse"), about=[models(max_model_len=32768)]) as server:
        provider: Provider = at(server, "lean", "compatible", model="m")
        await provider.start()
        await ask(provider)
        await provider.aclose()
    assert provider.room == 32768
