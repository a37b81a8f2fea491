"""A service with `/images/generations`: what it is sent, and what its answers are."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from providers.base import MadeFile, ProviderError, Usage
from providers.images import ImageService
from tests.doubles.painter import PNG

PNG_IN_BASE64 = base64.b64encode(PNG).decode()
MADE = {"created": 1_700_000_000, "data": [{"b64_json": PNG_IN_BASE64}]}
TOOK = {"input_tokens": 50, "output_tokens": 4_000, "total_tokens": 4_050}


class Service:
    """As strict as the strictest: the models of the GPT family take no `response_format`."""

    def __init__(self, status: int, body: str) -> None:
        self.status, self.body = status, body
        self.asked: list[dict[str, Any]] = []

    async def answer(self, request: web.Request) -> web.Response:
        """One request."""
        assert request.headers["Authorization"] == "Bearer sk-1"
        asked = await request.json()
        self.asked.append(asked)
        known = {"model", "prompt", "n"} | (
            {"response_format"} if asked["model"].startswith("dall-e") else set()
        )
        assert set(asked) <= known
        return web.Response(text=self.body, status=self.status, content_type="application/json")


@asynccontextmanager
async def a_service(
    told: Any, status: int = 200, model: str = "gpt-image-1"
) -> AsyncIterator[tuple[ImageService, Service]]:
    """A service that answers so."""
    service = Service(status, told if isinstance(told, str) else json.dumps(told))
    app = web.Application()
    app.router.add_post("/v1/images/generations", service.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    try:
        yield ImageService(f"http://{host}:{port}/v1", "sk-1", model), service
    finally:
        await runner.cleanup()


async def test_a_prompt_is_sent_and_the_image_comes_back_with_what_it_took() -> None:
    told = MADE | {"usage": TOOK, "output_format": "webp"}
    async with a_service(told) as (images, service):
        made = await images.make("a fox")
    assert made == (MadeFile("image/webp", PNG_IN_BASE64), Usage(50, 4_000))
    assert service.asked == [{"model": "gpt-image-1", "prompt": "a fox", "n": 1}]


async def test_an_older_model_is_asked_for_the_image_itself() -> None:
    async with a_service(MADE, model="dall-e-3") as (images, service):
        assert await images.make("a fox") == (MadeFile("image/png", PNG_IN_BASE64), None)
    assert service.asked[0]["response_format"] == "b64_json"


@pytest.mark.parametrize("usage", [None, [], {"input_tokens": 1}, {**TOOK, "output_tokens": True}])
async def test_what_is_no_usage_counts_as_unknown(usage: Any) -> None:
    async with a_service(MADE | {"usage": usage}) as (images, _):
        assert (await images.make("a fox"))[1] is None


@pytest.mark.parametrize(
    "told",
    [
        "", "no JSON", "[]", "null", {}, {"data": []}, {"data": [{}]},
        {"data": [{"b64_json": "*"}]},
        {"data": [{"url": "http://169.254.169.254/image.png"}]}, {"data": [{"b64_json": None}]},
    ],
)  # fmt: skip
async def test_an_answer_without_an_image_is_unreadable_and_no_address_is_fetched(
    told: Any,
) -> None:
    async with a_service(told) as (images, service):
        with pytest.raises(ProviderError) as caught:
            await images.make("a fox")
    assert caught.value.cause == "unreadable"
    assert len(service.asked) == 1


async def test_a_refusal_is_one_of_the_known_causes_with_the_service_s_words() -> None:
    error = {"code": "moderation_blocked", "message": "Your request was rejected."}
    async with a_service({"error": error}, status=400) as (images, _):
        with pytest.raises(ProviderError) as caught:
            await images.make("a fox")
    assert "Your request was rejected." in caught.value.said
