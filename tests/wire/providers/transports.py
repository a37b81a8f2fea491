"""What servers and proxies put on a connection, and what must come of it, whatever reads it.

Each case is played over a real socket for every way to read a service, and comes to the same: the
whole answer, or one cause. `python -m tests.wire.providers.transports` writes the table in
`docs/providers.md`.
"""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from bot.words import CATALOGUE
from tests.doubles.openai import Act, Drop, Freeze, Wait
from tests.unit.providers.table import line, write

BEGIN = "<!-- table: python -m tests.wire.providers.transports -->\n"
WHOLE = "whole"

Door = Literal[
    "plain", "tls", "expired", "self_signed", "other_name", "unknown_ca", "not_yet_valid",
    "plain_as_tls", "proxy", "proxy_tls",
]  # fmt: skip
"""How the service is reached: on which port of loopback, under which certificate, over what."""


@dataclass(frozen=True)
class Said:
    """An answer in a service's own words: what comes before its end, and its end."""

    begun: bytes
    end: bytes

    @property
    def whole(self) -> bytes:
        return self.begun + self.end


Play = Callable[[Said], Sequence[Act]]


@dataclass(frozen=True)
class Carried:
    """One case. `comes` is `whole`, or the cause; `proxy` is what a proxy answers first."""

    what: str
    comes: str
    play: Play
    door: Door = "plain"
    proxy: Sequence[Act] = ()
    stall_seconds: float = 60.0
    connect_seconds: float = 30.0

    @property
    def name(self) -> str:
        """For addresses: letters and digits."""
        return "".join(letter if letter.isalnum() else "-" for letter in self.what.lower())[:60]


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
LAST = b"0\r\n\r\n"
EMPTY = b"Content-Length: 0\r\n\r\n"


def chunk(data: bytes, size: str = "%x") -> bytes:
    """One chunk of a chunked body."""
    return (size % len(data)).encode() + b"\r\n" + data + b"\r\n"


def sized(said: bytes, head: bytes = HEAD) -> bytes:
    """An answer with its length."""
    return head + b"Content-Length: %d\r\n\r\n" % len(said) + said


def line_ends_bare(said: Said) -> Sequence[Act]:
    """Lines of the head that end in LF alone."""
    head, _, body = sized(said.whole).partition(b"\r\n\r\n")
    return [head.replace(b"\r", b"") + b"\n\n" + body]


def sent(*acts: Act) -> Play:
    """The same, whatever would be said."""
    return lambda _said: acts


def compressed(how: str, by: Callable[[bytes], bytes]) -> Play:
    """Compressed though nobody asked for it."""
    head = HEAD + b"Content-Encoding: " + how.encode() + b"\r\n"
    return lambda said: [sized(by(said.whole), head)]


def redirect(status: int, to: str) -> Play:
    """A redirect."""
    head = f"HTTP/1.1 {status} Moved\r\nLocation: {to}\r\nConnection: close\r\n"
    return sent(head.encode() + EMPTY)


def slowly(data: bytes, seconds: float = 0.05) -> list[Act]:
    """One byte after the other."""
    return [act for byte in data for act in (bytes([byte]), Wait(seconds))]


def byte_by_byte(said: Said) -> Sequence[Act]:
    """Each byte is a chunk."""
    whole = said.whole
    return [CHUNKED + b"".join(chunk(whole[at : at + 1]) for at in range(len(whole))) + LAST]


def half(said: Said) -> Sequence[Act]:
    """The beginning, and no more."""
    return [CHUNKED + chunk(said.begun), Freeze()]


_RESET = Drop()
_OK = b"HTTP/1.1 200 OK\r\n"
_HEADERS = b"".join(b"X-%d: y\r\n" % number for number in range(300))
_EARLY = b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n"
_TRAILERS: list[Act] = [b"X: y\r\n", Wait(0.01)] * 200
_HINTS: list[Act] = [_EARLY, Wait(0.01)] * 200
_ELSEWHERE = "http://other.example/v1/chat/completions"
TUNNEL = b"HTTP/1.1 200 Connection established\r\n\r\n"


def whole_sized(said: Said) -> Sequence[Act]:
    """The plain case."""
    return [sized(said.whole)]


