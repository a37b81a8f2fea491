"""Why an answer ended: the finish reasons of many services.

An answer is complete only by a word that its own service is known to use for that. The words for
limits, filters and failures are those of all services together. Any other word makes the finish
reason `unknown`, and the reader is told so.
"""

from __future__ import annotations

import json
import re
from typing import Any

import structlog

from providers.base import FinishReason, Generation
from providers.errors import by_code

log = structlog.get_logger(__name__)

TRAILER_SECONDS = 5.0
"""Seconds to wait for the usage after the finish reason: the answer is complete by then."""

WORD_CHARACTERS = 64
"""Most characters kept of a service's word; a longer one ends in an ellipsis."""

OPENAI = frozenset({"stop", "tool_calls", "function_call", "completed"})
"""OpenAI and Azure: Chat Completions, and the status of the Responses API."""
ANTHROPIC = frozenset({"end_turn", "stop_sequence", "tool_use"})
GOOGLE = frozenset({"stop"})
COMPATIBLE = OPENAI | ANTHROPIC | {"eos", "eos_token"}
"""Servers with OpenAI's API: gateways pass on Anthropic's words, Together says `eos`, Hugging
Face `eos_token`."""
ANY = COMPATIBLE | GOOGLE | {"complete", "tool_call"}
"""Services behind a LangChain class: Cohere says `COMPLETE` and `TOOL_CALL`."""

_LENGTH = frozenset(
    {
        "length",
        "max_length",
        "max_tokens",
        "max_output_tokens",
        "max_completion_tokens",
        "token_limit",
        "model_length",
        "model_context_window_exceeded",
        "continuation",
    }
)

_FILTER = re.compile(
    r"content[ _-]?filter|safety|recitation|blocklist|prohibited|spii|refus|sensitive|guardrail"
    r"|moderat|model_armor|jailbreak|inspection_failed"
)
"""Parts of words that only filters use, alone (`SAFETY`) or with more (`content_filter: OTHER`)."""

_FAILED = frozenset(
    {
        "error",
        "abort",
        "aborted",
        "cancelled",
        "canceled",
        "failed",
        "timeout",
        "network_error",
        "server_error",
        "insufficient_system_resource",
    }
)
"""Words for a failure: the answer is incomplete and is treated as broken off."""

_NOT_YET = frozenset({"null", "none", "in_progress", "queued", "finish_reason_unspecified"})
"""What some services put there while the answer goes on."""


def ended(generation: Generation, said: Any, whole: frozenset[str]) -> None:
    """Sets the finish reason of `generation` if the service gives one.

    `said` is the field's value: mostly a string or None, but services send other things too.
    `whole` are the service's words for a complete answer. A reason other than `stop` is final: a
    later word from `whole` does not replace it. Raises a `ProviderError` if the word means a
    failure.
    """
    if not said or (word := _known_form(said)) in _NOT_YET:
        return
    if generation.finish_reason in (None, "stop"):
        generation.finish_word = _readable(said)
        generation.finish_reason = reason = _reason(word, whole)
        if reason == "unknown":
            log.warning("model.unknown_finish_reason", reason=generation.finish_word)


def _reason(word: str, whole: frozenset[str]) -> FinishReason:
    """The finish reason that a word means; raises a `ProviderError` if it means a failure."""
    if word in whole:
        return "stop"
    if word in _LENGTH:
        return "length"
    if _FILTER.search(word):
        return "filter"
    if word in _FAILED:
        raise by_code(word)
    return "unknown"


def _known_form(said: Any) -> str:
    """The word in lower case.

    Words that are not ASCII stay as they are: lowering turns some of their letters into ASCII.
    """
    if not isinstance(said, str):
        return ""
    return said.lower() if said.isascii() else said


def _readable(said: Any) -> str:
    """The word as it is stored and shown: printable, on one line, of bounded length."""
    word = said if isinstance(said, str) else json.dumps(said, default=str)
    shown = "".join(c if c.isprintable() else "\ufffd" for c in word[:WORD_CHARACTERS])
    return shown if len(word) <= WORD_CHARACTERS else f"{shown[:-1]}…"
