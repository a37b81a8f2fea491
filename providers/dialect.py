"""Where OpenAI's chat dialects differ, and how each is made the same.

Every server calls reasoning, usage and tool calls a little differently. Both ways to read a
stream take a chunk through these functions, so nothing behind them knows one from the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.base import Usage

Chunk = dict[str, Any]


def choice_of(chunk: Chunk) -> dict[str, Any] | None:
    """The answer's part in a chunk; None in one that carries usage or a filter's results only."""
    choices = chunk.get("choices")
    return choices[0] if choices else None


def delta_of(choice: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is new; empty where it is missing or null (Azure's filter sends such chunks)."""
    return choice.get("delta") or {}


def reasoning_of(delta: Mapping[str, Any]) -> Any:
    """DeepSeek, llama.cpp and older vLLM call it `reasoning_content`; others, `reasoning`."""
    return delta.get("reasoning_content") or delta.get("reasoning")


def tool_calls_of(delta: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The tool calls, each with an index and a function, which some servers leave out."""
    calls = delta.get("tool_calls") or ()
    return [{"index": n, **call, "function": call.get("function") or {}}
            for n, call in enumerate(calls)]  # fmt: skip


def usage_of(chunk: Chunk) -> Mapping[str, Any] | None:
    """The usage so far. Groq also tells it apart, and some servers tell it in every chunk.

    What DeepSeek had read before is moved to where all others tell it.
    """
    usage: Mapping[str, Any] | None = chunk.get("usage") or (chunk.get("x_groq") or {}).get("usage")
    hit = (usage or {}).get("prompt_cache_hit_tokens")
    if usage and hit and not usage.get("prompt_tokens_details"):
        return {**usage, "prompt_tokens_details": {"cached_tokens": hit}}
    return usage


def counted(usage: Mapping[str, Any]) -> Usage:
    """Usage as both of OpenAI's protocols name it; what is missing counts as none."""
    given = usage.get("prompt_tokens") or usage.get("input_tokens") or 0
    made = usage.get("completion_tokens") or usage.get("output_tokens") or 0
    details = usage.get("prompt_tokens_details") or usage.get("input_tokens_details") or {}
    return Usage(int(given), int(made), int(details.get("cached_tokens") or 0))