CASES: tuple[Carried, ...] = (
    # Whole answers, in every form that HTTP/1.1 and its users know.
    Carried("a length", WHOLE, whole_sized),
    Carried("chunks", WHOLE, lambda said: [CHUNKED + chunk(said.begun) + chunk(said.end) + LAST]),
    Carried("chunks of one byte", WHOLE, byte_by_byte),
    Carried("chunks with extensions, a trailer behind", WHOLE, lambda said: [
        CHUNKED + chunk(said.whole, '%x;name=value;other="a;b"') + b"0;last\r\nX-Sum: 1\r\n\r\n"]),
    Carried("chunk sizes with zeros before and in capitals", WHOLE,
            lambda said: [CHUNKED + chunk(said.whole, "00%X") + LAST]),
    Carried("chunk sizes with a space behind", WHOLE,
            lambda said: [CHUNKED + chunk(said.whole, "%x ") + LAST]),
    Carried("the end of the connection ends the answer", WHOLE,
            lambda said: [HEAD + b"Connection: close\r\n\r\n" + said.whole]),
    Carried("HTTP/1.0", WHOLE, lambda said: [b"HTTP/1.0 200 OK\r\n\r\n" + said.whole]),
    Carried("lines that end in LF alone", WHOLE, line_ends_bare),
    Carried("no reason behind the status", WHOLE,
            lambda said: [sized(said.whole, b"HTTP/1.1 200\r\n")]),
    Carried("a head that comes byte by byte", WHOLE,
            lambda said: [*slowly(HEAD, 0.0), sized(said.whole, b"")]),
    Carried("100 and 103 before the answer", WHOLE, lambda said: [
        b"HTTP/1.1 100 Continue\r\n\r\n" + _EARLY + sized(said.whole)]),
    Carried("gzip that nobody asked for", WHOLE, compressed("gzip", gzip.compress)),
    Carried("deflate that nobody asked for", WHOLE, compressed("deflate", zlib.compress)),
    Carried("an offer to upgrade", WHOLE, lambda said: [
        sized(said.whole, HEAD + b"Upgrade: h2c\r\nConnection: Upgrade\r\n")]),
    Carried("a second answer in the same segment", WHOLE, lambda said: [
        sized(said.whole) + b"HTTP/1.1 500 Oops\r\n" + EMPTY]),
    Carried("junk behind the answer", WHOLE,
            lambda said: [sized(said.whole), Wait(0.01), b"\0junk\r\n\r\n"]),
    Carried("junk behind the answer, in the segment of its end", WHOLE,
            lambda said: [sized(said.whole)[:-9], Wait(0.01), said.end[-9:] + b"\0junk\r\n"]),
    Carried("no last chunk, but the service said that it is done", WHOLE,
            lambda said: [CHUNKED + chunk(said.whole)]),
    Carried("307 on the same server, which keeps the request", WHOLE, redirect(307, "?moved")),
    Carried("no end of its trailers, but the service said that it is done", WHOLE, lambda said: [
        CHUNKED + chunk(said.whole) + b"0\r\n", *_TRAILERS]),
    # Answers that break off, or never were.
    Carried("no last chunk", "broken_off", lambda said: [CHUNKED + chunk(said.begun)]),
    Carried("a chunk that is cut", "broken_off",
            lambda said: [CHUNKED + chunk(said.whole)[: len(said.begun)]]),
    Carried("a chunk size that is none", "broken_off",
            lambda said: [CHUNKED + chunk(said.begun), Wait(0.01), b"zz\r\n"]),
    Carried("a chunk size beyond all bounds", "broken_off",
            lambda said: [CHUNKED + chunk(said.begun), Wait(0.01), b"F" * 40 + b"\r\n"]),
    Carried("fewer bytes than its length", "broken_off",
            lambda said: [sized(said.whole)[: -len(said.end)]]),
    Carried("more bytes than its length", "not_finished", lambda said: [
        sized(said.begun)[:-9], Wait(0.01), said.begun[-9:] + said.end]),
    Carried("more bytes than its length, all in one segment", "no_http",
            lambda said: [sized(said.begun) + said.end]),
    Carried("a length with neither end nor chunks: cut at an event", "not_finished",
            lambda said: [HEAD + b"\r\n" + said.begun]),
    Carried("a reset in the middle", "broken_off",
            lambda said: [CHUNKED + chunk(said.begun), Wait(0.05), _RESET]),
    Carried("a reset in a body that the connection's end would end", "not_finished",
            lambda said: [HEAD + b"\r\n" + said.begun, Wait(0.05), _RESET]),
    Carried("a reset before the head", "broken_off", sent(_RESET)),
    Carried("the connection ends before the head", "broken_off", sent()),
    Carried("the connection ends in the head", "broken_off", sent(HEAD)),
    # What is no HTTP, or beyond its bounds.
    Carried("junk behind the answer, all in one segment", "no_http",
            lambda said: [sized(said.whole) + b"\0junk\r\n\r\n"]),
    Carried("two lengths that differ", "no_http", lambda said: [
        sized(said.whole, HEAD + b"Content-Length: 7\r\n")]),
    Carried("a length beside chunks", "no_http", lambda said: [
        HEAD + b"Content-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n"
        + chunk(said.whole) + LAST]),
    Carried("a length that is none", "no_http", sent(HEAD + b"Content-Length: -1\r\n\r\n")),
    Carried("101, an upgrade that nobody asked for", "no_http", sent(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")),
    Carried("HTTP/2", "no_http", sent(b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64", Freeze())),
    Carried("another protocol", "no_http", sent(b"220 mail.example.com ESMTP\r\n", Freeze())),
    Carried("a header line of 64 kB", "no_http",
            sent(_OK + b"X: " + b"y" * 65_536 + b"\r\n\r\n", Freeze())),
    Carried("a header that never ends", "no_http",
            sent(_OK + b"X: ", *[b"y" * 8_192] * 16, Freeze())),
    Carried("a status line of 64 kB", "no_http",
            sent(b"HTTP/1.1 200 " + b"y" * 65_536 + b"\r\n\r\n", Freeze())),
    Carried("300 headers", "no_http", sent(_OK + _HEADERS + b"\r\n", Freeze())),
    Carried("br that nobody asked for", "no_http", compressed("br", zlib.compress)),
    Carried("chunks of gzip as a transfer", "no_http", lambda said: [
        HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n"
        + chunk(gzip.compress(said.whole)) + LAST]),
    # Too slow.
    Carried("a head that takes a second a byte", "silent", sent(*slowly(_OK, 1.0)),
            stall_seconds=0.3),
    Carried("103 again and again", "silent", sent(*_HINTS, Freeze()),
            stall_seconds=0.3),
    Carried("nothing", "silent", sent(Freeze()), stall_seconds=0.3),
    Carried("a silence in the middle", "silent", half, stall_seconds=0.3),
    # No stream.
    Carried("204, nothing to say", "no_stream", sent(b"HTTP/1.1 204 No Content\r\n\r\n")),
    Carried("304, for what nobody has", "redirected", sent(b"HTTP/1.1 304 Not Modified\r\n\r\n")),
    Carried("301 on the same server: it would ask for nothing", "redirected",
            redirect(301, "/elsewhere")),
    Carried("302 to another server", "redirected", redirect(302, _ELSEWHERE)),
    Carried("307 to another server", "redirected", redirect(307, _ELSEWHERE)),
    Carried("308 to https", "redirected", redirect(308, "https://localhost/v1")),
    Carried("307 in a circle", "redirected", redirect(307, "?again")),
    Carried("302 to nowhere", "redirected", sent(b"HTTP/1.1 302 Found\r\n" + EMPTY)),
    Carried("302 to what is no address", "redirected", redirect(302, "http://[")),
    # Certificates.
    Carried("TLS, a certificate that is trusted", WHOLE, whole_sized, "tls"),
    Carried("a certificate that has expired", "tls_expired", whole_sized, "expired"),
    Carried("a certificate of tomorrow", "tls_not_yet_valid", whole_sized, "not_yet_valid"),
    Carried("a certificate that signed itself", "tls_self_signed", whole_sized, "self_signed"),
    Carried("a certificate of another name", "tls_hostname", whole_sized, "other_name"),
    Carried("a certificate of an unknown authority", "tls_unknown_ca", whole_sized, "unknown_ca"),
    Carried("https:// where plain HTTP is spoken", "tls_plain",
            sent(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "plain_as_tls"),
    Carried("http:// where TLS is spoken", "no_http", sent(b"\x15\x03\x03\0\x02\x02\x46")),
    # Proxies.
    Carried("a proxy, with user and password", WHOLE, whole_sized, "proxy"),
    Carried("a proxy to a service with TLS", WHOLE, whole_sized, "proxy_tls", [TUNNEL]),
    Carried("a proxy that wants a password: 407", "proxy_auth", whole_sized, "proxy_tls",
            [b"HTTP/1.1 407 Proxy Authentication Required\r\n" + EMPTY]),
    Carried("a proxy that refuses: 403", "proxy_refused", whole_sized, "proxy_tls",
            [b"HTTP/1.1 403 Forbidden\r\n" + EMPTY]),
    Carried("a proxy that can't reach the service: 502", "proxy_failed", whole_sized, "proxy_tls",
            [b"HTTP/1.1 502 Bad Gateway\r\n" + EMPTY]),
    Carried("a proxy with a status of its own making", "proxy_failed", whole_sized, "proxy_tls",
            [b"HTTP/1.1 599\r\n" + EMPTY]),
    Carried("a proxy that answers nothing", "proxy_dead", whole_sized, "proxy_tls", [Freeze()],
            connect_seconds=0.3),
    Carried("a proxy that is none", "no_http", whole_sized, "proxy_tls",
            [b"220 mail.example.com ESMTP\r\n", Freeze()]),
    Carried("a proxy that hangs up", "broken_off", whole_sized, "proxy_tls", [_RESET]),
)  # fmt: skip


LEFT = tuple(
    Carried(f"left {when} {door}", "silent", play, door, [TUNNEL])
    for door in ("plain", "tls", "proxy_tls")
    for when, play in (("early", sent(Freeze())), ("midway", half))
)
"""What is cancelled: before the head has come, and in the middle of the answer."""


def table() -> str:
    """What comes of each case, and the cure that the operator is given."""
    head = ("what comes over the connection", "what comes of it", "the cure")
    return "\n".join([line(head), line("---" for _ in head), *_rows(), ""])


def _rows() -> Iterator[str]:
    for case in CASES:
        if case.comes == WHOLE:
            yield line((case.what, "the whole answer", ""))
        else:
            told = (CATALOGUE[f"cause.{case.comes}"], CATALOGUE[f"cure.{case.comes}"])
            yield line((case.what, *told))


def main() -> None:
    """Writes the table into the page."""
    write(BEGIN, table())
    sys.stdout.write("wrote the table of connections\n")


if __name__ == "__main__":
    main()
