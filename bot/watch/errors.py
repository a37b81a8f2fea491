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


_WORDS = frozenset({
    "stop", "tool_calls", "function_call", "completed", "end_turn", "stop_sequence", "tool_use",
    "eos", "eos_token", "complete", "tool_call", "length", "max_length", "max_tokens",
    "max_output_tokens", "max_completion_tokens", "token_limit", "model_length",
    "model_context_window_exceeded", "content_filter", "safety", "recitation", "blocklist",
    "prohibited_content", "spii", "refusal", "sensitive", "image_safety",
    "image_prohibited_content", "image_recitation", "guardrail_intervened", "error", "abort",
    "aborted", "cancelled", "canceled", "failed", "timeout", "network_error", "server_error",
    "insufficient_system_resource", "other", "language", "pause_turn", "incomplete",
    "malformed_function_call", "unexpected_tool_call", "continuation",
})  # fmt: skip
"""The words for an answer's end that are told apart: those that services document."""

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


def word_label(word: str | None) -> str:
    """A service's word for an answer's end, where it is one of those that are known."""
    if word is None:
        return "none"
    return form if (form := word.lower()) in _WORDS else OTHER


def error_type(error: str | None) -> str | None:
    """The kind of error that ended a run, for traces; None where none did."""
    return None if error is None else _kind(error, _PROVIDERS)


def _kind(told: str, known: frozenset[str]) -> str:
    kind = told.partition(":")[0]
    return kind if kind in known else OTHER
