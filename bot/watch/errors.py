"""Errors as few words: what is counted must not hold what a platform or a service has said."""

from __future__ import annotations

from collections.abc import Iterator

from bot.store import RunEnd
from connectors.base import ConnectorError
from providers.base import ProviderError

OTHER = "other"
OK = "ok"


def _names(error: type[Exception]) -> frozenset[str]:
    below = (_names(each) for each in error.__subclasses__() if _is_seam(each))
    return frozenset({error.__name__}).union(*below)


def _is_seam(error: type[Exception]) -> bool:
    return error.__module__ in ("connectors.base", "providers.base")


_CALLS = _names(ConnectorError)
_PROVIDERS = _names(ProviderError)


def call_result(error: str | None) -> str:
    """How a call went: `ok`, or the kind of its error (`RateLimited` is a 429)."""
    return OK if error is None else _kind(error, _CALLS)


def provider_errors(model: str, end: RunEnd) -> Iterator[tuple[str, str]]:
    """Each failed try of a run: the model, and the kind of error."""
    if end.attempts:
        for attempt in end.attempts:
            if attempt["error"] is not None:
                yield attempt["model"], _kind(attempt["error"], _PROVIDERS)
    elif end.error is not None and (kind := _kind(end.error, _PROVIDERS)) != OTHER:
        yield model, kind


def error_type(error: str | None) -> str | None:
    """The kind of error that ended a run, for traces; None where none did."""
    return None if error is None else _kind(error, _PROVIDERS)


def _kind(told: str, known: frozenset[str]) -> str:
    kind = told.partition(":")[0]
    return kind if kind in known else OTHER
