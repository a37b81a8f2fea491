"""Each link of the chain, broken on purpose: the probe names it, and the bot does not start."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from bot.app.loopback import RECORDED, Known, Recording
from bot.app.selftest import ChainBroken, _rehearsed, check_chain, looped, rehearsed
from bot.callbacks import DeliveryHandler, RecordingHandler
from bot.settings import Settings
from bot.store import Store, memory_store
from bot.store.token_log import TokenLog
from connectors.base import AnswerText, Limits, Part
from connectors.memory import MemoryConnector
from providers.base import AuthFailed
from providers.decoding import Decoder
from providers.failover import ChainProvider
from providers.registry import PROVIDERS, SERVICES
from providers.relay import Relay
from providers.scripted import Fail, ScriptedProvider

SETTINGS = Settings(_env_file=None, model="local:x")
Break = Callable[[pytest.MonkeyPatch], None]


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    """A store in memory."""
    store = memory_store()
    yield store
    await store.aclose()


def losing(kind: type, method: str, *, at_most: int = 1_000) -> Break:
    """A method that does nothing with every third token that it is called with."""
    original: Any = getattr(kind, method)
    calls = 0

    def lost() -> bool:
        nonlocal calls
        calls += 1
        return calls % 3 == 0 and calls <= 3 * at_most

    async def waiting(*given: Any, **more: Any) -> Any:
        return None if lost() else await original(*given, **more)

    def plain(*given: Any, **more: Any) -> Any:
        return None if lost() else original(*given, **more)

    replaced = plain if kind is TokenLog else waiting
    return lambda patch: patch.setattr(kind, method, replaced)


def cutting(patch: pytest.MonkeyPatch) -> None:
    """A platform that shows the beginning only."""
    for call in ("post", "edit"):
        original: Any = getattr(MemoryConnector, call)

        async def shortened(
            self: Any, where: Any, part: Part, *key: str, original: Any = original
        ) -> Any:
            less = Part(
                part.run_id, part.index, AnswerText(part.text[:9]), part.controls, last=part.last
            )
            return await original(self, where, less, *key)

        patch.setattr(MemoryConnector, call, shortened)


BREAKS: dict[str, Break] = {
    "provider": losing(Relay, "tokens"),
    "recording": losing(RecordingHandler, "on_llm_new_token"),
    "log": losing(TokenLog, "add"),
    "delivery": losing(DeliveryHandler, "on_llm_new_token"),
    "connector": cutting,
}


@pytest.mark.parametrize("link", BREAKS)
async def test_the_link_that_loses_a_token_is_named(
    link: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one, in the order of a token's way."""
    BREAKS[link](monkeypatch)
    loss = await looped(SETTINGS, store, MemoryConnector())
    assert loss is not None
    assert loss.link == link, loss


