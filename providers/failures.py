"""What a failure says of itself: its status, its codes, and when to come again.

SDKs keep these in attributes of the same names, on the error or on one of its causes; so no SDK
is imported to read them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from time import time
from typing import Any


def codes(error: BaseException) -> Iterator[str]:
    """The service's own names for what went wrong."""
    body = getattr(error, "body", None)
    inner = body.get("innererror") if isinstance(body, Mapping) else None
    found = (
        getattr(error, "code", None),
        getattr(error, "error_code", None),
        getattr(error, "type", None),
        inner.get("code") if isinstance(inner, Mapping) else None,
        *(detail.get("reason") for detail in details(error)),
    )
    return (code for code in found if isinstance(code, str))


def details(error: BaseException) -> Iterator[Mapping[str, Any]]:
    """What Google's services say beside their codes."""
    body = getattr(error, "details", None)
    told = body.get("error") if isinstance(body, Mapping) else None
    listed = told.get("details") if isinstance(told, Mapping) else None
    return (detail for detail in listed or () if isinstance(detail, Mapping))


def status(error: BaseException) -> int | None:
    """The HTTP status, maybe of a cause; an error part in mid-stream may have it as its code."""
    for link in chain(error):
        number = getattr(link, "status_code", None)
        if isinstance(number, int):
            return number
        code = str(getattr(link, "code", None))
        # Of causes, Google's only: a transport's own may have a code of a broken message.
        if (link is error or hasattr(link, "details")) and re.fullmatch("[45][0-9]{2}", code):
            return int(code)
    return None


def is_told(error: BaseException) -> bool:
    """Whether the service itself said that it failed, in words of its own."""
    words = ((getattr(link, "body", None), getattr(link, "details", None)) for link in chain(error))
    return any(word is not None for told in words for word in told)


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and its causes."""
    while error is not None:
        yield error
        error = error.__cause__


def retry_after(error: Exception) -> float | None:
    """Seconds until the service wants to be asked again: from its headers, or Google's details."""
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


def _seconds(value: object) -> float | None:
    """`Retry-After`: seconds, or a date."""
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
