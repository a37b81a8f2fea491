"""Why an answer ended, in the words of many services.

Only a word that its service is known to use for a whole answer makes an answer whole. Limits,
filters and failures are known by the words of all services together; whatever else a service
says is an end for a reason that nobody here knows, and the reader is told so.
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
"""How long the usage may take once the finish reason is there: the answer is whole by then."""

WORD_CHARACTERS = 64
"""The most that is kept of a service's word; one that is longer ends in an ellipsis."""

OPENAI = frozenset({"stop", "tool_calls", "function_call", "completed"})
"""OpenAI and Azure: Chat Completions, and the status of the Responses API."""
ANTHROPIC = frozenset({"end_turn", "stop_sequence", "tool_use"})
GOOGLE = frozenset({"stop"})
COMPATIBLE = OPENAI | ANTHROPIC | {"eos", "eos_token"}
"""Servers of OpenAI's dialect: gateways hand Anthropic's words on, Together says `eos`, Hugging
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
"""What only filters are called, alone (`SAFETY`) or with more (`content_filter: OTHER`)."""

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
"""Words that say that the service gave up: half an answer, not an end."""

_NOT_YET = frozenset({"null", "none", "in_progress", "queued", "finish_reason_unspecified"})
"""What some services call it while an answer goes on."""


def ended(generation: Generation, said: Any, whole: frozenset[str]) -> None:
    """Notes what a service says about an answer's end; nothing where it has not ended.

    `said` is whatever stands in the place of the word: mostly a string, or nothing. `whole` are
    the service's words for a whole answer. Once a service gave another reason, a word for `whole`
    does not make good for it. Raises a `ProviderError` where the service says that it failed.
    """
    if not said or (word := _known_form(said)) in _NOT_YET:
        return
    if generation.finish_reason in (None, "stop"):
        generation.finish_word = _readable(said)
        generation.finish_reason = reason = _reason(word, whole)
        if reason == "unknown":
            log.warning("model.unknown_finish_reason", reason=generation.finish_word)


def _reason(word: str, whole: frozenset[str]) -> FinishReason:
    """What a word means; raises a `ProviderError` where it means a failure."""
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
    """In small letters. Other alphabets stay as they are: some of their letters become ASCII."""
    if not isinstance(said, str):
        return ""
    return said.lower() if said.isascii() else said


def _readable(said: Any) -> str:
    """What can be stored and shown of a word: one line, of bounded length."""
    word = said if isinstance(said, str) else json.dumps(said, default=str)
    shown = "".join(c if c.isprintable() else "\ufffd" for c in word[:WORD_CHARACTERS])
    return shown if len(word) <= WORD_CHARACTERS else f"{shown[:-1]}…"
