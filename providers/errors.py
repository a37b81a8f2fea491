"""Translates the exceptions of SDKs and transports into a cause of `providers.causes`.

What failed before anything was sent, or on the way, is recognised by the operating system's errors
at the root of the exception (`_before_the_service`). What the service answered is recognised by
its words, its codes and its HTTP status, in this order. The rest goes by the names of exception
classes: that needs no import of an SDK, and SDKs of one family share the names.
"""

from __future__ import annotations

import errno
import re
import socket
import ssl
from collections.abc import Iterator, Sequence
from typing import Any

from providers import base
from providers.addresses import proxy_of, without_credentials
from providers.base import Overloaded, ProviderError, TooLong
from providers.causes import CAUSES, SERVICE
from providers.context_window import room_in
from providers.failures import chain, codes, is_page, redacted, retry_after, status, url_of, words

CODES: dict[str, str] = {
    code: cause for cause, row in CAUSES.items() for told in row.codes.values() for code in told
}
STATUSES: dict[int, str] = {code: cause for cause, row in CAUSES.items() for code in row.statuses}
NAMES: dict[str, str] = {name: cause for cause, row in CAUSES.items() for name in row.names}
WORDS = [(cause, re.compile(row.words, re.I)) for cause, row in SERVICE.items() if row.words]

_CERTIFICATE = {
    7: "tls_unknown_ca",  # an authority of the same name, such as one that was made again
    9: "tls_not_yet_valid",
    10: "tls_expired",
    18: "tls_self_signed",
    19: "tls_unknown_ca",
    20: "tls_unknown_ca",
    21: "tls_unknown_ca",
    62: "tls_hostname",
    64: "tls_hostname",
}
"""Causes by OpenSSL's codes for a certificate that is not accepted (X509_V_ERR_…)."""

_CONNECTING = frozenset(
    {
        "ConnectError",
        "ConnectTimeout",
        "ClientConnectorError",
        "ProxyError",
        "ClientProxyConnectionError",
    }
)
"""Names of exceptions that mean that there never was a connection."""

_LONGEST_URL = 200
_TOLD_STATUS = re.compile(r"\s*([45]\d\d)\b")
_LIMIT = re.compile(r"limit:? (\d+)", re.I)
_IDENTIFIER = re.compile(r"[A-Za-z_][\w.\[\]-]{0,63}")
# OpenSSL's reasons where the other side answered a TLS handshake with plain HTTP; which of them
# comes depends on OpenSSL's version.
_PLAIN_HTTP = (
    "WRONG_VERSION_NUMBER",
    "HTTP_REQUEST",
    "RECORD_LAYER_FAILURE",
    "PACKET_LENGTH_TOO_LONG",
)


def translate(error: Exception, *, model: str = "", asked: Sequence[str] = ()) -> ProviderError:
    """The `ProviderError` for an exception; raise it `from` that.

    `model` is the one that was asked. `asked` are the conversation's texts, which are removed from
    the service's words.
    """
    cause = cause_of(error)
    said = redacted(words(error), asked, error)
    known = _Parameters(error, model, said)
    return failure(cause, known.of(cause), said=said, error=error)


def failure(
    cause: str,
    params: dict[str, str | int | float] | None = None,
    *,
    said: str = "",
    error: Exception | None = None,
) -> ProviderError:
    """A `ProviderError` of this cause; `error` is the exception that it is made from, if any."""
    kind: type[ProviderError] = getattr(base, CAUSES[cause].kind)
    known: dict[str, Any] = {"cause": cause, "params": params, "said": said}
    if issubclass(kind, Overloaded) and error is not None:
        return kind(retry_after=retry_after(error), **known)
    if issubclass(kind, TooLong) and error is not None:
        return kind(room=room_in(words(error) or str(error)), **known)
    return kind(**known)


class Answered(Exception):
    """A service reported an error inside a stream; `translate` takes it like any other."""

    def __init__(self, body: object) -> None:
        super().__init__("the service said that it failed")
        self.body = body


def by_code(code: str) -> ProviderError:
    """The `ProviderError` for a failure of which only the service's code is known."""
    return failure(CODES.get(code, "broken_off"))


