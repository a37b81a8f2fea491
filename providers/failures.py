"""Reads an SDK's exception: status, codes, the service's words without secrets, when to retry."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from email.utils import parsedate_to_datetime
from time import time
from typing import Any

_LONGEST = 4_000
"""Most characters of a service's words that are read."""
_DEEPER = ("error", "innererror", "inner_error", "base_resp", "metadata", "detail")
"""Fields in which services nest more details of an error."""
_CODES = ("code", "error_code", "type", "status", "reason", "error_type")
_WORDS = (
    "message",
    "msg",
    "status_msg",
    "error_msg",
    "error_description",
    "detail",
    "error",
    "raw",
)
_LITELLM = re.compile(r"litellm\.(\w+)")


def codes(error: BaseException) -> Iterator[str]:
    """The service's own codes for the error, the most specific first."""
    own = (_code(error), *(getattr(error, name, None) for name in ("error_code", "type")))
    yield from (code for code in own if isinstance(code, str))
    for told in documents(error):
        if number := told.get("status_code"):
            yield f"base_resp:{number}"  # MiniMax, under an HTTP status that says something else
        if told.get("reasons") or told.get("flagged_input"):
            yield "content_filter"  # OpenRouter's moderation, as 403
        values = (told.get(name) for name in _CODES)
        yield from (str(code) for code in values if isinstance(code, (str, int)))
    yield from _LITELLM.findall(words(error))


def documents(error: BaseException) -> Iterator[Mapping[str, Any]]:
    """The JSON objects in the service's answer, from the outside in."""
    for name in ("body", "details"):
        yield from _within(getattr(error, name, None))
    yield from _within(_answer(error))


def words(error: BaseException) -> str:
    """The service's messages, one per line; empty if it sent none."""
    found = [
        value
        for told in documents(error)
        for name in _WORDS
        if isinstance(value := told.get(name), str)
    ]
    body = getattr(error, "body", None)
    if isinstance(body, str) and not is_page(error):
        found.append(body)
    answered = hasattr(error, "status_code") or hasattr(error, "details")
    if not found and answered and (message := getattr(error, "message", None)):
        found.append(str(message))
    return "\n".join(dict.fromkeys(found))[:_LONGEST]


def is_page(error: BaseException) -> bool:
    """Whether a web page came instead of the service's answer: from a proxy or a firewall."""
    response = getattr(error, "response", None)
    kind = str(getattr(response, "headers", {}).get("content-type", ""))
    body = getattr(error, "body", None)
    page = isinstance(body, str) and body.lstrip()[:1] == "<"
    return page or kind.startswith(("text/html", "application/xhtml"))


def details(error: BaseException) -> Iterator[Mapping[str, Any]]:
    """The `details` in an error of Google's services."""
    body = getattr(error, "details", None)
    told = body.get("error") if isinstance(body, Mapping) else None
    listed = told.get("details") if isinstance(told, Mapping) else None
    return (detail for detail in listed or () if isinstance(detail, Mapping))


def status(error: BaseException) -> int | None:
    """The HTTP status of an exception or of one in its chain, or None.

    An error in mid-stream may have it as its code.
    """
    for link in chain(error):
        number = getattr(link, "status_code", None)
        if isinstance(number, int):
            return number
        code = str(_code(link))
        # In the chain only Google's codes count: a transport's code may have another meaning.
        if (link is error or hasattr(link, "details")) and re.fullmatch("204|[345][0-9]{2}", code):
            return int(code)
    return None


def is_told(error: BaseException) -> bool:
    """Whether the error was reported by the service itself, rather than by a transport."""
    words = ((getattr(link, "body", None), getattr(link, "details", None)) for link in chain(error))
    return any(word is not None for told in words for word in told)


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and its causes, the outermost first; of a group, the first exception.

    Some transports pass the cause as an argument instead of raising `from` it.
    """
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        else:
            wrapped = error.args[0] if error.args else None
            error = error.__cause__ or (wrapped if isinstance(wrapped, BaseException) else None)


def url_of(error: BaseException) -> Any:
    """The URL of the request, an SDK's own object; None if it is not known."""
    for link in chain(error):
        try:
            return link.request.url  # type: ignore[attr-defined]  # where there is one
        except (AttributeError, RuntimeError):  # httpx raises `RuntimeError` if none was set
            continue
    return None


def retry_after(error: Exception) -> float | None:
    """Seconds that the service wants to be left alone, from its headers or Google's details."""
    for link in chain(error):
        headers: Mapping[str, Any] = getattr(getattr(link, "response", None), "headers", {})
        if (milliseconds := _number(headers.get("retry-after-ms"))) is not None:
            return milliseconds / 1000
        if (seconds := _seconds(headers.get("retry-after"))) is not None:
            return seconds
        for detail in details(link):
            if (seconds := _number(str(detail.get("retryDelay")).removesuffix("s"))) is not None:
                return seconds
    return None


