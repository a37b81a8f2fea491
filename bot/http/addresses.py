"""Who a request comes from: the direct peer, or the client that a trusted proxy names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address, ip_network

import structlog
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

log = structlog.get_logger(__name__)


class Proxies:
    """The addresses and networks of `TRUSTED_PROXIES`. Raises `ValueError` for what is neither."""

    def __init__(self, trusted: Sequence[str]) -> None:
        self._networks = [ip_network(one, strict=False) for one in trusted]

    def __contains__(self, address: str) -> bool:
        try:
            found = ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self._networks)

    def client(self, peer: str, forwarded: Sequence[str]) -> str:
        """The address that a request counts for.

        `forwarded` are the values of `X-Forwarded-For`. Each proxy adds at the right end who
        connected to it, so the client is the rightmost that is no trusted proxy; anybody can have
        written what stands further left.
        """
        hops = [hop for value in forwarded for hop in value.split(",")]
        address = peer
        while address in self and hops:
            hop = _bare(hops.pop())
            if hop is None:
                break
            address = hop
        return address


class Clients:
    """ASGI middleware: says which client each request counts for, and bounds each at once.

    The `client` of a request becomes the address, or IPv6 network, that it counts for. Connections
    that come through a trusted proxy don't say whose they are; their requests do. The
    `proxy_header` of a request that comes from anybody else is taken away.
    """

    def __init__(
        self, app: ASGIApp, proxies: Proxies, at_once: int, proxy_header: str | None = None
    ) -> None:
        self._header = (proxy_header or "").lower().encode("latin-1")
        self._app = app
        self._proxies = proxies
        self._at_once = at_once
        self._open: Counter[str] = Counter()
        self._told = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        peer, port = scope.get("client") or ("", 0)
        if peer not in self._proxies:
            self._tell_of_proxy(scope, peer)
            headers = [pair for pair in scope["headers"] if pair[0] != self._header]
            direct = {"client": (network_of(peer), port), "headers": headers}
            await self._app({**scope, **direct}, receive, send)
            return
        network = network_of(self._proxies.client(peer, _values(scope, b"x-forwarded-for")))
        if self._open[network] >= self._at_once:
            await _turn_away(scope, receive, send)
            return
        self._open[network] += 1
        try:
            scheme = _scheme(scope)
            await self._app({**scope, "client": (network, port), "scheme": scheme}, receive, send)
        finally:
            self._open[network] -= 1
            if not self._open[network]:
                del self._open[network]

    def _tell_of_proxy(self, scope: Scope, peer: str) -> None:
        """Once: behind a proxy that isn't named all visitors count as one."""
        if not self._told and _is_private(peer) and _values(scope, b"x-forwarded-for"):
            self._told = True
            log.warning("http.proxy_not_trusted", peer=peer, cure="name it in TRUSTED_PROXIES")


def network_of(address: str) -> str:
    """What an address counts as: IPv6 clients have whole networks of 64 bits to choose from."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ip_network((int(found) >> 64 << 64, 64)))


def _is_private(address: str) -> bool:
    try:
        return ip_address(address).is_private
    except ValueError:
        return False


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


def _scheme(scope: Scope) -> str:
    """How the client reached the proxy; the last proxy's word."""
    told = ",".join(_values(scope, b"x-forwarded-proto")).rpartition(",")[2].strip().lower()
    secure = {"http": "https", "websocket": "wss"}
    return secure[scope["type"]] if told == "https" else str(scope["scheme"])


def _bare(hop: str) -> str | None:
    """The address of a hop, which may come with a port; None where there is none."""
    hop = hop.strip()
    if hop.startswith("["):
        hop = hop[1:].partition("]")[0]
    elif hop.count(":") == 1:
        hop = hop.partition(":")[0]
    try:
        return str(ip_address(hop))
    except ValueError:
        return None


async def _turn_away(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1013})
        return
    refusal = PlainTextResponse("Too many requests at once.\n", 429, {"Retry-After": "5"})
    await refusal(scope, receive, send)