def cause_of(error: Exception) -> str:
    """The id of the cause that an exception belongs to."""
    if (cause := _before_the_service(error)) is not None:
        return cause
    http = status(error)
    if (cause := _by_words(error, http) or _by_codes(error)) is not None:
        return cause
    if http is not None and (cause := _by_status(error, http)) is not None:
        return cause
    names = (name for link in _links(error) for name in _names(link))
    return next((NAMES[name] for name in names if name in NAMES), "unreadable")


def _links(error: BaseException) -> Iterator[BaseException]:
    """The exception, preceded by those in its chain that say more than what wraps them."""
    decisive = _CONNECTING | {
        "ContextOverflowError",
        "UnreadableCertificates",
        "LocalProtocolError",
        "NoHttp",
        "TooManyRedirects",
    }
    yield from (link for link in chain(error) if decisive.intersection(_names(link)))
    yield error


def _names(error: BaseException) -> list[str]:
    return [kind.__name__ for kind in type(error).__mro__]


# Before anything was sent, and on the way.


def _before_the_service(error: Exception) -> str | None:
    """The cause if it was not the service that failed; None if the service has answered."""
    if "AzureError" in _names(error):
        return None  # Entra ID's sign-in failed, not the way to the model
    links = list(chain(error))
    connecting = any(_CONNECTING.intersection(_names(link)) for link in links)
    for link in links:
        if (cause := _unsent(link)) is not None:
            return cause
    proxied = _proxied(links)
    if proxied is not None:
        return proxied
    roots = reversed(links) if connecting else ()
    return next((cause for link in roots if (cause := _at_the_door(link, error))), None)


def _unsent(link: BaseException) -> str | None:
    """The cause if the request could not be sent at all."""
    names = _names(link)
    if isinstance(link, UnicodeEncodeError) and link.encoding in ("ascii", "latin-1"):
        return "key_characters"  # only headers are encoded like this
    if "LocalProtocolError" in names or ("ValueError" in names and "header" in str(link).lower()):
        return "key_characters"
    if "UnreadableCertificates" in names:
        return "ca_file"
    code = getattr(link, "verify_code", None)  # aiohttp's wrapper is of the class, but has no code
    if isinstance(link, ssl.SSLCertVerificationError) and code is not None:
        return _CERTIFICATE.get(code, "tls_other")
    return None


def _proxied(links: list[BaseException]) -> str | None:
    """The cause if a proxy refused the connection, or None."""
    for link in links:
        names = _names(link)
        if "ClientHttpProxyError" in names or "ProxyError" in names:
            number = getattr(link, "status", None) or _told_status(link)
            if number is not None:
                return _by_proxys_status(number)
    return None


def _by_proxys_status(number: int) -> str:
    if number == 407:
        return "proxy_auth"
    return "proxy_failed" if number >= 500 else "proxy_refused"


def _told_status(link: BaseException) -> int | None:
    found = _TOLD_STATUS.match(str(link))
    return int(found[1]) if found else None


def _at_the_door(link: BaseException, error: Exception) -> str | None:
    """The cause of a failed connection, by the operating system's error.

    With a proxy, the connection that failed was the one to the proxy.
    """
    proxy = _proxy(error)
    if isinstance(link, socket.gaierror):
        away = link.errno in (socket.EAI_AGAIN, getattr(socket, "EAI_FAIL", None))
        return "proxy_dead" if proxy else "dns_away" if away else "dns_unknown"
    if isinstance(link, ssl.SSLError):
        return _handshake(link)
    code = _errno(link)
    if code == errno.ECONNREFUSED:
        return "proxy_dead" if proxy else "nobody_listens"
    if code in (errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED) or _ended(link):
        return "tls_broken_off" if _scheme(error) == "https" else "broken_off"
    if code in (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ETIMEDOUT) or _late(link):
        return "proxy_dead" if proxy else "unreachable"
    return None


def _handshake(link: ssl.SSLError) -> str:
    reason = link.reason or ""
    if reason in _PLAIN_HTTP:
        return "tls_plain"
    if isinstance(link, (ssl.SSLEOFError, ssl.SSLZeroReturnError)) or "UNEXPECTED_EOF" in reason:
        return "tls_broken_off"
    return "tls_refused"


def _errno(link: BaseException) -> int | None:
    """The operating system's error number.

    When several addresses were tried, the error may have the numbers only in its text.
    """
    if not isinstance(link, OSError):
        return None
    found = re.search(r"\[Errno (\d+)\]", str(link))
    return link.errno or (int(found[1]) if found else None)


