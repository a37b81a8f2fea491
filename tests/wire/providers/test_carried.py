"""What comes over a connection, whatever reads it: the table in `transports.py`."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest

from bot.runs.outcomes import cure
from bot.words import happened
from tests.contract.provider import Heard, Told, ask
from tests.doubles.providers.ways import Adapter, Way, built
from tests.unit.providers.table import documented
from tests.wire.providers.raw import PROXY_KEY, TOKENS, RawServer
from tests.wire.providers.transports import BEGIN, CASES, LEFT, WHOLE, Carried, table

pytestmark = pytest.mark.real_time

READERS: tuple[tuple[Way, Adapter], ...] = (
    ("lean", "compatible"),
    ("langchain", "compatible"),
    ("langchain", "anthropic"),
    ("langchain", "google"),
)
_AT_ONCE = 24


@dataclass
class Played:
    """What came of every case, and what the server was asked."""

    told: Mapping[tuple[str, Way, Adapter], Told]
    targets: list[str]
    proxied: list[str]


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Mapping[tuple[str, Way, Adapter], float]:
    """Seconds until the service saw that it was left, for each case of `LEFT`."""
    with pytest.MonkeyPatch.context() as patch:
        return asyncio.run(_leave(tmp_path_factory.mktemp("left"), patch))


async def _leave(
    folder: Path, patch: pytest.MonkeyPatch
) -> Mapping[tuple[str, Way, Adapter], float]:
    loop = asyncio.get_running_loop()
    seconds: dict[tuple[str, Way, Adapter], float] = {}
    async with RawServer(folder) as server:
        _set(server, patch)
        for case, (way, adapter) in product(LEFT, READERS):
            provider = built(way, adapter, server.root(case), model="m", stall_seconds=60)
            heard = Heard(awaiting="".join(TOKENS))
            asking = asyncio.create_task(ask(provider, heard))
            await server.frozen.get()
            if "midway" in case.what:
                await heard.awaited.wait()
            began = loop.time()
            asking.cancel()
            await server.left.get()
            seconds[case.name, way, adapter] = loop.time() - began
            await asyncio.gather(asking, return_exceptions=True)
            await provider.aclose()
    return seconds


def _set(server: RawServer, patch: pytest.MonkeyPatch) -> None:
    """The environment: the server's proxy, and whom it trusts."""
    for name in ("ALL_PROXY", "NO_PROXY", "all_proxy", "no_proxy", "http_proxy", "https_proxy"):
        patch.delenv(name, raising=False)
    patch.setenv("HTTP_PROXY", server.proxy)
    patch.setenv("HTTPS_PROXY", server.proxy)
    patch.setenv("SSL_CERT_FILE", str(server.trusted))


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """All cases at once, of which some wait: together they take as long as the longest."""
    with pytest.MonkeyPatch.context() as patch:
        yield asyncio.run(_play(tmp_path_factory.mktemp("tls"), patch))


async def _play(folder: Path, patch: pytest.MonkeyPatch) -> Played:
    turns = asyncio.Semaphore(_AT_ONCE)
    async with RawServer(folder) as server:
        _set(server, patch)

        async def one(case: Carried, way: Way, adapter: Adapter) -> Told:
            async with turns:
                patch.setattr("providers.clients.CONNECT_SECONDS", case.connect_seconds)
                provider = built(
                    way, adapter, server.root(case), model="m", stall_seconds=case.stall_seconds
                )
                told = await ask(provider)
                await provider.aclose()
                return told

        keys = [(case, *reader) for case in CASES for reader in READERS]
        told = await asyncio.gather(*(one(*key) for key in keys))
        by_name = {
            (case.name, way, adapter): one
            for (case, way, adapter), one in zip(keys, told, strict=True)
        }
        return Played(by_name, server.targets, server.proxied)


@pytest.mark.parametrize(("way", "adapter"), READERS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_comes_is_the_whole_answer_or_one_cause(
    case: Carried, way: Way, adapter: Adapter, played: Played
) -> None:
    """Never a traceback, never a cut answer that looks whole, never longer than its bound."""
    told = played.told[case.name, way, adapter]
    if case.comes == WHOLE:
        assert told.error is None, told.error
        assert told.generation.text == "".join(TOKENS)
        assert told.generation.finish_reason == "stop"
        return
    assert told.error is not None
    assert told.error.cause == case.comes
    assert told.generation.finish_reason is None
    told.error.model = f"{adapter}:m"
    for sentence in (happened(told.error), cure(told.error)):
        assert "{" not in sentence


@pytest.mark.parametrize(("way", "adapter"), READERS)
@pytest.mark.parametrize("case", LEFT, ids=lambda case: case.name)
def test_a_cancelled_run_closes_its_connection_within_a_second(
    case: Carried, way: Way, adapter: Adapter, left: Mapping[tuple[str, Way, Adapter], float]
) -> None:
    """The service is to generate no more, and to charge no more."""
    assert left[case.name, way, adapter] < 1.0


def test_a_key_and_a_question_go_to_no_other_address(played: Played) -> None:
    """A redirect is not what the operator has set."""
    assert not [target for target in played.targets if "other.example" in target]


def test_a_proxy_is_shown_its_password_as_it_is(played: Played) -> None:
    """In an address it is written with percent signs."""
    shown = {base64.b64decode(line.split(" ")[1]).decode() for line in played.proxied}
    assert shown == {PROXY_KEY}


@pytest.mark.parametrize(("way", "adapter"), READERS)
@pytest.mark.parametrize(
    ("kind", "door"),
    [("socks", "proxy"), ("encrypted_proxy", "proxy"), ("encrypted_proxy", "proxy_tls")],
)
async def test_other_kinds_of_proxies_are_gone_over_on_every_way(
    kind: str,
    door: str,
    way: Way,
    adapter: Adapter,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """SOCKS, with its package; and a proxy that is itself spoken to over TLS."""
    case = next(case for case in CASES if case.door == door and case.comes == WHOLE)
    async with RawServer(tmp_path) as server:
        _set(server, monkeypatch)
        for name in ("HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, getattr(server, kind))
        provider = built(way, adapter, server.root(case), model="m")
        told = await ask(provider)
        await provider.aclose()
    assert told.error is None
    assert told.generation.text == "".join(TOKENS)


def test_the_table_of_connections_is_as_the_page_has_it() -> None:
    """If it is not, `python -m tests.wire.providers.transports` writes it anew."""
    assert documented(BEGIN) == table()
