"""Why an answer ended, in the words of many services."""

from __future__ import annotations

import structlog

from providers.base import FinishReason
from providers.errors import by_code

log = structlog.get_logger(__name__)

TRAILER_SECONDS = 5.0
"""How long the usage may take once the finish reason is there: the answer is whole by then."""

_FINISH: dict[str, FinishReason] = {
    "stop": "stop",
    "completed": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_calls": "stop",
    "tool_use": "stop",
    "function_call": "stop",
    "malformed_function_call": "stop",
    "unexpected_tool_call": "stop",
    "length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_length": "length",
    "model_context_window_exceeded": "length",
    "content_filter": "filter",
    "safety": "filter",
    "refusal": "filter",
    "recitation": "filter",
    "blocklist": "filter",
    "prohibited_content": "filter",
    "spii": "filter",
    "image_safety": "filter",
}
"""What services call their finish reasons, in small letters."""

_FAILED = frozenset({"error", "abort", "insufficient_system_resource"})
"""Words that say that the service gave up: half an answer, not an end."""


def finish_reason(word: str) -> FinishReason:
    """The finish reason for a service's word; raises a `ProviderError` where it means a failure."""
    word = word.lower()
    if word in _FAILED:
        raise by_code(word)
    if word not in _FINISH:
        log.warning("model.unknown_finish_reason", reason=word[:40])
    return _FINISH.get(word, "stop")
