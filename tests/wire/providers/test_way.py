"""What fails before anything is sent, and on the way: over real sockets, both ways of reading."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from importlib import util
from pathlib import Path

import pytest

from bot.runs.outcomes import cure
from bot.words import happened
from providers.base import ProviderError
from providers.clients import http_client
from tests.contract.provider import ask
from tests.doubles.commands import dead_port
from tests.doubles.openai import OpenAIServer, recorded
from tests.doubles.providers.tls import Authority
from tests.doubles.providers.ways import WAYS, Way, built

pytestmark = pytest.mark.real_time

Heard = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None] | None]


@asynccontextmanager
async def listening(
    heard: Heard = lambda _reader, writer: writer.close(), tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """A server that does as it is told with each connection; its port."""
    server = await asyncio.start_server(heard, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this machine's own settings."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


async def failed(way: Way, root: str, **options: str) -> ProviderError:
    """How a provider at this address tells of its failure."""
    try:
        provider = built(way, "openai", root, stall_seconds=30, **options)
    except ProviderError as error:
        return error  # what can't work is told when it is made
    told = await ask(provider)
    await provider.aclose()
    assert told.error is not None
    told.error.model = "openai:gpt-4o-mini"
    for sentence in (happened(told.error), cure(told.error)):
        assert "{" not in sentence
    return told.error


NOW = datetime.now(UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("cause", "shown"),
    [
        ("tls_expired", {"until": NOW - DAY}),
        ("tls_not_yet_valid", {"since": NOW + DAY, "until": NOW + 2 * DAY}),
        ("tls_hostname", {"name": "other.example"}),
        ("tls_unknown_ca", {"trusted": False}),
        ("tls_unknown_ca", {"trusted": False, "whole": True}),
    ],
)
async def test_a_certificate_is_told_by_what_is_wrong_with_it(
    cause: str, shown: dict[str, object], way: Way, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenSSL's code says which: the cures have nothing in common."""
    authority, shown = Authority(tmp_path), dict(shown)
    if shown.pop("trusted", True):
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    context = authority.server(**shown)  # type: ignore[arg-type]  # names of its own arguments
    async with listening(tls=context) as port:
        error = await failed(way, f"https://localhost:{port}")
    assert error.cause == cause
    assert error.params["host"] == f"localhost:{port}"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["missing", "folder", "no certificate"])