def _code(error: BaseException) -> Any:
    """The attribute `code`; not aiohttp's property of that name, which only warns."""
    return vars(error).get("code")


def _within(told: Any, depth: int = 4) -> Iterator[Mapping[str, Any]]:
    if isinstance(told, list):
        for each in told[:8]:
            yield from _within(each, depth - 1)
    if not isinstance(told, Mapping) or depth == 0:
        return
    yield told
    for name in (*_DEEPER, "details"):
        yield from _within(told.get(name), depth - 1)


def _answer(error: BaseException) -> Any:
    """The whole JSON of the service's answer (SDKs keep only a part of it), or None."""
    response = getattr(error, "response", None)
    try:
        return json.loads(response.text)  # type: ignore[union-attr]  # None has no text
    except Exception:  # noqa: BLE001 - unread, no text, no JSON: each SDK raises something else
        return None


def _seconds(value: object) -> float | None:
    """The header `Retry-After` in seconds; it may be a date."""
    if (seconds := _number(value)) is not None:
        return seconds
    try:
        return max(0.0, parsedate_to_datetime(str(value)).timestamp() - time())
    except ValueError:
        return None


def _number(value: object) -> float | None:
    try:
        return max(0.0, float(str(value)))
    except ValueError:
        return None


# A service's own words for the operator, without secrets and without the conversation.


_LONGEST_TOLD = 300
"""Most characters of the redacted line."""
_LOOKED_AT = 2_000
"""Most characters that are compared with the conversation, which takes time."""
_KEY, _QUOTE = "[key]", "[…]"
_WINDOW, _DENSE_WINDOW = 16, 6
"""Characters in a row that make a quote if the conversation contains them too; the second number
is for runs without any ASCII, as in Chinese, where few characters say much."""
_HEADERS = ("authorization", "api-key", "x-api-key", "x-goog-api-key", "proxy-authorization")
_SECRETS = re.compile(
    r"\b(?:Bearer|Basic)\s+\S+"
    r"|\b(?:sk|pk|rk|xai|gsk|or|hf|nvapi|AIza|eyJ)[-_A-Za-z0-9*.\u2026]{6,}"
    r"|\b(?=[A-Za-z0-9_\-]*\d)(?=[A-Za-z0-9_\-]*[A-Za-z])[A-Za-z0-9_\-]{24,}"
    r"|\b\w*\*{3,}\w*"
    r"|(?<=://)[^\s/@]+@"
)
"""What looks like a key: by its prefix, by its length and mix of characters, or by its stars."""


def redacted(said: str, asked: Sequence[str], error: BaseException) -> str:
    """One short line of what a service said.

    The keys of the request, everything that looks like a key, and quotes of `asked` are replaced.
    """
    # Before the text is shortened: half a key would no longer be recognised.
    for secret in _secrets(error):
        said = said.replace(secret, _KEY)
    said = said[:_LOOKED_AT]
    for text in asked:
        said = _without(said, text)
    said = " ".join(_SECRETS.sub(_KEY, said).split())
    return said if len(said) <= _LONGEST_TOLD else said[: _LONGEST_TOLD - 1] + "…"


def _secrets(error: BaseException) -> Iterator[str]:
    """The credentials in the request's headers."""
    for link in chain(error):
        try:
            headers = link.request.headers  # type: ignore[attr-defined]  # where there is one
        except (AttributeError, RuntimeError):
            continue
        told = (headers.get(name, "") for name in _HEADERS)
        yield from (value.split(" ")[-1] for value in told if len(value) >= 4)


def _without(said: str, text: str) -> str:
    """What was said, without every run of characters that stands in the text too."""
    forms = {text.strip(), json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    for form in forms:
        if 2 < len(form) < _WINDOW:
            said = re.sub(rf"(?<!\w){re.escape(form)}(?!\w)", _QUOTE, said, flags=re.I)
    known = "\n".join(forms).lower()
    covered = _covered(said.lower(), known)
    pieces: list[str] = []
    for at, letter in enumerate(said):
        if not covered[at]:
            pieces.append(letter)
        elif not at or not covered[at - 1]:
            pieces.append(_QUOTE)
    return "".join(pieces)


def _covered(said: str, known: str) -> list[bool]:
    covered = [False] * len(said)
    for size in (_WINDOW, _DENSE_WINDOW):
        for at in range(len(said) - size + 1):
            run = said[at : at + size]
            if (size == _WINDOW or _is_dense(run)) and run in known:
                covered[at : at + size] = [True] * size
    return covered


def _is_dense(run: str) -> bool:
    return not any(letter.isascii() for letter in run)
