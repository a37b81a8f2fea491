"""Azure OpenAI, over real sockets on loopback."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any
from uuid import uuid4

import pytest

from providers.base import Filtered, Generation, Provider, Request, Turn, Usage
from tests.contract.provider import LONG_STALL, ProviderContract, Stage, WireStep, ask
from tests.doubles.openai import Answer, OpenAIServer, failure, recorded
from tests.doubles.providers.ways import WAYS, Way, built
from tests.doubles.providers.ways import at as at_way
from tests.doubles.providers.wire import served

pytestmark = [pytest.mark.real_time, pytest.mark.sockets]


def azure_provider(*arguments: Any, **options: Any) -> Provider:
    """Imported when it is used: its SDK takes seconds, which collecting need not."""
    from providers.azure import azure_provider as made

    return made(*arguments, **options)


def at(server: OpenAIServer, stall_seconds: float = LONG_STALL) -> Provider:
    """A deployment at the server."""
    return azure_provider(
        "my-deployment", endpoint=server.root, secret="azure-key", stall_seconds=stall_seconds
    )


class TestContract(ProviderContract):
    """The contract."""

    def opened(
        self, *script: WireStep, stall_seconds: float = LONG_STALL
    ) -> AbstractAsyncContextManager[Stage]:
        return served(script, lambda server: at(server, stall_seconds))


@pytest.mark.parametrize(
    ("stream", "pieces", "reason"),
    [
        ("azure.sse", ["Par", "is", "."], "stop"),
        ("azure_async_filter.sse", ["Par", "is", "."], "stop"),
        ("azure_filtered.sse", ["How to"], "filter"),
    ],
)
async def test_azures_own_chunks_are_survived(stream: str, pieces: list[str], reason: str) -> None:
    """Results of the prompt's filter first, annotations without a delta, a filtered end."""
    async with OpenAIServer(recorded(stream)) as server:
        provider = at(server)
        told = await ask(provider)
        await provider.aclose()
    assert told.error is None
    assert told.generation.pieces == pieces
    assert told.heard.text == "".join(pieces)
    assert told.generation.finish_reason == reason
    assert told.generation.model == "gpt-4o-2024-11-20"


async def test_a_filtered_question_is_filtered() -> None:
    """Azure says so with a 400."""
    async with OpenAIServer(failure(400, "content_filter")) as server:
        provider = at(server)
        told = await ask(provider)
        await provider.aclose()
    assert isinstance(told.error, Filtered)


async def test_the_deployment_is_asked_with_its_key_and_version() -> None:
    """And for the usage, which Azure only counts when it is asked to."""
    async with OpenAIServer(recorded("azure.sse")) as server:
        provider = at(server)
        request = Request((Turn("user", "Hello?"),), max_tokens=7)
        generation = Generation()
        await provider.generate(request, run_id=uuid4(), callbacks=[], generation=generation)
        await provider.aclose()
    exchange = server.exchanges[0]
    path = "/openai/deployments/my-deployment/chat/completions?api-version=2024-10-21"
    assert exchange.path == path
    assert exchange.headers["api-key"] == "azure-key"
    assert exchange.body["stream_options"] == {"include_usage": True}
    assert exchange.body["max_completion_tokens"] == 7
    assert "max_tokens" not in exchange.body
    assert generation.usage == Usage(9, 3)


async def test_other_credentials_in_the_environment_change_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the operator's settings say is what is used."""
    monkeypatch.setenv("AZURE_OPENAI_AD_TOKEN", "other")
    monkeypatch.setenv("OPENAI_API_BASE", "http://127.0.0.1:1/v1")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    async with OpenAIServer(Answer(recorded("azure.sse").acts)) as server:
        provider = at(server)
        told = await ask(provider)
        await provider.aclose()
    assert told.error is None
    assert server.exchanges[0].headers["api-key"] == "azure-key"


def newer(server: OpenAIServer, way: Way, **options: Any) -> Provider:
    """A deployment at the server's newer endpoint."""
    return at_way(server, way, "azure", model="my-deployment", api_version="v1", **options)


@pytest.mark.parametrize("way", WAYS)
async def test_the_newer_endpoint_has_no_version_and_names_the_deployment_as_model(
    way: Way,
) -> None:
    """`https://<resource>.openai.azure.com/openai/v1/`; the key is shown as a token."""
    async with OpenAIServer(recorded("azure.sse")) as server:
        provider = newer(server, way)
        told = await ask(provider)
        await provider.aclose()
    exchange = server.exchanges[0]
    assert told.generation.text == "Paris."
    assert exchange.path == "/openai/v1/chat/completions"
    assert exchange.headers["authorization"] == "Bearer azure-key"
    assert exchange.body["model"] == "my-deployment"
    assert exchange.body["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize("way", WAYS)
async def test_the_newer_endpoint_speaks_responses_where_that_is_asked_for(way: Way) -> None:
    """A deployment's name doesn't tell what its model knows."""
    async with OpenAIServer(recorded("responses.sse")) as server:
        provider = newer(server, way, api="responses")
        told = await ask(provider)
        await provider.aclose()
    assert told.error is None
    assert server.exchanges[0].path == "/openai/v1/responses"
    assert server.exchanges[0].body["model"] == "my-deployment"


@pytest.mark.parametrize("version", ["2024-10-21", "v1"])
@pytest.mark.parametrize("way", WAYS)
async def test_a_token_of_entra_id_is_asked_for_anew_and_shown(way: Way, version: str) -> None:
    """Each request asks for one: it lives for an hour. What gives them is closed with the model."""
    given = iter(["first", "second"])
    closed: list[str] = []

    async def token() -> str:
        return next(given)

    async def close() -> None:
        closed.append("closed")

    async with OpenAIServer(recorded("azure.sse")) as server:
        provider = built(
            way,
            "azure",
            server.root,
            secret=token,
            close=close,
            api_version=version,
        )
        for _ in range(2):
            assert (await ask(provider)).error is None
        await provider.aclose()
    shown = [exchange.headers["authorization"] for exchange in server.exchanges]
    assert shown == ["Bearer first", "Bearer second"]
    assert not any("api-key" in exchange.headers for exchange in server.exchanges)
    assert closed == ["closed"]


async def test_a_deployments_room_is_known_once_it_has_said_which_model_it_is() -> None:
    """Its own name may be anything."""
    async with OpenAIServer(recorded("azure.sse")) as server:
        provider = at(server)
        assert provider.room == 8192
        await ask(provider)
        await provider.aclose()
    assert provider.room == 128_000