def _ended(link: BaseException) -> bool:
    return bool({"EndOfStream", "BrokenResourceError", "ServerDisconnectedError"} & {*_names(link)})


def _late(link: BaseException) -> bool:
    return isinstance(link, TimeoutError) or "ConnectTimeout" in _names(link)


def _scheme(error: Exception) -> str:
    return str(getattr(url_of(error), "scheme", ""))


def _proxy(error: Exception) -> str | None:
    """The proxy that the request goes over, or None."""
    url = url_of(error)
    return None if url is None else proxy_of(str(url))


# What the service answered.


def _by_words(error: Exception, http: int | None) -> str | None:
    told = words(error) or next((words(link) for link in chain(error) if words(link)), "")
    if not told or is_page(error):
        return None
    found = (cause for cause, pattern in WORDS if pattern.search(told))
    # A rate limit's message may mention the context as well, but there waiting helps.
    return next((cause for cause in found if not (http == 429 and cause == "too_long")), None)


def _by_codes(error: Exception) -> str | None:
    found = (code for link in chain(error) for code in codes(link))
    return next((CODES[code] for code in found if code in CODES), None)


def _by_status(error: Exception, http: int) -> str | None:
    if is_page(error) and http not in (407, 413):
        return _by_page(http)
    return STATUSES.get(http) or ("request_refused" if http < 500 else "failed")


def _by_page(http: int) -> str:
    """The cause of a web page: it comes from something in front of the service."""
    if http >= 500:
        return "gateway"
    return "firewall" if http in (401, 403, 429, 451) else "path_unknown"


class _Parameters:
    """The values of sentences' parameters, from an exception: `_host_` gives `host`, and so on."""

    def __init__(self, error: Exception, model: str, said: str) -> None:
        self._error = error
        self._model = model
        self._said = said

    def of(self, cause: str) -> dict[str, str | int | float]:
        """The values of a cause's parameters."""
        return {name: getattr(self, f"_{name}_")() for name in CAUSES[cause].params}

    def _host_(self) -> str:
        url = url_of(self._error)
        return "" if url is None else without_credentials(str(url))

    def _to_(self) -> str:
        """Where a redirect leads, without its query."""
        url = next((link.to for link in chain(self._error) if hasattr(link, "to")), None)
        if url is None:
            return "another address"
        return f"{url.scheme}://{without_credentials(str(url))}{url.path}"[:_LONGEST_URL]

    def _url_(self) -> str:
        return str(url_of(self._error) or "").partition("?")[0]

    def _proxy_(self) -> str:
        return without_credentials(_proxy(self._error) or "")

    def _status_(self) -> int:
        links = list(chain(self._error))
        told = (getattr(link, "status", None) or _told_status(link) for link in links)
        return status(self._error) or next((one for one in told if isinstance(one, int)), 0)

    def _path_(self) -> str:
        links = chain(self._error)
        return next((path for link in links if (path := getattr(link, "path", ""))), "")

    def _character_(self) -> str:
        for link in chain(self._error):
            if isinstance(link, UnicodeEncodeError):
                return f"U+{ord(link.object[link.start]):04X}"
        return "U+000A"

    def _model_(self) -> str:
        return self._model

    def _limit_(self) -> str:
        found = _LIMIT.search(self._said)
        return found[1] if found else ""

    def _option_(self) -> str:
        return self._detail_("param") or "an option"

    def _detail_(self, *attributes: str) -> str:
        """Only what looks like an identifier, never the service's prose: it may quote a user."""
        names = (getattr(self._error, name, None) for name in attributes or ("code", "param"))
        told = [name for name in names if isinstance(name, str) and _IDENTIFIER.fullmatch(name)]
        return ", ".join(told)

    def _code_(self) -> int:
        links = (link for link in chain(self._error))
        found = (getattr(link, "verify_code", None) for link in links)
        return next((code for code in found if code is not None), 0)

    def _reason_(self) -> str:
        links = [link for link in chain(self._error) if isinstance(link, ssl.SSLError)]
        told = (
            getattr(link, "verify_message", "") or getattr(link, "reason", "") for link in links
        )
        return next((one for one in told if one), "")