async def test_the_first_of_two_broken_links_is_named(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes after it may only look broken."""
    BREAKS["log"](monkeypatch)
    BREAKS["connector"](monkeypatch)
    loss = await looped(SETTINGS, store, MemoryConnector())
    assert loss is not None
    assert loss.link == "log"


@pytest.mark.parametrize(
    "limits",
    [
        Limits(4000),
        Limits(40, "utf16"),
        Limits(4000, receipts=True),
        Limits(4000, keeps_source=False),
    ],
)
async def test_a_whole_chain_has_nothing_to_tell_and_leaves_nothing_behind(
    limits: Limits, store: Store
) -> None:
    """Whatever the platform's messages hold, and readers see of a model's thoughts."""
    for reasoning in ("hidden", "summary", "shown"):
        settings = SETTINGS.model_copy(update={"reasoning": reasoning})
        assert await looped(settings, store, MemoryConnector(limits=limits)) is None
    assert await store.runs.recent(10) == []


async def test_a_loss_that_does_not_come_again_is_none(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A busy machine may be late once."""
    losing(DeliveryHandler, "on_llm_new_token", at_most=1)(monkeypatch)
    assert await looped(SETTINGS, store, MemoryConnector()) is None


# At start.


def checked(choice: str) -> Settings:
    """The settings with this START_CHECK."""
    return SETTINGS.model_copy(update={"start_check": choice})


async def test_a_broken_link_keeps_the_bot_from_starting(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In words that name the link and the way round."""
    BREAKS["delivery"](monkeypatch)
    model = ScriptedProvider(["OK"])
    for choice in ("chain", "model"):
        with pytest.raises(ChainBroken, match=r"memory get lost, at delivery: .*\n.*START_CHECK"):
            await check_chain(checked(choice), store, [MemoryConnector()], model)
    await check_chain(checked("off"), store, [MemoryConnector()], model)


@pytest.mark.real_time
async def test_the_model_is_asked_where_the_operator_wants_that(store: Store) -> None:
    """Each start costs a call then."""
    model = ScriptedProvider(["OK"])
    await check_chain(checked("chain"), store, [MemoryConnector()], model)
    assert model.requests == []
    await check_chain(checked("model"), store, [MemoryConnector()], model)
    assert len(model.requests) == 1


@pytest.mark.real_time
async def test_a_model_that_does_not_answer_keeps_the_bot_from_starting(store: Store) -> None:
    """What can be tried again was tried again by then."""
    model = ChainProvider([ScriptedProvider([Fail(AuthFailed("refused the key"))])])
    with pytest.raises(ChainBroken, match="local:x does not answer: AuthFailed: refused the key"):
        await check_chain(checked("model"), store, [], model)


CHOSEN: dict[str, dict[str, Any]] = {
    "local:x": {},
    "openai:gpt-4o": {},
    "openai:o3-pro": {"openai_api": "responses"},
    "azure:dep": {"azure_openai_endpoint": "https://x.example"},
    "azure:new": {"openai_api_version": "v1"},
    "compatible:m": {},
    "anthropic:claude-sonnet-5-5": {},
    "google:gemini-2.5-flash": {},
    **{f"{service}:any": {} for service in SERVICES},
}


@pytest.mark.real_time
@pytest.mark.parametrize("reader", ["lean", "langchain"])
@pytest.mark.parametrize("model", CHOSEN)
async def test_the_chosen_reader_reads_the_chosen_services_stream(
    model: str, reader: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over loopback, with every token; one that loses some is named, and nothing is left behind."""
    told = {"model": model, "stream_reader": reader, **CHOSEN[model]}
    settings = SETTINGS.model_copy(update=told)
    assert await rehearsed(settings, store) is None
    assert await store.runs.recent(10) == []
    losing(Relay, "token")(monkeypatch)
    loss = await rehearsed(settings, store)
    assert loss is not None
    assert loss.link == "provider"


def test_every_service_has_a_recorded_stream_with_an_answer_in_it() -> None:
    """Of a class of somebody else's nobody knows what its service sends."""
    assert set(RECORDED) | {"langchain"} == set(PROVIDERS) | set(SERVICES)
    for service in RECORDED:
        recording = Recording(service)
        body = recording.stream("/v1/chat/completions")
        assert recording.text
        assert not body.startswith(b"HTTP/")


@pytest.mark.real_time
@pytest.mark.parametrize("reader", ["lean", "langchain"])
async def test_what_only_the_service_itself_sends_is_played_too(
    reader: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mistral's content comes in blocks, which no stream of ours has."""
    name = "delta" if reader == "lean" else "message"
    read = getattr(Decoder, name)

    def without_blocks(self: Decoder, told: Any) -> Any:
        content = told.get("content") if isinstance(told, dict) else told.content
        return [] if isinstance(content, list) else read(self, told)

    settings = SETTINGS.model_copy(update={"model": "mistral:m", "stream_reader": reader})
    assert await rehearsed(settings, store) is None
    monkeypatch.setattr(Decoder, name, without_blocks)
    assert await _rehearsed(settings, store, Known([("text", "All "), ("text", "there")])) is None
    loss = await rehearsed(settings, store)
    assert loss is not None
    assert loss.link == "provider"


@pytest.mark.real_time
@pytest.mark.parametrize("reader", ["lean", "langchain"])
async def test_a_reader_that_loses_tokens_keeps_the_bot_from_starting(
    reader: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scripted model alone would not find it."""
    name = "delta" if reader == "lean" else "message"
    read = getattr(Decoder, name)

    def without_bold(self: Decoder, told: Any) -> Any:
        return [] if "**" in str(told) else read(self, told)

    monkeypatch.setattr(Decoder, name, without_bold)
    settings = checked("chain").model_copy(update={"stream_reader": reader})
    with pytest.raises(
        ChainBroken, match="Tokens read as local:x sends them get lost, at provider"
    ):
        await check_chain(settings, store, [MemoryConnector()], ScriptedProvider(["OK"]))
