"""The lean way keeps the contract, asks what LangChain asks, and needs none of its models."""

from __future__ import annotations

import asyncio
import re
from contextlib import AbstractAsyncContextManager, suppress
from importlib import import_module
from pathlib import Path
from uuid import uuid4

import pytest

from providers import openai_stream
from providers.base import (
    Disconnected,
    Generation,
    Image,
    Overloaded,
    Provider,
    ProviderError,
    Request,
    Turn,
)
from providers.openai_stream.services import sees_images
from tests.contract.provider import (
    LONG_STALL,
    ProviderContract,
    Stage,
    WireStep,
    ask,
)
from tests.doubles.openai import Answer, Exchange, OpenAIServer, failure, finish, recorded, text
from tests.doubles.providers.streams import CUTS
from tests.doubles.providers.tls import untrusted_server
from tests.doubles.providers.ways import WAYS, Adapter, Way, at, built
from tests.doubles.providers.wire import served

pytestmark = [pytest.mark.real_time, pytest.mark.sockets]


class TestOpenAIContract(ProviderContract):
    """The contract, `openai:`."""

    def opened(
        self, *script: WireStep, stall_seconds: float = LONG_STALL
    ) -> AbstractAsyncContextManager[Stage]:
        def build(server: OpenAIServer) -> Provider:
            return at(server, "lean", "openai", stall_seconds=stall_seconds)

        return served(script, build)


class TestAzureContract(ProviderContract):
    """The contract, `azure:`."""

    def opened(
        self, *script: WireStep, stall_seconds: float = LONG_STALL
    ) -> AbstractAsyncContextManager[Stage]:
        def build(server: OpenAIServer) -> Provider:
            return at(server, "lean", "azure", stall_seconds=stall_seconds)

        return served(script, build)


class TestCompatibleContract(ProviderContract):
    """The contract, `compatible:`, without a key."""

    def opened(
        self, *script: WireStep, stall_seconds: float = LONG_STALL
    ) -> AbstractAsyncContextManager[Stage]:
        def build(server: OpenAIServer) -> Provider:
            return at(server, "lean", "compatible", stall_seconds=stall_seconds)

        return served(script, build)


PICTURE = Image("image/png", "aGk=")
CONVERSATION = Request(
    (
        Turn("system", "Be brief."),
        Turn("user", "Who?", (PICTURE,)),
        Turn("assistant", "Ada."),
        Turn("user", "Why?"),
    ),
    max_tokens=7,
)


async def _asked(way: Way, adapter: Adapter, model: str, request: Request) -> Exchange:
    async with OpenAIServer(recorded("length.sse")) as server:
        provider = at(server, way, adapter, model=model)
        generation = Generation()
        with suppress(ProviderError):  # the answer may be of another protocol
            await provider.generate(request, run_id=uuid4(), callbacks=[], generation=generation)
        await provider.aclose()
    return server.exchanges[0]


@pytest.mark.parametrize("request_", [CONVERSATION, Request(CONVERSATION.turns)])
@pytest.mark.parametrize(
    ("adapter", "model"),
    [
        ("openai", "gpt-4o-mini"),
        ("openai", "o3-mini"),
        ("openai", "o3"),
        ("openai", "gpt-5-pro"),
        ("openai", "gpt-5.3-codex"),
        ("azure", "my-deployment"),
        ("azure", "o3-mini"),
        ("compatible", "any"),
        ("compatible", "o3-mini"),
    ],
)
async def test_both_ways_ask_the_same(adapter: Adapter, model: str, request_: Request) -> None:
    """Path, key and body: a service can't tell one from the other by what it is asked."""
    one, other = [await _asked(way, adapter, model, request_) for way in WAYS]
    assert one.path == other.path
    assert one.body == other.body
    assert [one.headers.get(name) for name in ("authorization", "api-key")] == [
        other.headers.get(name) for name in ("authorization", "api-key")
    ]


@pytest.mark.parametrize("way", WAYS)
async def test_a_name_that_nobody_knows_is_disconnected(way: Way) -> None:
    """`.invalid` never resolves, wherever this runs."""
    provider = built(way, "openai", "https://nowhere.invalid", stall_seconds=20)
    told = await ask(provider)
    await provider.aclose()
    assert isinstance(told.error, Disconnected)
    assert (told.error.cause, told.error.params) == ("dns_unknown", {"host": "nowhere.invalid"})


@pytest.mark.parametrize("way", WAYS)
async def test_a_certificate_that_nobody_trusts_is_disconnected(way: Way, tmp_path: Path) -> None:
    """The service may be there, but who is it?"""
    async with untrusted_server(tmp_path) as root:
        provider = built(way, "openai", root, stall_seconds=20)
        told = await ask(provider)
        await provider.aclose()
    assert isinstance(told.error, Disconnected)
    assert told.error.cause == "tls_self_signed"


async def test_the_client_tries_nothing_again_by_itself() -> None:
    """Or its tries and those of `providers.failover` would multiply."""
    again = failure(503, None, retry_after_ms="1", x_should_retry="true")
    async with OpenAIServer(again, Answer([*text("Hi."), *finish()])) as server:
        provider = at(server, "lean", "openai")
        told = await ask(provider)
        await provider.aclose()
    assert isinstance(told.error, Overloaded)
    assert len(server.exchanges) == 1


async def test_a_server_on_this_machine_is_asked_past_the_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Many networks set one for everything."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with OpenAIServer(recorded("length.sse")) as server:
        provider = at(server, "lean", "openai")
        told = await ask(provider)
        await provider.aclose()
    assert told.generation.text == "Once upon"


async def test_a_stream_that_is_cancelled_while_it_opens_leaves_nothing_behind() -> None:
    """Neither a task nor a connection: warnings are errors here."""
    async with OpenAIServer(recorded("stall_first.sse", CUTS["whole"])) as server:
        provider = at(server, "lean", "openai")
        asking = asyncio.create_task(ask(provider))
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait([asking])
        assert asking.cancelled()
        await provider.aclose()


def test_sight_is_known_as_langchain_knows_it() -> None:
    """For every model that answers in text, and of which LangChain says anything."""
    profiles = import_module("langchain_openai.data._profiles")._PROFILES
    known = {name: told.get("image_inputs") for name, told in profiles.items()}
    answering = re.compile(r"gpt-\d(?!.*realtime)|o\d")
    told = {
        name: sees for name, sees in known.items() if answering.match(name) and sees is not None
    }
    assert told == {name: sees_images(name) for name in told}
    assert len(told) > 30


@pytest.mark.parametrize(
    ("model", "sees"), [("gpt-4o-mini", True), ("o3-mini", False), ("gpt-3.5-turbo", False)]
)
async def test_whether_a_model_sees_is_known_without_langchain(model: str, sees: bool) -> None:
    """Or said by whoever makes the provider."""
    known = openai_stream.openai_provider(model, api_key="sk-x")
    told = openai_stream.openai_provider(model, api_key="sk-x", sees=not sees)
    assert (known.sees, told.sees) == (sees, not sees)
    await known.aclose()
    await told.aclose()