async def test_trusted_certificates_that_cannot_be_read_are_named(
    kind: str, way: Way, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ca.pem"
    if kind == "folder":
        path.mkdir()
    elif kind == "no certificate":
        path.write_text("nothing of the kind")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    error = await failed(way, "https://nowhere.invalid")
    assert (error.cause, error.params) == ("ca_file", {"path": str(path)})


@pytest.mark.parametrize("way", WAYS)
async def test_a_server_without_tls_is_told_from_one_with_a_bad_certificate(way: Way) -> None:
    def plain(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with listening(plain) as port:
        error = await failed(way, f"https://localhost:{port}")
    assert error.cause == "tls_plain"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("how", ["reset", "closed"])
async def test_a_connection_that_is_cut_while_it_is_encrypted(how: str, way: Way) -> None:
    """As firewalls do that look at the name a client asks for."""

    def cut(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if how == "reset":
            made = writer.get_extra_info("socket")
            made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            writer.transport.abort()
        else:
            writer.close()

    async with listening(cut) as port:
        error = await failed(way, f"https://localhost:{port}")
    assert error.cause == "tls_broken_off"


@pytest.mark.parametrize("way", WAYS)
async def test_a_server_that_agrees_on_no_encryption(way: Way) -> None:
    """It says so itself, by an alert: the handshake failed."""

    def alert(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x15\x03\x03\x00\x02\x02\x28")
        writer.close()

    async with listening(alert) as port:
        error = await failed(way, f"https://localhost:{port}")
    assert error.cause == "tls_refused"


@pytest.mark.parametrize("way", WAYS)
async def test_nobody_listens(way: Way) -> None:
    async with dead_port() as port:
        error = await failed(way, f"http://localhost:{port}")
    assert (error.cause, error.params) == ("nobody_listens", {"host": f"localhost:{port}"})


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("code", "cause"),
    [
        (socket.EAI_NONAME, "dns_unknown"),
        (socket.EAI_NODATA, "dns_unknown"),
        (socket.EAI_AGAIN, "dns_away"),
        (socket.EAI_FAIL, "dns_away"),
    ],
)
async def test_a_name_that_does_not_exist_is_told_from_one_that_cannot_be_looked_up(
    code: int, cause: str, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second passes; a slip of the pen never does."""

    def unknown(*_: object, **__: object) -> object:
        raise socket.gaierror(code, "no")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    error = await failed(way, "https://api.example.com")
    assert (error.cause, error.params) == (cause, {"host": "api.example.com"})


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("key", "character"),
    [
        ("sk-abc…xyz", "U+2026"),
        ("sk-абв", "U+0430"),
        ("“sk-abc”", "U+201C"),
        ("sk-abc\ufeff", "U+FEFF"),
        ("sk-abc\n", "U+000A"),
    ],
)
async def test_a_key_with_impossible_characters_is_never_sent(
    key: str, character: str, way: Way
) -> None:
    async with OpenAIServer(recorded("openai.sse")) as server:
        provider = built(way, "openai", server.root, api_key=key)
        told = await ask(provider)
        await provider.aclose()
    assert told.error is not None
    assert (told.error.cause, told.error.params) == ("key_characters", {"character": character})
    assert not server.exchanges
    assert key.strip() not in f"{told.error}{told.error.said}{cure(told.error)}"


def answering(status: str) -> Heard:
    """A proxy that answers whatever it is asked so."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        await reader.read()
        writer.close()

    return answer


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("status", "cause"),
    [
        ("407 Proxy Authentication Required", "proxy_auth"),
        ("403 Forbidden", "proxy_refused"),
        ("502 Bad Gateway", "proxy_failed"),
        ("503 Service Unavailable", "proxy_failed"),
        ("504 Gateway Timeout", "proxy_failed"),
    ],
)
async def test_a_proxys_no_is_told_from_the_services(
    status: str, cause: str, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with listening(answering(status)) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:hunter22@127.0.0.1:{port}")
        error = await failed(way, "https://api.example.com")
    assert error.cause == cause
    assert error.params["proxy"] == f"127.0.0.1:{port}"
    assert "hunter22" not in f"{error}{error.said}{happened(error)}{cure(error)}"


@pytest.mark.parametrize("way", WAYS)
async def test_a_proxy_wants_a_password_for_plain_http_too(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with listening(answering("407 Proxy Authentication Required")) as port:
        monkeypatch.setenv("HTTP_PROXY", f"127.0.0.1:{port}")
        error = await failed(way, "http://api.example.com")
    assert (error.cause, error.params) == ("proxy_auth", {"proxy": f"127.0.0.1:{port}"})


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("host", ["127.0.0.1", "proxy.invalid"])
async def test_a_dead_proxy_is_told_from_a_dead_service(
    host: str, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with dead_port() as port:
        proxy = f"{host}:{port}"
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy}")
        error = await failed(way, "https://api.example.com")
    assert (error.cause, error.params) == ("proxy_dead", {"proxy": proxy})


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["ALL_PROXY", "HTTPS_PROXY", "all_proxy"])
async def test_a_socks_proxy_without_its_package_is_named_with_the_cure(
    name: str, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a traceback nor a request past the proxy."""
    found = util.find_spec
    monkeypatch.setattr(
        "providers.clients.find_spec", lambda n: None if n == "socksio" else found(n)
    )
    monkeypatch.setenv(name, "socks5://me:hunter22@127.0.0.1:1080")
    error = await failed(way, "https://api.example.com")
    assert (error.cause, error.params) == ("socks_package", {"proxy": "127.0.0.1:1080"})
    assert "'.[socks]'" in cure(error)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("proxy", ["socks://127.0.0.1:1080", "ftp://127.0.0.1:21"])
async def test_a_proxy_of_another_kind_is_named(
    proxy: str, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    error = await failed(way, "https://api.example.com")
    assert (error.cause, error.params) == ("proxy_scheme", {"proxy": proxy})


@pytest.mark.filterwarnings(  # httpcore leaves a connection open where SOCKS fails
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.parametrize("way", WAYS)
async def test_a_socks_proxy_is_gone_over(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its package; the service's name is looked up by the proxy, or here, as it says."""
    greeted: list[bytes] = []

    async def socks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        greeted.append(await reader.read(3))
        writer.close()

    server = await asyncio.start_server(socks, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        monkeypatch.setenv("ALL_PROXY", f"socks5h://127.0.0.1:{port}")
        await failed(way, "https://api.example.com")
        gc.collect()
    assert greeted
    assert greeted[0][:1] == b"\x05"


async def test_a_proxy_that_leads_elsewhere_is_nobodys_business(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What NO_PROXY exempts, and this machine's own, are reached straight."""
    monkeypatch.setattr("providers.clients.find_spec", lambda _: None)
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")
    monkeypatch.setenv("NO_PROXY", "example.org")
    for url in ("https://api.example.org/v1", "http://127.0.0.1:8000/v1"):
        await http_client(url).aclose()
